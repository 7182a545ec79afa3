//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// livedIn is what stands in a home folder before Spacehatch comes.
var livedIn = map[string]string{
	".config/mimeapps.list": "# mine\r\n[Added Associations]\r\ntext/plain=a.desktop;\r\n\n[Default Applications]\n" +
		"x-scheme-handler/vscode=gone.desktop;code-url-handler.desktop;\ntext/html=b.desktop",
	".config/autostart/mine.desktop":            "[Desktop Entry]\nType=Application\nName=Mine\nExec=true\n",
	".config/Code/User/settings.json":           "{\n\t// mine\n\t\"editor.fontSize\": 12,\n}\n",
	".local/share/applications/mine.desktop":    "[Desktop Entry]\nType=Application\nName=Mine\nExec=true %u\nMimeType=x-scheme-handler/mine;\n",
	".ssh/config":                               "# mine\nHost other\n\tUser me\n\nHost *\n    ServerAliveInterval 5",
	".local/share/icons/hicolor/index.theme":    "[Icon Theme]\nName=Hicolor\n",
	".local/share/spacehatch-of-mine/notes.txt": "mine\n",
}

// lifeBefore fills the home folder. Its files are the person's.
func (p *person) lifeBefore(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(p.Home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output(t, exec.Command("chown", "-R", p.Name+":", p.Home))
}

// TestUninstallLeavesNoTrace puts everything in, in one order and another, into
// an empty home folder and one that is lived in, and takes everything out.
func TestUninstallLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before map[string]string
		steps  string // commands, LINK is a link to a space
	}{
		"all of it": {nil, `setup --yes
			intercept enable --yes
			autostart enable
			settings set tray false
			open LINK --yes`},
		"all of it, lived in": {livedIn, `setup --yes
			intercept enable --yes
			autostart enable
			settings set tray false
			open LINK --yes`},
		"the other way round, lived in": {livedIn, `open LINK --yes
			settings set tray false
			autostart enable
			intercept enable --yes
			setup --yes`},
		"on and off": {nil, `autostart enable
			settings set tray false
			intercept enable vscode kiro --yes
			autostart disable
			setup --yes
			intercept disable vscode
			intercept enable vscode cursor --yes
			autostart enable
			intercept disable kiro
			ssh-config undo --yes
			setup --yes
			intercept enable kiro --yes`},
		"on and off, lived in": {livedIn, `intercept enable --yes
			setup --yes
			autostart enable
			intercept disable
			autostart disable
			intercept enable cursor vscode --yes
			autostart enable
			setup --yes
			intercept disable vscode`},
		"one thing": {nil, `autostart enable`},
		"settings alone, and what is at login": {nil, `settings set tray false
			autostart enable
			autostart disable`},
		"nothing left to take out, lived in": {livedIn, `intercept enable --yes
			intercept disable`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t)
			v.installEditor(t, webServer(t, "served on the space"))
			shared := filepath.Join(v.Work, "share")
			installIDE(t, shared, "/usr/bin/true")
			v.Env = append(v.Env, "XDG_DATA_DIRS="+shared)
			v.lifeBefore(t, c.before)
			atHome, inRuntime := witness.Snapshot(t, v.Home), witness.Snapshot(t, v.Runtime)
			for step := range strings.Lines(c.steps) {
				args := strings.Fields(step)
				for i := range args {
					if args[i] == "LINK" {
						args[i] = v.studio.link(t, "space=my-space&scheme=vscode")
					}
				}
				v.run(t, spacehatch(), args...)
			}
			v.run(t, spacehatch(), "uninstall", "--yes")
			v.quiet(t, v.idle)
			witness.Same(t, "the home folder after uninstall", atHome, witness.Snapshot(t, v.Home))
			witness.Same(t, "the runtime folder after uninstall", inRuntime, witness.Snapshot(t, v.Runtime))
		})
	}
}
