package view

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func connection() Connection {
	return Connection{
		Space: Space{Name: "my-space", Account: "111122223333"},
		Steps: []Step{
			{ID: "link", State: Done, Elapsed: 40 * time.Millisecond, Detail: "my-space in eu-west-1"},
			{ID: "tunnel", State: Failed, Elapsed: 1240 * time.Millisecond},
			{ID: "ssh-config", State: Waiting},
		},
		Problem: &Problem{
			Code: "tunnel-refused", Sentence: "AWS refused.", Hint: "Click again.", Details: "403",
			Program: "Spacehatch 1.0 (linux/amd64)",
		},
	}
}

func TestDiagnostics(t *testing.T) {
	const want = `Spacehatch 1.0 (linux/amd64)
Problem: tunnel-refused
AWS refused.
Click again.
403
link       done     40 ms
tunnel     failed   1.2 s
ssh-config waiting  0 ms
`
	if got := connection().Diagnostics(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 999 * time.Millisecond: "999 ms", time.Second: "1.0 s", 59_940 * time.Millisecond: "59.9 s",
		65_400 * time.Millisecond: "1m5s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestAScreenTravelsWhole(t *testing.T) {
	c := connection()
	c.Question = &Question{ID: 3, Setup: &Setup{ID: 3, Stage: Choosing, Items: []Item{
		{Key: "k", Kind: IDE, State: Proposed, Name: "n", Editor: "e", Diff: "+x", Chosen: true, Options: []Option{{"a", "A"}}, Option: "a", Problem: c.Problem},
	}}, Consent: &Consent{Space: c.Space, MayRemember: true}, Change: &Change{Kind: HostKey, Title: "t", Text: "x", Diff: "d", Cautious: true}}
	sent := Screen{Connection: &c, Close: true}
	data, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got Screen
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, sent %+v", got, sent)
	}
}
