package house

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A layer says what the packages of a folder may import of ours. The most
// exact folder counts; a folder may always import what lies below itself.
type layer struct {
	folder string // "x" is x and all below, "x/*" each folder in x by itself
	may    []string
	why    string
}

var layers = []layer{
	{"internal", []string{"internal"}, "leaves know nothing of the house that stands on them"},
	{"tunnel", []string{"internal"}, "a tunnel knows no links, no AWS SDK and no SSH config: it moves bytes"},
	{"tunnel/wire", []string{"internal"}, "the frame codec is pure: bytes in, bytes out, shared with the simulator"},
	{"installer", []string{"internal", "packaging/icons"}, "the installer knows the operating system, not what is opened with it"},
	{"handler", []string{"internal"}, "the use case knows its adapters and the leaves; windows, commands and tunnels know it"},
	{"handler/*", []string{"internal"}, "adapters never know each other: the handler is what joins them"},
	{"handler/doctor", []string{"internal"}, "the doctor is told by small interfaces what the others hold, so every finding can be tried without them"},
	{"simulator", []string{"tunnel/wire", "internal"}, "an honest counterpart shares the frame codec with the tunnel and nothing else"},
	{"app", []string{"handler", "internal", "packaging/icons"}, "the desktop draws state values and decides nothing"},
	{"app/terminal", []string{"handler", "internal"}, "the terminal is in the command line, so it reaches no window"},
	{"app/tray", []string{"handler", "internal"}, "the tray is in the command line, so it reaches no window"},
	{"cmd", []string{"app", "handler", "installer", "internal", "simulator", "tunnel"}, "commands put everything together"},
	{"cmd/spacehatch", []string{"app/desktop", "app/notify", "app/terminal", "app/tray", "app/view", "handler", "installer", "internal", "simulator", "tunnel"}, "the command line starts in milliseconds: no windows in it"},
	{"cmd/spacehatch-desktop", []string{"app", "handler", "internal"}, "the desktop program shows and asks; spacehatch does"},
	{"packaging", []string{"internal"}, "packaging is not part of the programs"},
	{"e2e/bench/farend", []string{"simulator", "internal"}, "the far end of a measurement is the simulator, with bare lines beside it"},
	{"e2e", []string{"internal"}, "the end-to-end tests drive the built programs, not their parts"},
}

// outside are packages of others that only some folders may import.
var outside = []struct {
	prefix string
	only   []string // folders; none means nobody
	why    string
}{
	{"fyne.io/fyne", []string{"app/window"}, "the toolkit stays in one folder, so the tray and the commands stay small"},
	{"fyne.io/systray", []string{"app/tray"}, "one package owns the tray icon"},
	{"github.com/aws/aws-sdk-go-v2", []string{"internal/caller", "handler/session", "handler/signin", "handler/spaces", "handler/doctor", "simulator"}, "one place loads the credentials and tells what AWS answered; sessions, sign-ins and spaces come from one place each; the doctor asks whose the credentials are; the simulator checks signatures"},
	{"github.com/kevinburke/ssh_config", []string{"handler/sshconfig"}, "one package reads the user's SSH config"},
	{"github.com/tailscale/hujson", []string{"handler/editor"}, "one package edits the IDEs' settings"},
	{"github.com/spf13/cobra", []string{"cmd", "packaging/manual"}, "commands are cmd's business; the manual writes down what they say"},
	{"text/template", nil, "its method look-up by name keeps the linker from leaving out dead code: tens of MB"},
	{"html/template", nil, "its method look-up by name keeps the linker from leaving out dead code: tens of MB"},
}

func TestImportsGoOneWay(t *testing.T) {
	broken := map[string]bool{}
	for _, goos := range systems {
		for _, p := range list(t, goos, "./...") {
			from, ours := folder(p.ImportPath)
			if !ours {
				continue
			}
			for _, imported := range p.Imports {
				if err := allowed(from, imported); err != nil {
					broken[err.Error()] = true
				}
			}
		}
	}
	for text := range broken {
		t.Error(text)
	}
}

