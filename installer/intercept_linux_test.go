package installer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// ide is the entry with which VS Code gets its links, for another program.
const ide = "[Desktop Entry]\nName=Visual Studio Code - URL Handler\nComment=Code Editing. Redefined.\nGenericName=Text Editor\n" +
	"Exec=/usr/bin/printf <%%s> --open-url %U\nIcon=vscode\nType=Application\nNoDisplay=true\nStartupNotify=true\n" +
	"Categories=Utility;TextEditor;Development;IDE;\nMimeType=x-scheme-handler/vscode;\nKeywords=vscode;\n"

// with puts an IDE into a home folder, as its package does.
func (h home) with(t *testing.T, id, entry string) {
	t.Helper()
	dir := filepath.Join(os.Getenv("XDG_DATA_DIRS"), "applications")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, id), []byte(entry), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := refresh(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}

func (h home) interception(t *testing.T) Interception {
	t.Helper()
	i, err := NewInterception("vscode", h.scheme.state)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (h home) intercept(t *testing.T) []Change {
	t.Helper()
	changes, err := h.interception(t).Enable(t.Context(), h.program)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) release(t *testing.T) []Change {
	t.Helper()
	changes, err := h.interception(t).Disable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) links(t *testing.T) InterceptionStatus {
	t.Helper()
	st, err := h.interception(t).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestInterceptionLeavesNoTrace(t *testing.T) {
	need(t, "update-desktop-database", "xdg-mime", "gio", "desktop-file-validate")
	for name, prepare := range map[string]func(*testing.T, home){
		"nothing there": func(*testing.T, home) {},
		"a list": func(t *testing.T, h home) {
			h.write(t, "# mine\n[Default Applications]\ntext/plain=a.desktop\n\n[Added Associations]\ntext/x=b.desktop;\n", ".config", "mimeapps.list")
		},
		"the IDE in it": func(t *testing.T, h home) {
			h.write(t, "[Default Applications]\nx-scheme-handler/vscode=code-url-handler.desktop\n", ".config", "mimeapps.list")
		},
		"the IDE in it twice, no final newline": func(t *testing.T, h home) {
			h.write(t, "[Default Applications]\r\nx-scheme-handler/vscode=gone.desktop;code-url-handler.desktop;", ".config", "mimeapps.list")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "bin")
			h.with(t, "code-url-handler.desktop", ide)
			prepare(t, h)
			before, statusBefore := h.snapshot(t), h.links(t)
			if statusBefore.State != InterceptionOff || statusBefore.Handler != "code-url-handler.desktop" || statusBefore.Next != statusBefore.Handler {
				t.Errorf("at first: %+v", statusBefore)
			}
			planned, err := h.interception(t).Plan(t.Context(), h.program)
			if err != nil || len(planned) != 3 {
				t.Fatalf("planned %v, %v", planned, err)
			}
			h.unchanged(t, "planned", before)
			changes := h.intercept(t)
			if !slices.Equal(changes[:3], planned) {
				t.Errorf("planned %v, did %v", planned, changes)
			}
			entry := h.path(".local", "share", "applications", "spacehatch-intercept-vscode.desktop")
			if out, err := exec.Command("desktop-file-validate", entry).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("desktop-file-validate: %v %s", err, out)
			}
			script := h.path(".local", "share", "spacehatch", "intercept-vscode")
			if info, err := os.Stat(script); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("the script: %v, %v", info, err)
			}
			want := InterceptionStatus{
				Scheme: "vscode", State: InterceptionOn, Handler: "spacehatch-intercept-vscode.desktop",
				Next: "code-url-handler.desktop", NextName: "Visual Studio Code - URL Handler", Program: h.program,
			}
			if st := h.links(t); st != want {
				t.Errorf("on: %+v", st)
			}
			if schemes, err := Intercepted(h.scheme.state); err != nil || !slices.Equal(schemes, []string{"vscode"}) {
				t.Errorf("intercepted: %v, %v", schemes, err)
			}
			if again := h.intercept(t); len(again) != 0 {
				t.Errorf("a second time it changed %v", again)
			}
			if undone := h.release(t); len(undone) != len(changes) {
				t.Errorf("did %v, undid %v", changes, undone)
			}
			h.unchanged(t, "off again", before)
			if st := h.links(t); st != statusBefore {
				t.Errorf("off again: %+v", st)
			}
			if again := h.release(t); len(again) != 0 {
				t.Errorf("a second time it undid %v", again)
			}
		})
	}
}

