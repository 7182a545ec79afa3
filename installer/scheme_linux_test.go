package installer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// other is another program's entry that can open our links.
const other = "[Desktop Entry]\nType=Application\nName=Other\nExec=true %u\nMimeType=x-scheme-handler/spacehatch;text/x-other;\n"

func TestInstallAndUninstallLeaveNoTrace(t *testing.T) {
	need(t, "update-desktop-database", "xdg-mime", "gio")
	for name, prepare := range map[string]func(*testing.T, home){
		"nothing there": func(*testing.T, home) {},
		"empty list":    func(t *testing.T, h home) { h.write(t, "", ".config", "mimeapps.list") },
		"a list without our group": func(t *testing.T, h home) {
			h.write(t, "# mine\n[Added Associations]\ntext/plain=a.desktop;\n\n\n", ".config", "mimeapps.list")
		},
		"no final newline": func(t *testing.T, h home) {
			h.write(t, "[Default Applications]\ntext/plain=a.desktop", ".config", "mimeapps.list")
		},
		"another default": func(t *testing.T, h home) {
			h.write(t, other, ".local", "share", "applications", "other.desktop")
			if err := refresh(t.Context(), h.path(".local", "share", "applications")); err != nil {
				t.Fatal(err)
			}
			h.write(t, "[Default Applications]\nx-scheme-handler/spacehatch=other.desktop;\ntext/plain=a.desktop\n\n[Removed Associations]\nimage/png=b.desktop;\n", ".config", "mimeapps.list")
		},
		"another entry without a cache": func(t *testing.T, h home) {
			h.write(t, other, ".local", "share", "applications", "other.desktop")
		},
		"an entry of our name, not ours": func(t *testing.T, h home) {
			h.write(t, other, ".local", "share", "applications", "spacehatch.desktop")
			if err := refresh(t.Context(), h.path(".local", "share", "applications")); err != nil {
				t.Fatal(err)
			}
		},
		"a linked list": func(t *testing.T, h home) {
			h.write(t, "[Default Applications]\n", "dotfiles", "mimeapps.list")
			h.write(t, "", ".config", "x")
			if err := os.Symlink("../dotfiles/mimeapps.list", h.path(".config", "mimeapps.list")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "bin")
			prepare(t, h)
			before, statusBefore := h.snapshot(t), h.status(t)
			planned, err := h.scheme.Plan(t.Context(), h.program)
			if err != nil {
				t.Fatal(err)
			}
			if now := h.snapshot(t); !slices.Equal(now, before) {
				t.Errorf("Plan changed something: %q", now)
			}
			changes := h.install(t)
			if len(planned) == 0 || len(changes) < len(planned) || !slices.Equal(changes[:len(planned)], planned) {
				t.Errorf("planned %v, did %v", planned, changes)
			}
			st := h.status(t)
			if !st.Ours || st.Program != h.program || st.Handler != "spacehatch.desktop" || st.Warning != "" {
				t.Errorf("status %+v", st)
			}
			installed := h.snapshot(t)
			if again := h.install(t); len(again) != 0 {
				t.Errorf("a second time it changed %v", again)
			}
			if now := h.snapshot(t); !slices.Equal(now, installed) {
				t.Error("a second time something changed")
			}
			if undone := h.uninstall(t); len(undone) != len(changes) {
				t.Errorf("did %v, undid %v", changes, undone)
			}
			if now := h.snapshot(t); !slices.Equal(now, before) {
				t.Errorf("a trace is left:\n%s\nbefore:\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
			}
			if now := h.status(t); now != statusBefore {
				t.Errorf("status %+v, was %+v", now, statusBefore)
			}
			if again := h.uninstall(t); len(again) != 0 {
				t.Errorf("a second time it undid %v", again)
			}
		})
	}
}

func TestLinkStaysALink(t *testing.T) {
	h := newHome(t, "bin")
	h.write(t, "[Default Applications]\n", "dotfiles", "mimeapps.list")
	h.write(t, "", ".config", "x")
	if err := os.Symlink("../dotfiles/mimeapps.list", h.path(".config", "mimeapps.list")); err != nil {
		t.Fatal(err)
	}
	h.install(t)
	if info, err := os.Lstat(h.path(".config", "mimeapps.list")); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is gone: %v", err)
	}
	if got := h.read(t, "dotfiles", "mimeapps.list"); !strings.Contains(got, "spacehatch.desktop") {
		t.Errorf("the file behind the link is %q", got)
	}
}

