package manual

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// boat has what a command line can have.
func boat() *cobra.Command {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "boat", Short: "Go by water", Long: "Goes by water.\n`boat row` takes oars.\n\n.hidden is no macro, and 'this is none.\nA \\ stays.\n\n" +
		"  boat row 3\n\n  boat \"sail\"\n\nThe end – of it… ` alone."}
	root.PersistentFlags().Bool("quiet", false, "say nothing")
	root.AddGroup(&cobra.Group{ID: "use", Title: "Use:"})
	row := &cobra.Command{Use: "row STROKES", Short: "Row", GroupID: "use", Run: run}
	row.Flags().StringP("oar", "o", "left", "`SIDE` of the oar")
	secret := row.Flags()
	secret.Bool("secret", false, "not for you")
	_ = secret.MarkHidden("secret")
	root.AddCommand(row, &cobra.Command{Use: "sail", Short: "Sail", Run: run}, &cobra.Command{Use: "sink", Short: "No", Hidden: true, Run: run})
	return root
}

func TestFiles(t *testing.T) {
	t.Parallel()
	write := func() map[string][]byte {
		files, err := Manual{
			Root: boat(), Version: "1.2.0-rc.1", Date: time.Date(2026, 2, 3, 23, 0, 0, 0, time.FixedZone("", -7200)),
			ExitStatus: [][2]string{{"0", "afloat"}, {"1", "sunk"}},
		}.Files()
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	files := write()
	for name, again := range write() {
		if !bytes.Equal(files[name], again) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
	want := []string{"man/man1/boat.1", "man/man1/boat-row.1", "man/man1/boat-sail.1", "bash-completion/completions/boat", "zsh/site-functions/_boat", "fish/vendor_completions.d/boat.fish", "powershell/Completions/boat-comp.ps1"}
	for _, name := range want {
		if len(files["share/"+name]) == 0 {
			t.Errorf("there is no share/%s", name)
		}
	}
	if len(files) != len(want) {
		t.Errorf("there are %d files, want %d", len(files), len(want))
	}
	var pages strings.Builder
	for _, name := range want[:3] {
		pages.WriteString("==> " + name + "\n")
		pages.Write(files["share/"+name])
	}
	golden := filepath.Join("testdata", "pages.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(pages.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := udiff.Unified(golden, "now", string(text), pages.String()); diff != "" {
		t.Errorf("the pages differ (-update writes them):\n%s", diff)
	}
}