// TestOpenersStartUsFirstAndTheIDEWhenWeAreGone has the system's own openers
// choose.
func TestOpenersStartUsFirstAndTheIDEWhenWeAreGone(t *testing.T) {
	need(t, "update-desktop-database", "xdg-mime", "xdg-open", "gio")
	h := newHome(t, "bin")
	second := filepath.Join(t.TempDir(), "ide")
	script := "#!/bin/sh\nprintf 'ide|%s|' \"$@\" >'" + h.pipe + "'\necho >'" + h.pipe + "'\n"
	if err := os.WriteFile(second, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h.with(t, "code-url-handler.desktop", strings.Replace(ide, "/usr/bin/printf <%%s> --open-url", second, 1))
	h.intercept(t)
	lines := h.starts(t)
	const link = "vscode://some.extension/path?a=b%20c&d=e"
	opened := func(when, want string) {
		t.Helper()
		for _, opener := range [][]string{{"gio", "open", link}, {"xdg-open", link}} {
			cmd := exec.Command(opener[0], opener[1:]...)
			cmd.Env = append(os.Environ(), "DISPLAY=:none")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s, %v: %v %s", when, opener, err, out)
			}
			if got, err := lines.ReadString('\n'); err != nil || got != want+"\n" {
				t.Errorf("%s, %v started %q, %v; want %q", when, opener, got, err, want)
			}
		}
	}
	opened("on", "pass|vscode|"+link+"|")
	if err := os.Rename(h.program, h.program+".away"); err != nil {
		t.Fatal(err)
	}
	opened("our program is gone", "ide|"+link+"|")
	if st := h.links(t); st.State != InterceptionBroken || !strings.Contains(st.Warning, h.program) || st.Handler != "code-url-handler.desktop" {
		t.Errorf("our program is gone: %+v", st)
	}
	if err := os.Rename(h.program+".away", h.program); err != nil {
		t.Fatal(err)
	}
	// As an update of the IDE may do.
	if out, err := exec.Command("xdg-mime", "default", "code-url-handler.desktop", "x-scheme-handler/vscode").CombinedOutput(); err != nil {
		t.Fatalf("xdg-mime default: %v %s", err, out)
	}
	opened("the IDE took it back", "ide|"+link+"|")
	if st := h.links(t); st.State != InterceptionTaken || st.Handler != "code-url-handler.desktop" {
		t.Errorf("the IDE took it back: %+v", st)
	}
	h.intercept(t)
	opened("asked for again", "pass|vscode|"+link+"|")
	h.release(t)
	opened("off", "ide|"+link+"|")
}

// TestOurScript: without the program, and without GIO, it starts the IDE.
func TestOurScript(t *testing.T) {
	next := handlerEntry{"x.desktop", "/it's/x.desktop", parseKeyfile([]byte("[Desktop Entry]\nExec=printf \"<%%s>\" \"it's\" %U\n"))}
	script := filepath.Join(t.TempDir(), "script")
	for _, c := range []struct {
		next handlerEntry
		want string
	}{{next, "<it's><vscode://$x 'y'>"}, {handlerEntry{}, ""}} {
		if err := os.WriteFile(script, []byte(interceptScript("vscode", "/gone", c.next)), 0o755); err != nil {
			t.Fatal(err)
		}
		bin := t.TempDir()
		if printf, err := exec.LookPath("printf"); err != nil || os.Symlink(printf, filepath.Join(bin, "printf")) != nil {
			t.Fatal("no printf", err)
		}
		cmd := exec.Command(script, "vscode://$x 'y'")
		cmd.Env = []string{"PATH=" + bin}
		out, err := cmd.CombinedOutput()
		if string(out) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("printed %q, %v; want %q", out, err, c.want)
		}
	}
}

// TestAnIDEsEntryPutsNoLineIntoOurs: its name may hold line ends, escaped.
func TestAnIDEsEntryPutsNoLineIntoOurs(t *testing.T) {
	for _, name := range []string{`Code\nExec=/bin/evil`, `Code\rX`, "Code\x1b[2J"} {
		next := handlerEntry{"code.desktop", "/x/code.desktop", parseKeyfile([]byte("[Desktop Entry]\nName=" + name + "\nIcon=vscode\n"))}
		text := interceptText("vscode", "/script", "/program", next)
		if strings.Count(text, "Exec=") != 2 || strings.Count(text, "\n") != 12 || !strings.Contains(text, "\nName=code.desktop through Spacehatch\n") {
			t.Errorf("%q: our entry is\n%s", name, text)
		}
	}
}