// TestLinksReachTheProgram has the system's own openers start it.
func TestLinksReachTheProgram(t *testing.T) {
	need(t, "update-desktop-database", "desktop-file-validate", "xdg-mime", "xdg-open", "gio")
	const link = "spacehatch://connect/sagemaker?a=b%20c&token=x+/=;$(touch%20x)"
	for _, folder := range []string{"bin", "with blank & $dollar \"quote\" ü"} {
		t.Run(folder, func(t *testing.T) {
			h := newHome(t, folder)
			h.install(t)
			if out, err := exec.Command("desktop-file-validate", h.path(".local", "share", "applications", "spacehatch.desktop")).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("desktop-file-validate: %v %s", err, out)
			}
			st := h.status(t)
			if st.Program != h.program {
				t.Errorf("status says %q, want %q", st.Program, h.program)
			}
			openers := [][]string{{"gio", "open", link}}
			if folder == "bin" {
				// With a display, and no desktop, xdg-open finds the program itself.
				openers = append(openers, []string{"xdg-open", link})
			} else if st.Warning == "" {
				t.Error("no warning about a path that xdg-open cannot take")
			}
			lines := h.starts(t)
			for _, opener := range openers {
				cmd := exec.Command(opener[0], opener[1:]...)
				cmd.Env = append(os.Environ(), "DISPLAY=:none")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v %s", opener, err, out)
				}
				got, err := lines.ReadString('\n')
				if err != nil || got != "open|"+link+"|\n" {
					t.Errorf("%v: the program got %q, %v", opener, got, err)
				}
			}
		})
	}
}

