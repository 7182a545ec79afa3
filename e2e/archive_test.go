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

// unpacked unpacks the archive for a person and returns its folder.
func (v *visitor) unpacked(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(v.Work, "download")
	v.own(t, dir)
	output(t, v.Command(v.ctx, "tar", "-xzf", packaged(t, archive), "-C", dir))
	found, err := filepath.Glob(filepath.Join(dir, "spacehatch-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the archive holds %q (%v)", found, err)
	}
	return found[0]
}

// TestTheArchive: a user without root installs from it, updates, and takes
// everything out.
func TestTheArchive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before map[string]string
		prefix string // below the home
	}{
		"an empty home":      {nil, ".local"},
		"one lived in":       {livedIn, ".local"},
		"a folder elsewhere": {livedIn, "my programs/space hatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t)
			v.installEditor(t, webServer(t, "served on the space"))
			prefix := filepath.Join(v.Home, c.prefix)
			shared := filepath.Join(v.Work, "share")
			v.own(t, shared)
			v.Env = append(v.Env, "DISPLAY=:none", "XDG_DATA_DIRS="+shared, "PATH="+filepath.Join(v.Work, "bin")+":"+prefix+"/bin:/usr/bin:/bin")
			v.lifeBefore(t, c.before)
			from := v.unpacked(t)
			before := witness.Snapshot(t, v.Home)
			var args []string
			if c.prefix != ".local" {
				args = []string{"--prefix", prefix}
			}

			said := output(t, v.Command(v.ctx, filepath.Join(from, "install.sh"), append(args, "--yes")...))
			if strings.Contains(said, "PATH") {
				t.Errorf("the folder is in the PATH, and install.sh says\n%s", said)
			}
			program := filepath.Join(prefix, "bin/spacehatch")
			if got := strings.TrimSpace(output(t, v.Command(v.ctx, "xdg-mime", "query", "default", "x-scheme-handler/spacehatch"))); got != "spacehatch.desktop" {
				t.Errorf("links go to %q", got)
			}
			if c.prefix == ".local" {
				output(t, v.Command(v.ctx, program, "open", "--yes", v.studio.link(t, "space=my-space&scheme=spacehatch")))
				v.checkEditor(t)
			}

			// A newer archive no longer has the first file, and the list of the
			// older one, and the folder, go with the last of the installation.
			list := filepath.Join(prefix, "lib/spacehatch/installed")
			text, err := os.ReadFile(list)
			if err != nil {
				t.Fatal(err)
			}
			old := filepath.Join(prefix, "share/man/man1/spacehatch-of-old.1.gz")
			output(t, v.Command(v.ctx, "sh", "-c", `echo old >"$1"; echo "file share/man/man1/spacehatch-of-old.1.gz" >>"$2"`, "sh", old, list))
			output(t, v.Command(v.ctx, filepath.Join(from, "install.sh"), append(args, "--no-setup")...))
			if _, err := os.Stat(old); err == nil {
				t.Errorf("%s of the older version is still there", old)
			}
			if again, err := os.ReadFile(list); err != nil || string(again) != string(text) {
				t.Errorf("after the update the list is\n%s (%v)\nwas\n%s", again, err, text)
			}

			output(t, v.Command(v.ctx, filepath.Join(prefix, "lib/spacehatch/uninstall.sh"), "--yes"))
			v.quiet(t, v.idle)
			witness.Same(t, "the home after uninstall.sh", before, witness.Snapshot(t, v.Home))
		})
	}
}

// What is somebody else's, or half done, stays as it is.
func TestTheArchiveRefuses(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	from := v.unpacked(t)
	install := filepath.Join(from, "install.sh")
	v.lifeBefore(t, map[string]string{".local/bin/spacehatch": "mine\n"})
	before := witness.Snapshot(t, v.Home)
	if code, said := exitCode(t, v.Command(v.ctx, install, "--no-setup")); code != 1 || !strings.Contains(said, ".local/bin/spacehatch is there already") {
		t.Errorf("over somebody's program install.sh ended with %d: %s", code, said)
	}
	if code, said := exitCode(t, v.Command(v.ctx, install, "--what")); code != 2 {
		t.Errorf("with a wrong option install.sh ended with %d: %s", code, said)
	}
	witness.Same(t, "the home after a refusal", before, witness.Snapshot(t, v.Home))

	said := output(t, v.Command(v.ctx, install, "--replace"))
	if !strings.Contains(said, "is not in your PATH") || !strings.Contains(said, "/.local/bin/spacehatch setup` to have links come") {
		t.Errorf("without a terminal install.sh says\n%s", said)
	}
	// Where spacehatch's own uninstall is not done, it is still there.
	remove := filepath.Join(v.Home, ".local/lib/spacehatch/uninstall.sh")
	if code, said := exitCode(t, v.Command(v.ctx, remove)); code != 1 || !strings.Contains(said, "nothing was removed") {
		t.Errorf("with nobody to ask uninstall.sh ended with %d: %s", code, said)
	}
	output(t, v.Command(v.ctx, filepath.Join(v.Home, ".local/bin/spacehatch"), "version"))
	output(t, v.Command(v.ctx, remove, "--yes"))
	output(t, exec.Command("rm", filepath.Join(from, "bin/spacehatch")))
	if code, said := exitCode(t, v.Command(v.ctx, install)); code != 1 || !strings.Contains(said, "does not start") {
		t.Errorf("on another kind of machine install.sh ended with %d: %s", code, said)
	}
	if left, err := os.ReadDir(filepath.Join(v.Home, ".local/bin")); err != nil || len(left) > 0 {
		t.Errorf("there is %v (%v)", left, err)
	}
}