// TestEntriesAreNotLookedForElsewhere: an id is a name, and no path.
func TestEntriesAreNotLookedForElsewhere(t *testing.T) {
	h := newHome(t, "bin")
	h.with(t, "code-url-handler.desktop", ide)
	f, err := xdgFolders()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"code-url-handler.desktop": true, "../applications/code-url-handler.desktop": false, "./code-url-handler.desktop": false} {
		if got := f.entry(id); (got != "") != want {
			t.Errorf("%s is %q", id, got)
		}
	}
}

func TestTheIDETakesItsSchemeBackAndKeepsIt(t *testing.T) {
	h := newHome(t, "bin")
	h.with(t, "code-url-handler.desktop", ide)
	h.intercept(t)
	const theirs = "[Default Applications]\nx-scheme-handler/vscode=code-url-handler.desktop\n"
	h.write(t, theirs, ".config", "mimeapps.list")
	h.release(t)
	if got := h.read(t, ".config", "mimeapps.list"); got != theirs {
		t.Errorf("the list is %q", got)
	}
}

// TestOurScriptIsGone: then every link of the IDE leads nowhere, which must not
// look as if all were well; enabling it once more makes it anew.
func TestOurScriptIsGone(t *testing.T) {
	h := newHome(t, "bin")
	h.with(t, "code-url-handler.desktop", ide)
	h.intercept(t)
	script := filepath.Join(h.dir, ".local", "share", "spacehatch", "intercept-vscode")
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
	if st := h.links(t); st.State != InterceptionBroken || !strings.Contains(st.Warning, script) {
		t.Errorf("the script is gone: %+v", st)
	}
	h.intercept(t)
	if st := h.links(t); st.State != InterceptionOn || st.Warning != "" {
		t.Errorf("enabled again: %+v", st)
	}
}

func TestTheIDEIsGone(t *testing.T) {
	h := newHome(t, "bin")
	h.with(t, "code-url-handler.desktop", ide)
	h.intercept(t)
	shared := filepath.Join(os.Getenv("XDG_DATA_DIRS"), "applications")
	if err := os.Remove(filepath.Join(shared, "code-url-handler.desktop")); err != nil {
		t.Fatal(err)
	}
	if st := h.links(t); st.State != InterceptionBroken || st.Next != "" || st.Warning == "" {
		t.Errorf("the IDE is gone: %+v", st)
	}
	if err := Pass("vscode", "vscode://x"); !errors.Is(err, &problem.Problem{Code: Failed}) {
		t.Errorf("passed on to nobody: %v", err)
	}
	h.with(t, "codium.desktop", ide)
	if st := h.links(t); st.State != InterceptionOn || st.Next != "codium.desktop" {
		t.Errorf("another one is there: %+v", st)
	}
}

func TestInterceptionWithoutAnIDE(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	h.intercept(t)
	if st := h.links(t); st.State != InterceptionOn || st.Next != "" {
		t.Errorf("%+v", st)
	}
	h.release(t)
	h.unchanged(t, "off", before)
}

func TestInterceptionRefusals(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	for _, scheme := range []string{"", "spacehatch", "vs code", "../x", "VSCODE", "-x", "1x", "x.desktop", strings.Repeat("x", 33)} {
		if _, err := NewInterception(scheme, h.scheme.state); err == nil {
			t.Errorf("%q was accepted", scheme)
		}
	}
	if _, err := NewInterception("vscode", "state"); err == nil {
		t.Error("a relative state folder was accepted")
	}
	if _, err := h.interception(t).Enable(t.Context(), h.program+"-not-there"); !errors.Is(err, &problem.Problem{Code: Failed}) {
		t.Errorf("a program that is not there: %v", err)
	}
	h.unchanged(t, "refused", before)
}