func TestAnotherProgramTakesOver(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	h.install(t)
	second := filepath.Join(filepath.Dir(h.program), "spacehatch-2")
	if err := os.WriteFile(second, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	changes, err := h.scheme.Install(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 1 || changes[0].Action != Changed || h.status(t).Program != second {
		t.Errorf("changed %v, status %+v", changes, h.status(t))
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if st := h.status(t); !strings.Contains(st.Warning, second) {
		t.Errorf("the program is gone, status %+v", st)
	}
	h.uninstall(t)
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("a trace is left: %q", now)
	}
}

func TestOthersChangedTheListSince(t *testing.T) {
	for name, c := range map[string]struct {
		before, want string // "-" for no file
		since        func(string) string
	}{
		"a new default elsewhere": {"[Default Applications]\na/b=c.desktop\n", "[Default Applications]\na/b=c.desktop\nd/e=f.desktop\n",
			func(s string) string { return s + "d/e=f.desktop\n" }},
		"our group got another key": {"-", "[Default Applications]\nd/e=f.desktop\n",
			func(s string) string { return s + "d/e=f.desktop\n" }},
		"a new group": {"-", "[Added Associations]\nd/e=f.desktop;\n",
			func(s string) string {
				return s + "\n[Added Associations]\nx-scheme-handler/spacehatch=spacehatch.desktop;\nd/e=f.desktop;\n"
			}},
		"another default in our place": {"[Default Applications]\na/b=c.desktop\n", "[Default Applications]\na/b=c.desktop\nx-scheme-handler/spacehatch=other.desktop;\n",
			func(s string) string {
				return strings.Replace(s, "=spacehatch.desktop", "=other.desktop;spacehatch.desktop;", 1)
			}},
		"an old default behind ours": {"[Default Applications]\nx-scheme-handler/spacehatch=other.desktop\n", "# x\n[Default Applications]\nx-scheme-handler/spacehatch=other.desktop\n",
			func(s string) string { return "# x\n" + s }},
		"emptied": {"-", "-", func(string) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "bin")
			if c.before != "-" {
				h.write(t, c.before, ".config", "mimeapps.list")
			}
			h.install(t)
			installed := h.read(t, ".config", "mimeapps.list")
			changed := c.since(installed)
			if changed == installed {
				t.Fatalf("nothing changed in %q", installed)
			}
			h.write(t, changed, ".config", "mimeapps.list")
			h.uninstall(t)
			data, err := os.ReadFile(h.path(".config", "mimeapps.list"))
			got := string(data)
			if errors.Is(err, fs.ErrNotExist) {
				got = "-"
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestListChangedBetweenTwoInstallations(t *testing.T) {
	h := newHome(t, "bin")
	h.write(t, "[Default Applications]\na/b=c.desktop\n", ".config", "mimeapps.list")
	h.install(t)
	h.write(t, "[Default Applications]\nd/e=f.desktop\n", ".config", "mimeapps.list")
	h.install(t)
	h.uninstall(t)
	if got := h.read(t, ".config", "mimeapps.list"); got != "[Default Applications]\nd/e=f.desktop\n" {
		t.Errorf("the user's edit is lost: %q", got)
	}
}

func TestPreferAndForget(t *testing.T) {
	for before, want := range map[string]string{
		"":                                     "[Default Applications]\nm=o.desktop\n",
		"[Default Applications]\na=b\n\n[X]\n": "[Default Applications]\na=b\nm=o.desktop\n\n[X]\n",
		"[X]\nm=z\n":                           "[X]\nm=z\n\n[Default Applications]\nm=o.desktop\n",
		"[Default Applications]\nm=p;q;\n":     "[Default Applications]\nm=o.desktop;p;q;\n",
		"[Default Applications]\n#m=p\nm=p":    "[Default Applications]\n#m=p\nm=o.desktop;p",
	} {
		got := parseKeyfile([]byte(before)).prefer(preference{"m", []string{"o.desktop"}})
		if string(got.bytes()) != want {
			t.Errorf("%q: got %q, want %q", before, got.bytes(), want)
		}
		hadGroup := parseKeyfile([]byte(before)).has(defaults)
		if back := got.forget("m", []string{"o.desktop"}, !hadGroup); string(back.bytes()) != before {
			t.Errorf("%q: back to %q", before, back.bytes())
		}
	}
}

func TestOurEntryEdited(t *testing.T) {
	h := newHome(t, "bin")
	h.install(t)
	entry := h.path(".local", "share", "applications", "spacehatch.desktop")
	text, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entry, append(text, "Keywords=aws;\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	h.uninstall(t)
	if _, err := os.Stat(entry); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("our entry is still there: %v", err)
	}
}

func TestRecordLost(t *testing.T) {
	h := newHome(t, "bin")
	h.write(t, "[Default Applications]\na/b=c.desktop\n", ".config", "mimeapps.list")
	h.install(t)
	if err := os.RemoveAll(h.path(".local", "state")); err != nil {
		t.Fatal(err)
	}
	h.uninstall(t)
	if got := h.read(t, ".config", "mimeapps.list"); got != "[Default Applications]\na/b=c.desktop\n" {
		t.Errorf("list %q", got)
	}
	if st := h.status(t); st.Handler != "" {
		t.Errorf("status %+v", st)
	}
}

// packaged puts a package's entry into the system's folder and returns its path.
func (h home) packaged(t *testing.T) string {
	t.Helper()
	shared := filepath.Join(os.Getenv("XDG_DATA_DIRS"), "applications", "spacehatch.desktop")
	if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
		t.Fatal(err)
	}
	entry := strings.Replace(entryText(Name, h.program), managed+"\n", "", 1)
	if err := os.WriteFile(shared, []byte(entry), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := refresh(t.Context(), filepath.Dir(shared)); err != nil {
		t.Fatal(err)
	}
	return shared
}

func TestUninstallLeavesAPackagesEntryAlone(t *testing.T) {
	h := newHome(t, "bin")
	shared := h.packaged(t)
	h.write(t, "[Default Applications]\nx-scheme-handler/spacehatch=spacehatch.desktop\n", ".config", "mimeapps.list")
	before := h.snapshot(t)
	if st := h.status(t); st.Ours || st.Program != h.program || st.Entry != shared {
		t.Errorf("status %+v", st)
	}
	if changes := h.install(t); len(changes) != 0 {
		t.Errorf("the package had seen to it, changed %v", changes)
	}
	if changes := h.uninstall(t); len(changes) != 0 {
		t.Errorf("took out %v", changes)
	}
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("changed: %q", now)
	}
}

// Who had registered the links before the package came has one entry too many:
// setup takes it out, and the package's, which goes with it, is left.
func TestAPackageTakesOver(t *testing.T) {
	const list = "[Default Applications]\ntext/html=b.desktop\n"
	for name, c := range map[string]struct{ before, since string }{
		"nothing in the home": {},
		"a list of defaults":  {before: list},
		"changed since":       {before: list, since: "text/css=c.desktop\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "bin")
			if c.before != "" {
				h.write(t, c.before, ".config", "mimeapps.list")
			}
			before := h.snapshot(t)
			early := filepath.Join(filepath.Dir(h.program), "early")
			if err := os.Link(h.program, early); err != nil {
				t.Fatal(err)
			}
			if _, err := h.scheme.Install(t.Context(), early); err != nil {
				t.Fatal(err)
			}
			if c.since != "" {
				h.write(t, h.read(t, ".config", "mimeapps.list")+c.since, ".config", "mimeapps.list")
			}
			shared := h.packaged(t)
			planned, err := h.scheme.Plan(t.Context(), h.program)
			if err != nil {
				t.Fatal(err)
			}
			paths := func(changes []Change) string {
				var all []string
				for _, change := range changes {
					if change.What != whatCache {
						all = append(all, change.Path)
					}
				}
				slices.Sort(all)
				return strings.Join(all, "\n")
			}
			if done := h.install(t); len(done) == 0 || paths(done) != paths(planned) {
				t.Errorf("changed %v, planned %v", done, planned)
			}
			if st := h.status(t); st.Ours || st.Entry != shared || st.Program != h.program {
				t.Errorf("status %+v", st)
			}
			if again := h.install(t); len(again) != 0 {
				t.Errorf("a second time changed %v", again)
			}
			if c.since != "" {
				if got := h.read(t, ".config", "mimeapps.list"); got != c.before+c.since {
					t.Errorf("the list is %q", got)
				}
			} else if now := h.snapshot(t); !slices.Equal(now, before) {
				t.Errorf("the home is %q, was %q", now, before)
			}
		})
	}
}

// The entry of the packages is the one that is written for a user, with what
// desktops need to pass over it once the program is gone.
func TestThePackagesEntryIsThatOfAUser(t *testing.T) {
	entry, err := os.ReadFile(filepath.Join("..", "packaging", "linux", "spacehatch.desktop"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(entryText(Name, "/usr/bin/spacehatch"), managed+"\n", "", 1)
	if got := strings.Replace(string(entry), "TryExec=/usr/bin/spacehatch\n", "", 1); got != want {
		t.Errorf("the packages' entry is\n%s\nwant, without TryExec,\n%s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	h := newHome(t, "bin")
	plain := filepath.Join(h.dir, "plain")
	h.write(t, "x", "plain")
	before := h.snapshot(t)
	for _, program := range []string{"spacehatch", "", h.program + "-not-there", plain, h.dir, "/a\nb", "/a=b", "/100%", "/\xff"} {
		if _, err := h.scheme.Install(t.Context(), program); !errors.Is(err, &problem.Problem{Code: Failed}) {
			t.Errorf("%q: %v", program, err)
		}
	}
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("something changed: %q", now)
	}
	if _, err := NewScheme("state"); err == nil {
		t.Error("a relative state folder was accepted")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.scheme.Install(cancelled, h.program); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReadOnlyListIsLeftAlone(t *testing.T) {
	h := newHome(t, "bin")
	h.write(t, "[Default Applications]\n", ".config", "mimeapps.list")
	if err := os.Chmod(h.path(".config", "mimeapps.list"), 0o444); err != nil {
		t.Fatal(err)
	}
	before := h.snapshot(t)
	if _, err := h.scheme.Install(t.Context(), h.program); !errors.Is(err, &problem.Problem{Code: Failed}) {
		t.Errorf("got %v", err)
	}
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("something changed: %q", now)
	}
}

// TestSomebodyGoesFirst: a desktop's own list beats mimeapps.list, so the
// links would not reach us; then nothing may stay behind.
func TestSomebodyGoesFirst(t *testing.T) {
	need(t, "update-desktop-database", "xdg-mime", "gio")
	h := newHome(t, "bin")
	t.Setenv("XDG_CURRENT_DESKTOP", "Test")
	h.write(t, other, ".local", "share", "applications", "other.desktop")
	h.write(t, "[Default Applications]\nx-scheme-handler/spacehatch=other.desktop\n", ".config", "test-mimeapps.list")
	before := h.snapshot(t)
	_, err := h.scheme.Install(t.Context(), h.program)
	p := problem.From(err)
	if p == nil || p.Code != Failed || !strings.Contains(err.Error(), "other.desktop") || p.Hint == "" {
		t.Errorf("got %+v", p)
	}
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("a trace is left:\n%s\nbefore:\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
}

func TestWithoutTheTools(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	t.Setenv("PATH", t.TempDir())
	changes := h.install(t)
	if want := 2 + 1 + len(iconSides); len(changes) != want { // no cache
		t.Errorf("changed %v", changes)
	}
	if st := h.status(t); !st.Ours || st.Program != h.program {
		t.Errorf("status %+v", st)
	}
	h.uninstall(t)
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("a trace is left: %q", now)
	}
}

func TestExecQuoting(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/spacehatch": "/usr/bin/spacehatch",
		"/opt/a b/s":          `"/opt/a b/s"`,
		`/opt/"q"/s`:          `"/opt/\\"q\\"/s"`,
		"/opt/$HOME/`x`":      "\"/opt/\\\\$HOME/\\\\`x\\\\`\"",
		`/opt/a\b`:            `"/opt/a\\\\b"`,
		"/opt/ü":              "/opt/ü",
	} {
		got := quoteExec(program)
		if got != want {
			t.Errorf("%s: got %s, want %s", program, got, want)
		}
		if back := programOf(got + " open %u"); back != program {
			t.Errorf("%s: read back as %s", program, back)
		}
	}
	if got := programOf("/opt/100%%/x %u"); got != "/opt/100%/x" {
		t.Errorf("somebody's percent sign: %s", got)
	}
}

func FuzzExec(f *testing.F) {
	for _, s := range []string{"/usr/bin/spacehatch", "/a b", `/"\$%` + "`", "/\\s", "/\\t%%u"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, program string) {
		_ = programOf(program) // whatever stands in somebody's entry
		if err := checkProgram(program); err != nil && !strings.Contains(err.Error(), "there is no program") {
			return
		}
		if back := programOf(quoteExec(program) + " open %u"); back != program {
			t.Errorf("%q becomes %q", program, back)
		}
	})
}

// FuzzMimeapps: whatever the list holds, ours goes in front and out again, and
// no other line changes its meaning.
func FuzzMimeapps(f *testing.F) {
	for _, s := range []string{
		"", "[Default Applications]\n", "[Default Applications]\nx-scheme-handler/spacehatch=a;b;\n[X]\n", "x", "\n\n[Default Applications]",
		"[Default Applications]\r\na=b\r\n", "[Added Associations]\nx-scheme-handler/spacehatch=spacehatch.desktop\n",
	} {
		f.Add([]byte(s))
	}
	mime, id := mimeType(Name), Name+".desktop"
	f.Fuzz(func(t *testing.T, data []byte) {
		before := parseKeyfile(data)
		if string(before.bytes()) != string(data) {
			t.Fatalf("%q became %q", data, before.bytes())
		}
		p := preference{mime, []string{id}}
		after := before.prefer(p)
		if list := after.list(defaults, mime); len(list) == 0 || list[0] != id {
			t.Errorf("the default is %v in %q", list, after.bytes())
		}
		again := parseKeyfile(after.bytes())
		if string(again.prefer(p).bytes()) != string(after.bytes()) {
			t.Errorf("a second time %q becomes %q", after.bytes(), again.prefer(p).bytes())
		}
		gone := again.forget(mime, []string{id}, false)
		if slices.Contains(gone.list(defaults, mime), id) {
			t.Errorf("still there in %q", gone.bytes())
		}
		for _, line := range before {
			if line := strings.TrimRight(line, "\r\n"); !strings.Contains(line, mime) && strings.TrimSpace(line) != "" && !strings.Contains(string(gone.bytes()), line) {
				t.Errorf("the line %q is lost in %q", line, gone.bytes())
			}
		}
	})
}
