//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// sample is a link of handler/testdata.
type sample struct {
	Name     string `json:"name"`
	Link     string `json:"link"`
	Sentence string `json:"sentence"`
	Pad      string `json:"pad"`
	PadCount int    `json:"pad_count"`
}

func samples(t *testing.T, name string) []sample {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../handler/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Link = strings.ReplaceAll(all[i].Link, "{PAD}", strings.Repeat(all[i].Pad, all[i].PadCount))
	}
	return all
}

// A hostile link is refused with a sentence, and that is all that happens.
func TestHostileLinksDoNothing(t *testing.T) {
	t.Parallel()
	hostile := samples(t, "hostile.json")
	if len(hostile) < 200 {
		t.Fatalf("only %d hostile links", len(hostile))
	}
	for _, args := range [][]string{{"open", "--yes", "--editor", "none", "-"}, {"link", "--json", "-"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			dialled := witness.NewProxy(t)
			d.env = append(d.env, dialled.Environ...)
			root := filepath.Dir(d.home)
			before := witness.Snapshot(t, root)
			for _, h := range hostile {
				got := d.run(t, h.Link, args...)
				if got.code != exitRefused {
					t.Errorf("%s: %v", h.Name, got)
				}
				said := got.out + got.errors
				if strings.Contains(said, "SECRET") {
					t.Errorf("%s: the token is quoted: %v", h.Name, got)
				}
				if slices.Contains(args, "--json") {
					said = strings.ReplaceAll(said, `\"`, `"`)
				}
				if h.Sentence == "" || !strings.Contains(said, strings.TrimSpace(h.Sentence)) {
					t.Errorf("%s: want %q, %v", h.Name, h.Sentence, got)
				}
				if strings.ContainsFunc(said, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
					t.Errorf("%s: a control character is quoted: %q", h.Name, said)
				}
				after := witness.Snapshot(t, root)
				witness.Same(t, h.Name, before, after)
				before = after // so that a fault shows once
			}
			if n := dialled.Connections(); n != 0 {
				t.Errorf("%d connections were made", n)
			}
			if left := d.processes(t); len(left) != 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

// The test above would see a connection and a process.
func TestAGoodLinkIsDialledAndLeavesNothingWhereItFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dialled := witness.NewProxy(t)
	d.env = append(d.env, dialled.Environ...)
	got := d.run(t, samples(t, "samples.json")[0].Link, "open", "--yes", "--editor", "none", "-")
	if got.code != exitFailed || !strings.Contains(got.errors, "spacehatch: ") {
		t.Errorf("without a network: %v", got)
	}
	if dialled.Connections() == 0 {
		t.Error("the link was not dialled")
	}
	if left := d.processes(t); len(left) != 0 {
		t.Errorf("left running: %v", left)
	}
	tunnel := d.start(t, "simulator", "--sshd", "embedded", "--json")
	tunnel.expect(t, "\n")
	if left := d.processes(t); len(left) != 1 {
		t.Errorf("one process runs, %v are seen", left)
	}
	tunnel.interrupt(t)
	if e := tunnel.end(t); e.code != exitOK {
		t.Errorf("the simulator: %v", e)
	}
}

// Whether a host is trusted is the user's word alone.
func TestALinkCannotTrustItsOwnHost(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	link := s.link(t, "space=my-space")
	before := s.Gateway().Counters()
	for _, args := range [][]string{{"open", "--yes", "-"}, {"link", "-"}} {
		if got := d.run(t, link, args...); got.code != exitRefused || !strings.Contains(got.out+got.errors, "not a Session Manager host") {
			t.Errorf("%v: %v", args, got)
		}
	}
	if after := s.Gateway().Counters(); after != before {
		t.Errorf("the gateway was called: %+v", after)
	}
	d.at(s)
	if got := d.run(t, link, "link", "-"); got.code != exitOK {
		t.Errorf("with the host trusted: %v", got)
	}
}

// processes are those that run with the desk's home.
func (d *desk) processes(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if environ, err := os.ReadFile(filepath.Join(name, "environ")); err != nil || !bytes.Contains(environ, []byte("HOME="+d.home+"\x00")) {
			continue // not ours, or gone
		}
		args, _ := os.ReadFile(filepath.Join(name, "cmdline"))
		found = append(found, filepath.Base(name)+" "+strings.ReplaceAll(string(args), "\x00", " "))
	}
	return found
}