// TestCommandIsGIOs compares what we would start with what GIO starts.
func TestCommandIsGIOs(t *testing.T) {
	need(t, "gio")
	h := newHome(t, "with blank")
	show := filepath.Join(t.TempDir(), "show")
	if err := os.WriteFile(show, []byte("#!/bin/sh\nprintf '%s\\0' \"$0\" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	spaced := filepath.Join(filepath.Dir(h.program), "show $it `now` \"here\"")
	if err := os.Symlink(show, spaced); err != nil {
		t.Fatal(err)
	}
	const nasty = `vscode://x.y/z?q='a'"b"&c=$(id)` + "`w`" + `\n\\;|<>*#%20%%u ü 日` + "\u00a0"
	for exec, direct := range map[string]bool{
		show + " --open-url %U":                true,
		show + " %u":                           true,
		show + "   --a\t%u  --b ":              true,
		show + ` "" '' "a b" 'c d' %u`:         true,
		show + ` "q\\"\\$\\` + "`" + `\\x" %u`: true,
		show + ` 'a\\b"c' d\\ e\\"f %u`:        true,
		show + " --url=%u":                     true,
		show + " 100%% %u":                     true,
		show + ` a"b c"'d e'f %U`:              true,
		show + " @@u %U @@":                    true,
		quoteExec(spaced) + " --open-url %U":   true,
		"env A=b " + show + " %U":              true,
		show + " a#b %u":                       true,
		show:                                   false,
		show + ` "%u"`:                         false,
		show + " %i %u":                        false,
		show + " %c %u":                        false,
		show + " %k %u":                        false,
		show + " %F":                           false,
		show + " %u %u":                        false,
		show + " %u #x":                        false,
		show + ` "open`:                        false,
		show + ` %u \\`:                        false,
		show + " %u %":                         false,
		show + " %u %x":                        false,
		"":                                     false,
	} {
		path := filepath.Join(t.TempDir(), "it.desktop")
		text := "[Desktop Entry]\nType=Application\nName=It\nExec=" + exec + "\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{nasty, "vscode://x", ""} {
			argv, err := handlerEntry{"it.desktop", path, parseKeyfile([]byte(text))}.command(link)
			if direct != (err == nil) || err != nil && !errors.Is(err, errUnusual) {
				t.Errorf("%s: %q, %v", exec, argv, err)
			}
			if err != nil {
				continue
			}
			if argv[0] == "env" {
				argv = argv[2:]
			}
			args := []string{"launch", path}
			if link != "" {
				args = append(args, link)
			}
			theirs, err := runGIO(args...)
			if err != nil {
				t.Fatalf("%s: gio %v: %v", exec, args, err)
			}
			if ours := strings.Join(argv, "\x00") + "\x00"; ours != theirs {
				t.Errorf("%s, %q:\n ours %q\n GIO's %q", exec, link, ours, theirs)
			}
		}
	}
}

func runGIO(args ...string) (string, error) {
	var complaint strings.Builder
	cmd := exec.Command("gio", args...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, complaint.String())
	}
	return string(out), err
}

func TestUnusualEntriesAreGIOs(t *testing.T) {
	for _, key := range []string{"Terminal=true", "DBusActivatable=true"} {
		h := handlerEntry{"x.desktop", "/x.desktop", parseKeyfile([]byte("[Desktop Entry]\nExec=x %u\n" + key + "\n"))}
		if argv, err := h.command("vscode://x"); !errors.Is(err, errUnusual) {
			t.Errorf("%s: %q, %v", key, argv, err)
		}
	}
}

func TestEnvironmentNamesTheNextEntry(t *testing.T) {
	got := environmentFor([]string{"A=b", "GIO_LAUNCHED_DESKTOP_FILE=/ours", "GIO_LAUNCHED_DESKTOP_FILE_PID=1"}, "/theirs")
	want := []string{"A=b", "GIO_LAUNCHED_DESKTOP_FILE=/theirs", "GIO_LAUNCHED_DESKTOP_FILE_PID=1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// FuzzCommand: whatever a link is, it is one argument, whole, where the entry
// has it.
func FuzzCommand(f *testing.F) {
	f.Add("x --open-url %U", "vscode://x?y=%20")
	f.Add(`"a b" '%%' c\\ d=%u`, `"'\`)
	f.Fuzz(func(t *testing.T, exec, link string) {
		h := handlerEntry{text: parseKeyfile([]byte("[Desktop Entry]\nExec=" + exec + "\n"))}
		argv, err := h.command(link)
		if err != nil || link == "" {
			return
		}
		const mark = "\x00mark\x00"
		marked, err := h.command(mark)
		if err != nil || len(marked) != len(argv) {
			t.Fatalf("%q: %q, with another link %q, %v", exec, argv, marked, err)
		}
		placed := 0
		for i := range argv {
			placed += strings.Count(marked[i], mark)
			if want := strings.ReplaceAll(marked[i], mark, link); argv[i] != want {
				t.Errorf("%q: argument %q, want %q", exec, argv[i], want)
			}
		}
		if placed != 1 {
			t.Errorf("%q: the link is there %d times", exec, placed)
		}
	})
}
