//go:build cgo || !darwin

package window

import "fmt"

// kept are the widgets of a panel that a person may be in the middle of: what
// has the keyboard, what is being typed, how far a list is scrolled, a button
// between press and release. The next page of the same window takes them over
// and gives them their new content; all else is made anew.
type kept struct {
	before map[string]any
	now    map[string]any
}

// next is what the page after this one takes over. It may be called on nil.
func (k *kept) next() *kept {
	n := &kept{now: map[string]any{}}
	if k != nil {
		n.before = k.now
	}
	return n
}

// keep returns the widget that the page before had under the key, or a new one.
// Where a page has two of one key the second is always new.
func keep[W any](k *kept, key string, create func() W) W {
	key = fmt.Sprintf("%T %s", *new(W), key)
	if _, twice := k.now[key]; twice {
		return create()
	}
	w, ok := k.before[key].(W)
	if !ok {
		w = create()
	}
	k.now[key] = w
	return w
}