// allowed returns why the package in the folder from must not import imported.
func allowed(from, imported string) error {
	for _, o := range outside {
		if below(imported, o.prefix) && !slices.ContainsFunc(o.only, func(f string) bool { return below(from, f) }) {
			return fmt.Errorf("%s imports %s: %s", from, imported, o.why)
		}
	}
	to, ours := folder(imported)
	if !ours {
		return nil
	}
	l, own := layerOf(from)
	if l == nil {
		return fmt.Errorf("%s stands in no layer: add its folder to the table, with the reason", from)
	}
	if below(to, own) || slices.ContainsFunc(l.may, func(f string) bool { return below(to, f) }) {
		return nil
	}
	return fmt.Errorf("%s imports %s: %s", from, to, l.why)
}

// layerOf returns the most exact layer of a folder and the folder that counts
// as the package's own.
func layerOf(from string) (*layer, string) {
	var best *layer
	own := ""
	for i := range layers {
		l := &layers[i]
		at := l.folder
		if parent, each := strings.CutSuffix(l.folder, "/*"); each {
			rest, inside := strings.CutPrefix(from, parent+"/")
			if !inside {
				continue
			}
			first, _, _ := strings.Cut(rest, "/")
			at = parent + "/" + first
		}
		if below(from, at) && len(at) > len(own) {
			best, own = l, at
		}
	}
	return best, own
}

// below reports whether path is folder or lies in it.
func below(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func TestTheTableOfLayersSays(t *testing.T) {
	ours := func(folder string) string { return module + "/" + folder }
	for _, c := range []struct {
		from, imported string
		ok             bool
	}{
		{"handler", ours("handler/session"), true},
		{"handler", ours("internal/secret"), true},
		{"handler", ours("tunnel"), false},
		{"handler", ours("simulator"), false},
		{"handler", ours("installer"), false},
		{"handler", ours("app/tray"), false},
		{"handler/session", ours("internal/secret"), true},
		{"handler/session", ours("handler/session/local"), true},
		{"handler/session", ours("handler/editor"), false},
		{"handler/session", ours("handler"), false},
		{"handler/sshconfig", ours("handler/session"), false},
		{"handler/doctor", ours("handler/doctor/redact"), true},
		{"handler/doctor", ours("handler/sshconfig"), false},
		{"handler/doctor", ours("installer"), false},
		{"tunnel", ours("tunnel/wire"), true},
		{"tunnel/registry", ours("tunnel/wire"), true},
		{"tunnel", ours("handler/session"), false},
		{"tunnel/wire", ours("tunnel"), false},
		{"tunnel", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"tunnel", "github.com/kevinburke/ssh_config", false},
		{"handler/session", "github.com/aws/aws-sdk-go-v2/config", true},
		{"handler/spaces", "github.com/aws/aws-sdk-go-v2/config", true},
		{"handler/spaces", ours("handler/session"), false},
		{"handler/signin", ours("handler/session"), false},
		{"handler/master", "github.com/aws/aws-sdk-go-v2/config", false},
		{"simulator/gateway", ours("tunnel/wire"), true},
		{"simulator/gateway", ours("tunnel"), false},
		{"simulator", ours("simulator/api"), true},
		{"internal/paths", ours("handler"), false},
		{"cmd/spacehatch", ours("simulator"), true},
		{"cmd/spacehatch", ours("app/tray"), true},
		{"cmd/spacehatch", ours("app/window"), false},
		{"cmd/spacehatch-desktop", ours("app/window"), true},
		{"app/tray", ours("app/window"), false},
		{"app/tray", "fyne.io/systray", true},
		{"app/tray", "fyne.io/fyne/v2", false},
		{"app/window", "fyne.io/fyne/v2/widget", true},
		{"e2e/bench/farend", ours("simulator/gateway"), true},
		{"e2e/bench", ours("simulator/gateway"), false},
		{"installer", "text/template", false},
		{"somewhere", ours("internal/paths"), false},
		{"internal/paths", "os", true},
	} {
		if err := allowed(c.from, c.imported); (err == nil) != c.ok {
			t.Errorf("%s → %s: %v, want allowed %v", c.from, c.imported, err, c.ok)
		}
	}
}
