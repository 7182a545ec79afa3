package editor

import "testing"

func TestRemoveKeepsTheRest(t *testing.T) {
	for _, c := range []struct{ before, name, want string }{
		{`{"a": 1}`, "a", `{}`},
		{`{"a": 1, "b": 2}`, "a", `{ "b": 2}`},
		{`{"a": 1, "b": 2}`, "b", `{"a": 1}`},
		{`{"a": 1 /* x */, "b": 2}`, "b", `{"a": 1 /* x */}`},
		{"{\n  \"a\": 1 ,\n  \"b\": 2\n}", "b", "{\n  \"a\": 1 \n}"},
		{"{\n  \"a\": 1,\n  \"b\": 2,\n}", "b", "{\n  \"a\": 1,\n}"},
		{"{\n  \"a\": 1, // one\n  \"b\": 2\n}", "b", "{\n  \"a\": 1 // one\n}"},
		{"{\n  // b\n  \"b\": 2,\n  \"c\": 3\n}", "b", "{\n  // b\n  \"c\": 3\n}"},
		{"{\n  // b\n  \"b\": 2\n}", "b", "{\n  // b\n}"},
		{`{"a": 1, "a": 2}`, "a", `{"a": 1}`},
		{`{"a": 1}`, "z", `{"a": 1}`},
	} {
		d, err := parseDocument([]byte(c.before))
		if err != nil {
			t.Fatal(err)
		}
		remove(d.root, c.name)
		if got := string(d.bytes()); got != c.want {
			t.Errorf("%q without %s: got %q, want %q", c.before, c.name, got, c.want)
		}
	}
}

func TestMergeGoesBackToTheFirst(t *testing.T) {
	older := []change{{Key: "t", New: "120", Old: "15"}, {Key: "u", New: "1", Old: "2"}, {Key: "p", Host: "a", New: "x", Made: true}}
	got := merge(older, []change{{Key: "t", New: "180", Old: "120"}, {Key: "u", New: "1", Old: "3"}, {Key: "p", Host: "b", New: "x"}})
	want := []change{{Key: "p", Host: "a", New: "x", Made: true}, {Key: "t", New: "180", Old: "15"}, {Key: "u", New: "1", Old: "3"}, {Key: "p", Host: "b", New: "x"}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}
