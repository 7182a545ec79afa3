//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// installIDE puts a stand-in for VS Code into a data folder, as its package
// does: an entry that gets vscode:// links, and starts a program with --open-url
// and the link.
func installIDE(t *testing.T, data, program string) {
	t.Helper()
	apps := filepath.Join(data, "applications")
	if err := os.MkdirAll(apps, 0o755); err != nil {
		t.Fatal(err)
	}
	entry := "[Desktop Entry]\nType=Application\nName=Visual Studio Code - URL Handler\nIcon=vscode\n" +
		"Exec=" + program + " --open-url %U\nNoDisplay=true\nStartupNotify=true\nMimeType=x-scheme-handler/vscode;\n"
	if err := os.WriteFile(filepath.Join(apps, "code-url-handler.desktop"), []byte(entry), 0o644); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command("update-desktop-database", apps))
}

// clickable is a home folder of an account in which links can be opened, with
// an IDE in it. It needs no account of its own, since no ssh is asked.
type clickable struct {
	home string
	env  []string
}

func newClickable(t *testing.T) clickable {
	t.Helper()
	for name, in := range map[string]string{
		"gio": "Debian's libglib2.0-bin", "xdg-open": "Debian's xdg-utils", "update-desktop-database": "Debian's desktop-file-utils",
	} {
		tool(t, name, in)
	}
	c := clickable{home: t.TempDir()}
	run, shared := t.TempDir(), t.TempDir()
	if err := os.Chmod(run, 0o700); err != nil {
		t.Fatal(err)
	}
	c.env = []string{
		"HOME=" + c.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "DISPLAY=:none",
		"XDG_DATA_DIRS=" + shared, "XDG_CONFIG_DIRS=" + filepath.Join(shared, "none"), "XDG_RUNTIME_DIR=" + run,
	}
	// It prints what it gets, each argument with a NUL behind it.
	program := filepath.Join(shared, "ide")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\0' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	installIDE(t, shared, program)
	return c
}

func (c clickable) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = c.env, c.home
	return cmd
}

// foreignLink makes a link of some other extension: anything a program can get
// as an argument.
func foreignLink(r *rand.Rand, most int) string {
	const plain = "abcXYZ019-._~:/?#[]@!$&'()*+,;=%\"<>\\^`{|} "
	size := r.IntN(200)
	if r.IntN(100) == 0 {
		size = r.IntN(most)
	}
	var b strings.Builder
	for b.WriteString(foreignHeads[r.IntN(len(foreignHeads))]); b.Len() < size; {
		switch r.IntN(12) {
		case 0:
			fmt.Fprintf(&b, "%%%02X", r.IntN(256))
		case 1:
			if c := rune(r.IntN(utf8.MaxRune)) + 1; utf8.ValidRune(c) {
				b.WriteRune(c)
			}
		case 2:
			b.WriteByte(byte(1 + r.IntN(255))) // also what is no UTF-8
		default:
			b.WriteByte(plain[r.IntN(len(plain))])
		}
	}
	return b.String()
}

// foreignHeads are beginnings of links that are not ours, some of them nearly.
var foreignHeads = []string{
	"vscode://some-publisher.some-extension/", "vscode://github.vscode-pull-request-github/did-authenticate?",
	"vscode://file/", "vscode:", "VSCODE://x.y?", "vscode-insiders://x.y/", "vscode://vscode-remote/ssh-remote+host/",
	"vscode://amazonwebservices.aws-toolkit-vscode/signin?", "vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker/",
	"vscode://amazonwebservices.aws-toolkit-vscode.evil/connect/sagemaker?", "vscode://amazonwebservices.aws-toolkit-vscode/connect/else?",
	"vscode://x/amazonwebservices.aws-toolkit-vscode/connect/sagemaker?",
}

// TestLinksOfOthersArriveUnchanged puts ten thousand links through the built
// program, and some through the openers that browsers use.
func TestLinksOfOthersArriveUnchanged(t *testing.T) {
	t.Parallel()
	c := newClickable(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("the seed is %d", seed)

	before := witness.Snapshot(t, c.home)
	// What the openers make of a link is theirs: it is compared with what the
	// IDE gets without us.
	openers := [][]string{{"gio", "open"}, {"xdg-open"}}
	var opened []string
	for range 40 {
		opened = append(opened, "vscode://some.extension/"+strings.Map(func(c rune) rune {
			if c < ' ' || c == utf8.RuneError {
				return '~'
			}
			return c
		}, foreignLink(r, 20_000)))
	}
	open := func(opener []string, link string) string {
		out, err := c.command(opener[0], append(opener[1:], link)...).Output()
		if err != nil {
			t.Fatalf("%v %q: %v", opener, link, err)
		}
		return string(out)
	}
	without := map[string]string{}
	for _, opener := range openers {
		for _, link := range opened {
			without[opener[0]+link] = open(opener, link)
		}
	}
	output(t, c.command(spacehatch(), "intercept", "enable", "--yes"))
	for _, opener := range openers {
		for _, link := range opened {
			if got, want := open(opener, link), without[opener[0]+link]; got != want || !strings.HasPrefix(got, "--open-url\x00vscode:") {
				t.Errorf("%v: the IDE got %.200q, and %.200q without us", opener, got, want)
			}
		}
	}

	links := make(chan string)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for link := range links {
				out, err := c.command(spacehatch(), "pass", "vscode", link).Output()
				if want := "--open-url\x00" + link + "\x00"; err != nil || string(out) != want {
					t.Errorf("the IDE got %.300q, %v; want %.300q", out, err, want)
				}
			}
		})
	}
	const count, most = 10_000, 100_000
	longest := 0
	for range count {
		link := strings.ReplaceAll(foreignLink(r, most), "\x00", "")
		longest = max(longest, len(link))
		links <- link
	}
	close(links)
	wait.Wait()
	t.Logf("%d links, the longest of %d bytes", count, longest)

	output(t, c.command(spacehatch(), "uninstall", "--yes"))
	witness.Same(t, "uninstalled", before, witness.Snapshot(t, c.home))
}

// TestALinkToASpaceIsNotPassedOn: it is ours, and refused where it is no good.
func TestALinkToASpaceIsNotPassedOn(t *testing.T) {
	t.Parallel()
	c := newClickable(t)
	output(t, c.command(spacehatch(), "intercept", "enable", "--yes"))
	for _, path := range []string{"sagemaker", "smus", "workspace"} {
		link := "vscode://amazonwebservices.aws-toolkit-vscode/connect/" + path + "?connection_identifier=nonsense"
		code, said := exitCode(t, c.command(spacehatch(), "pass", "vscode", link))
		if code != 3 || strings.Contains(said, "open-url") {
			t.Errorf("%s: exit code %d, %s", path, code, said)
		}
		if out, _ := c.command("gio", "open", link).Output(); bytes.Contains(out, []byte("open-url")) {
			t.Errorf("%s: gio open started the IDE: %q", path, out)
		}
	}
}
