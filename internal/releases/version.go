package releases

import (
	"cmp"
	"regexp"
	"strconv"
)

// number is a version by Semantic Versioning 2.0.0 as far as it is ours.
type number struct {
	parts [3]int
	pre   bool // 1.2.0-rc.1 comes before 1.2.0
}

var (
	form = regexp.MustCompile(`^v?([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(-[0-9A-Za-z.-]{1,40})?$`)
	// built is what git describe puts behind the tag that came before.
	built = regexp.MustCompile(`^-[0-9]+-g[0-9a-f]+(-dirty)?$|^-dirty$`)
)

// parse reads a version; ok is false where it is none, such as a development
// build's.
func parse(text string) (n number, ok bool) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return number{}, false
	}
	for i := range n.parts {
		n.parts[i], _ = strconv.Atoi(m[i+1]) // digits, and few
	}
	n.pre = m[4] != "" && !built.MatchString(m[4])
	return n, true
}

// newer reports whether a is a later release than b. Two that are both before
// the same release count as equal: which comes first is nobody's business here.
func (n number) newer(b number) bool {
	for i := range n.parts {
		if c := cmp.Compare(n.parts[i], b.parts[i]); c != 0 {
			return c > 0
		}
	}
	return !n.pre && b.pre
}
