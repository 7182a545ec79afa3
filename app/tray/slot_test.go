package tray

import (
	"fmt"
	"strings"
	"testing"
)

// paper is a line as a person sees it.
type paper struct {
	label   string
	visible bool
	enabled bool
	writes  int
}

func (p *paper) set(label string, _ Dot, enabled bool) {
	p.label, p.enabled, p.writes = label, enabled, p.writes+1
}
func (p *paper) show() { p.visible = true }
func (p *paper) hide() { p.visible = false }

func newSlot(sub int) *slot {
	s := &slot{line: &paper{}}
	for range sub {
		s.sub = append(s.sub, newSlot(0))
	}
	return s
}

// look writes what is visible, each slot with its number.
func look(slots []*slot) string {
	var out []string
	for i, s := range slots {
		if p := s.line.(*paper); p.visible {
			out = append(out, strings.TrimSpace(fmt.Sprint(i, ":", p.label, " ", look(s.sub))))
		}
	}
	return strings.Join(out, " ")
}

func TestPutKeepsPlaces(t *testing.T) {
	conn := func(alias string) Item {
		return Item{Label: alias, Items: []Item{{Label: "info"}, {Label: "go", Action: Action{Disconnect, alias}}}}
	}
	slots := []*slot{newSlot(0), newSlot(2), newSlot(2), newSlot(2), newSlot(0)}
	for _, step := range []struct {
		items []Item
		want  string
	}{
		{[]Item{{Label: "none"}}, "0:none"},
		{[]Item{conn("b")}, "1:b 0:info 1:go"},
		{[]Item{conn("a"), conn("b")}, "1:b 0:info 1:go 2:a 0:info 1:go"},
		{[]Item{conn("a")}, "2:a 0:info 1:go"},
		{[]Item{conn("a"), conn("c"), conn("d"), conn("e")}, "1:c 0:info 1:go 2:a 0:info 1:go 3:d 0:info 1:go"},
		{[]Item{conn("a"), {Label: "and more"}}, "0:and more 2:a 0:info 1:go"},
		{[]Item{{Label: "none", Action: Action{Do: Quit}}}, "0:none"},
		{nil, ""},
	} {
		put(slots, step.items)
		if got := look(slots); got != step.want {
			t.Errorf("got  %s\nwant %s", got, step.want)
		}
	}
	for _, s := range slots {
		if s.action.Do != "" {
			t.Errorf("a hidden line means %v", s.action)
		}
	}
}

func TestPutWritesOnlyWhatIsNew(t *testing.T) {
	slots := []*slot{newSlot(0), newSlot(1)}
	items := func(label string, do Do) []Item {
		return []Item{{Label: label, Action: Action{Do: do}}, {Label: "s", Items: []Item{{Label: "x"}}}}
	}
	first := slots[0].line.(*paper)
	for _, step := range []struct {
		items   []Item
		writes  int
		enabled bool
	}{{items("a", Quit), 1, true}, {items("a", Quit), 1, true}, {items("b", Quit), 2, true}, {items("b", ""), 3, false}} {
		put(slots, step.items)
		if first.writes != step.writes || first.enabled != step.enabled {
			t.Errorf("%+v, want %+v", first, step)
		}
	}
	if sub := slots[1].line.(*paper); sub.writes != 1 || !sub.enabled {
		t.Errorf("the submenu: %+v", sub)
	}
}
