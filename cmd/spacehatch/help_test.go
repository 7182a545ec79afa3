package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every command explains itself; whoever adds one sees its text here.
func TestHelp(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		var out, errs bytes.Buffer
		p := thisSystem()
		p.in, p.out, p.err = nil, &out, &errs
		if code := p.run(t.Context(), args); code != exitOK || errs.Len() > 0 {
			t.Errorf("%v: exit code %d, %s", args, code, errs.String())
		}
		text.WriteString("$ spacehatch " + strings.Join(args, " ") + "\n" + out.String() + "\n")
		if len(c.Short) == 0 {
			t.Errorf("%v has no short text", args)
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" && sub.Name() != "help" { // cobra's own words
				walk(sub)
			}
		}
	}
	root := (&program{}).commands()
	walk(root)
	golden := filepath.Join("testdata", "help.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := udiff.Unified(golden, "now", string(want), text.String()); diff != "" {
		t.Errorf("the help differs (-update writes it):\n%s", diff)
	}
}
