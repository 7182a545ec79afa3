package tray

import "slices"

// A slot is a line of the drawn menu that shows one Item after the other. The
// trays of some systems lose submenus, or clicks, when lines come and go; so
// ours has all its lines from the start and hides those it does not need.
type slot struct {
	line   line
	sub    []*slot // of a submenu: its lines; nil for a plain line
	shown  bool
	drawn  Item // what is drawn, without Items
	action Action
}

// line is one line of the system's menu.
type line interface {
	set(label string, dot Dot, enabled bool)
	show()
	hide()
}

// put draws items into slots: a plain item into a plain slot, a submenu into a
// slot with lines. What is shown already keeps its place, so that nothing
// moves under a person's pointer to another meaning. Items that find no slot
// are left out.
func put(slots []*slot, items []Item) {
	use := make(map[*slot]Item, len(slots))
	var rest []Item
	for _, it := range items {
		i := slices.IndexFunc(slots, func(s *slot) bool {
			return s.shown && s.sub != nil && len(it.Items) > 0 && key(s.drawn) == key(it)
		})
		if i < 0 {
			rest = append(rest, it)
			continue
		}
		use[slots[i]] = it
	}
	at := 0
	for _, it := range rest {
		for i := at; i < len(slots); i++ {
			s := slots[i]
			if _, taken := use[s]; !taken && (s.sub != nil) == (len(it.Items) > 0) {
				use[s] = it
				if s.sub == nil {
					at = i + 1 // plain lines keep their order
				}
				break
			}
		}
	}
	for _, s := range slots {
		if it, ok := use[s]; ok {
			s.draw(it)
		} else if s.shown {
			s.shown, s.action = false, Action{}
			s.line.hide()
		}
	}
}

// key tells whose submenu it is: that of the alias its actions carry.
func key(it Item) string {
	for _, sub := range it.Items {
		if sub.Action.Alias != "" {
			return sub.Action.Alias
		}
	}
	return it.Label
}

func (s *slot) draw(it Item) {
	if s.sub != nil {
		put(s.sub, it.Items)
	}
	if !s.shown || s.drawn.Label != it.Label || s.drawn.Dot != it.Dot || (s.action.Do == "") != (it.Action.Do == "") {
		s.line.set(literal(it.Label), it.Dot, it.Action.Do != "" || s.sub != nil)
	}
	s.drawn, s.action = it, it.Action
	if !s.shown {
		s.shown = true
		s.line.show()
	}
}
