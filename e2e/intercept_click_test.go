//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// TestTheClickUnderTheSchemeOfAnIDE: a browser brings links under vscode://.
// The one to a space is opened here, the one of an extension reaches the IDE.
func TestTheClickUnderTheSchemeOfAnIDE(t *testing.T) {
	t.Parallel()
	const signIn = `vscode://some.extension/did-authenticate?code=a%20b&state='"%25`
	v := newVisitor(t)
	v.installEditor(t, webServer(t, "served on the space"))
	for _, folder := range []string{".cache", ".config"} { // which every desktop has
		v.own(t, filepath.Join(v.Home, folder))
	}
	// The stand-in for VS Code's own start with --open-url.
	shared := filepath.Join(v.Work, "share")
	got := filepath.Join(v.Work, "tmp", "opened")
	program := filepath.Join(v.Work, "bin", "open-url")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" >" + got + ".part && mv " + got + ".part " + got + "\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	installIDE(t, shared, program)
	v.Env = append(v.Env, "XDG_DATA_DIRS="+shared+":/usr/local/share:/usr/share")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/space":
			http.Redirect(w, r, v.studio.link(t, "space=my-space&scheme=vscode"), http.StatusFound)
		case "/":
			_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>Links</title><button onclick="location='/space'">Open the space</button>
				<button onclick="location=decodeURIComponent('%s')">Sign in</button>`, url.PathEscape(signIn))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(page.Close)

	atHome := v.home(t)
	v.run(t, spacehatch(), "intercept", "enable", "--yes")
	d := newDesktop(t, v, light)
	if err := d.Browse(d.ctx, page.URL+"/"); err != nil {
		t.Fatal(err)
	}
	const yes = "Open Visual Studio Code - URL Handler through Spacehatch"
	d.follow(t, "Sign in", yes)
	eventually(t, func() bool { _, err := os.Stat(got); return err == nil }, func() string { return "the IDE was not started" })
	if text, err := os.ReadFile(got); err != nil || string(text) != "--open-url\n"+strings.NewReplacer("'", "%27", `"`, "%22").Replace(signIn)+"\n" {
		t.Errorf("the IDE got %q, %v", text, err)
	}

	d.follow(t, "Open the space", yes)
	d.click(t, d.await(t, "who asks", consent).other)
	d.click(t, d.await(t, "what is set up", firstRun).proposed)
	v.checkEditor(t)
	d.awaitWindows(t, "Links") // ours is gone
	d.awaitEnd(t)
	v.run(t, spacehatch(), "uninstall", "--yes")
	witness.Same(t, "the home folder after uninstall", atHome, v.home(t))
}
