//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// hostile is a link that must be refused, from handler/testdata.
type hostile struct {
	Name     string `json:"name"`
	Link     string `json:"link"`
	Sentence string `json:"sentence"`
	Pad      string `json:"pad"`
	PadCount int    `json:"pad_count"`
}

const (
	// maxArgument is Linux's limit for one argument, in bytes.
	maxArgument = 128 << 10
	// inEveryToken is in the token of each link.
	inEveryToken = "SECRET"
	exitRefused  = 3
)

func TestHostileLinksDoNothing(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../handler/testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var links []hostile
	if err := json.Unmarshal(data, &links); err != nil {
		t.Fatal(err)
	}
	if len(links) < 40 {
		t.Fatalf("only %d hostile links", len(links))
	}
	p := newPerson(t)
	page := webServer(t, "nobody comes")
	p.installEditor(t, page)
	dialled := witness.NewProxy(t)
	p.Env = append(p.Env, dialled.Environ...)
	atHome, inRuntime := witness.Snapshot(t, p.Home), witness.Snapshot(t, p.Runtime)

	for _, h := range links {
		link := strings.ReplaceAll(h.Link, "{PAD}", strings.Repeat(h.Pad, h.PadCount))
		p.refused(t, h, link, false)
		if !strings.Contains(link, "\x00") && len(link) < maxArgument {
			p.refused(t, h, link, true)
		}
		// Held against the state before this link, so that a fault shows once.
		now := witness.Snapshot(t, p.Home)
		witness.Same(t, h.Name+": the home folder", atHome, now)
		atHome = now
		now = witness.Snapshot(t, p.Runtime)
		witness.Same(t, h.Name+": the runtime folder", inRuntime, now)
		inRuntime = now
	}
	p.quiet(t, nil)
	if n := dialled.Connections(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if _, err := os.Stat(filepath.Join(p.Work, "bin", visitFile)); err == nil {
		t.Error("the editor was started")
	}

	// The proxy would have seen a connection: a link that the policy allows
	// makes one.
	samples, err := os.ReadFile("../handler/testdata/samples.json")
	if err != nil {
		t.Fatal(err)
	}
	var good []hostile
	if err := json.Unmarshal(samples, &good); err != nil {
		t.Fatal(err)
	}
	code, said := exitCode(t, p.Command(limited(t), spacehatch(), "open", "--yes", good[0].Link))
	if code != 1 {
		t.Errorf("a good link without a network: exit code %d\n%s", code, said)
	}
	if dialled.Connections() == 0 {
		t.Errorf("a good link was not dialled:\n%s", said)
	}
}

// refused opens the link, as an argument or on standard input.
func (p *person) refused(t *testing.T, h hostile, link string, argument bool) {
	t.Helper()
	cmd := p.Command(limited(t), spacehatch(), "open", "--yes", "-")
	if argument {
		cmd = p.Command(limited(t), spacehatch(), "open", "--yes", "--", link)
	} else {
		cmd.Stdin = strings.NewReader(link)
	}
	code, said := exitCode(t, cmd)
	if code != exitRefused {
		t.Errorf("%s (argument: %v): exit code %d\n%s", h.Name, argument, code, said)
	}
	if h.Sentence == "" || !strings.Contains(said, h.Sentence) {
		t.Errorf("%s: wanted %q in:\n%s", h.Name, h.Sentence, said)
	}
	if strings.Contains(said, inEveryToken) {
		t.Errorf("%s: the token is quoted:\n%s", h.Name, said)
	}
	if strings.ContainsFunc(said, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		t.Errorf("%s: a control character reached the terminal: %q", h.Name, said)
	}
}
