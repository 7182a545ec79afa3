//go:build linux

package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// packaged returns the file that `make packages` has made.
func packaged(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "build", "packages", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("This test needs one build/packages/%s, and there are %d: `make packages` makes it.", pattern, len(found))
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// installed is where packages put the program.
const installed = "/usr/bin/spacehatch"

const (
	desktopDeb = "spacehatch_*.deb"
	serverDeb  = "spacehatch-cli_*.deb"
	desktopRPM = "spacehatch-[0-9]*.rpm"
	serverRPM  = "spacehatch-cli-*.rpm"
	archive    = "spacehatch-*-linux-*.tar.gz"
)

// older makes an earlier version of a Debian package, with a file that the later
// one has no more.
func older(t *testing.T, deb string) string {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	output(t, exec.Command("dpkg-deb", "-R", deb, tree))
	control := filepath.Join(tree, "DEBIAN", "control")
	text, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^Version: .*$`).ReplaceAll(text, []byte("Version: 0~0"))
	if err := os.WriteFile(control, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, oldFile), []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(dir, "older.deb")
	output(t, exec.Command("dpkg-deb", "-Znone", "-b", tree, made))
	return made
}

const oldFile = "/usr/share/doc/spacehatch/of-old.txt"

// handler asks the system, as a person, who gets our links.
func (m *machine) handler(t *testing.T, v *visitor) string {
	t.Helper()
	said := strings.TrimSpace(output(t, m.as(v.Command(v.ctx, "xdg-mime", "query", "default", "x-scheme-handler/spacehatch"))))
	gio, _ := m.as(v.Command(v.ctx, "gio", "mime", "x-scheme-handler/spacehatch")).Output()
	if strings.Contains(string(gio), "spacehatch.desktop") != (said == "spacehatch.desktop") {
		t.Errorf("xdg-mime says %q, and gio %q", said, gio)
	}
	return said
}

// TestTheDebianPackage: links work at once for an ordinary user, an update
// changes nothing for them, and what is removed leaves nothing.
func TestTheDebianPackage(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]string{"dpkg-deb": "Debian's dpkg", "xdg-open": "Debian's xdg-utils", "gio": "Debian's libglib2.0-bin"} {
		tool(t, name, from)
	}
	deb := packaged(t, desktopDeb)
	v := newVisitor(t)
	v.installEditor(t, webServer(t, "served on the space"))
	v.Env = append(v.Env, "DISPLAY=:none")
	v.lifeBefore(t, livedIn)
	m := newMachine(t, v.person)
	before := witness.Snapshot(t, v.Home)
	if got := m.handler(t, v); got != "" {
		t.Fatalf("before anything is installed links go to %q", got)
	}

	output(t, m.command("dpkg", "-i", older(t, deb)))
	if got := m.handler(t, v); got != "spacehatch.desktop" {
		t.Errorf("with the package links go to %q", got)
	}
	m.checkList(t, m.command("dpkg", "-L", "spacehatch"))

	// The set-up finds that the links come already.
	output(t, m.as(v.Command(v.ctx, installed, "setup", "--yes")))
	if _, err := os.Stat(filepath.Join(v.Home, ".local/share/applications/spacehatch.desktop")); err == nil {
		t.Error("there is a second registration in the home")
	}
	if said := output(t, m.as(v.Command(v.ctx, installed, "doctor"))); !strings.Contains(said, "spacehatch:// links start this program.") {
		t.Errorf("the doctor says\n%s", said)
	}
	output(t, m.as(v.Command(v.ctx, installed, "settings", "set", "tray", "false")))
	settings := filepath.Join(v.Home, ".config/spacehatch/settings.toml")
	chosen, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	term := atTerminal(t, m.as(v.Command(v.ctx, installed, "open", v.studio.link(t, "space=my-space&scheme=spacehatch"))))
	term.expect(t, `(?s)A link asks.*111122223333.*Enter +Cancel`)
	term.enter(t, "r")
	if code, said := term.answer(t, `\[Y/n\] `, "y"); code != 0 { // the IDE's settings
		t.Fatalf("open ended with %d:\n%s", code, said)
	}
	v.checkEditor(t)
	for _, opener := range [][]string{{"xdg-open"}, {"gio", "open"}} {
		output(t, m.as(v.Command(v.ctx, opener[0], append(opener[1:], v.studio.link(t, "space=my-space&scheme=spacehatch"))...)))
		v.checkEditor(t)
	}

	// An update.
	output(t, m.command("dpkg", "-i", deb))
	if _, err := os.Stat(m.root + oldFile); err == nil {
		t.Errorf("%s of the older version is still there", oldFile)
	}
	if now, err := os.ReadFile(settings); err != nil || string(now) != string(chosen) {
		t.Errorf("the settings are %q (%v), were %q", now, err, chosen)
	}
	if got := m.handler(t, v); got != "spacehatch.desktop" {
		t.Errorf("after the update links go to %q", got)
	}

	// A user's uninstall takes out what is the user's.
	said := output(t, m.as(v.Command(v.ctx, installed, "uninstall", "--yes")))
	if !strings.Contains(said, "/usr/share/applications/spacehatch.desktop") {
		t.Errorf("uninstall does not say that links go on coming:\n%s", said)
	}
	v.quiet(t, v.idle)
	witness.Same(t, "the home after uninstall", before, witness.Snapshot(t, v.Home))
	if got := m.handler(t, v); got != "spacehatch.desktop" {
		t.Errorf("after a user's uninstall links go to %q", got)
	}

	// The package goes first, and the user cleans up with another copy.
	output(t, m.as(v.Command(v.ctx, installed, "setup", "--yes")))
	output(t, m.as(v.Command(v.ctx, installed, "autostart", "enable")))
	inHome := witness.Snapshot(t, v.Home)
	output(t, m.command("dpkg", "-r", "spacehatch"))
	witness.Same(t, "the home after dpkg -r", inHome, witness.Snapshot(t, v.Home))
	if got := m.handler(t, v); got != "" {
		t.Errorf("without the package links go to %q", got)
	}
	output(t, m.as(v.Command(v.ctx, spacehatch(), "uninstall", "--yes")))
	witness.Same(t, "the home after uninstall without the package", before, witness.Snapshot(t, v.Home))

	output(t, m.command("dpkg", "--purge", "spacehatch"))
	if left := m.came(t); len(left) > 0 {
		t.Errorf("dpkg leaves %q", left)
	}
}

// checkList compares what came to the machine with what a package manager says
// that it has brought.
func (m *machine) checkList(t *testing.T, list *exec.Cmd) {
	t.Helper()
	var listed []string
	for path := range strings.Lines(output(t, list)) {
		path = strings.TrimSpace(path)
		if info, err := os.Lstat(m.root + path); err != nil {
			t.Error(err)
		} else if !info.IsDir() {
			listed = append(listed, path)
		}
	}
	slices.Sort(listed)
	came := m.came(t)
	slices.Sort(came)
	if !slices.Equal(came, listed) {
		t.Errorf("there came %q\nand %v lists %q", came, list.Args, listed)
	}
}

// TestTheServerPackage: it asks for no library, brings nothing for a desktop,
// and gives way to the other package.
func TestTheServerPackage(t *testing.T) {
	t.Parallel()
	server, desktop := packaged(t, serverDeb), packaged(t, desktopDeb)
	if got := strings.TrimSpace(output(t, exec.Command("dpkg-deb", "-f", server, "Depends"))); got != "openssh-client" {
		t.Errorf("the package for servers depends on %s", got)
	}
	v := newVisitor(t)
	m := newMachine(t, v.person)
	output(t, m.command("dpkg", "-i", server))
	m.checkList(t, m.command("dpkg", "-L", "spacehatch-cli"))
	for _, name := range m.came(t) {
		if regexp.MustCompile(`desktop|icons|metainfo|applications`).MatchString(name) {
			t.Errorf("a server gets %s", name)
		}
	}
	if got := m.handler(t, v); got != "" {
		t.Errorf("on a server links go to %q", got)
	}
	output(t, m.as(v.Command(v.ctx, installed, "open", "--yes", "--editor", "none", v.studio.link(t, "space=my-space&scheme=spacehatch"))))
	if said := output(t, m.as(v.Command(v.ctx, "ssh", alias, "uname"))); said != "Linux\n" {
		t.Errorf("the space says %q", said)
	}
	output(t, m.as(v.Command(v.ctx, installed, "uninstall", "--yes")))
	v.quiet(t, v.idle)
	output(t, m.command("dpkg", "-i", desktop))
	if said := output(t, m.command("dpkg-query", "-W", "-f", "${Package}:${db:Status-Abbrev} ", "spacehatch", "spacehatch-cli")); !strings.Contains(said, "spacehatch:ii") || strings.Contains(said, "cli:ii") {
		t.Errorf("dpkg says %s", said)
	}
	m.checkList(t, m.command("dpkg", "-L", "spacehatch"))
}

// TestTheRPM installs it for real, on a system that has none of its libraries by
// the names that rpm knows.
func TestTheRPM(t *testing.T) {
	t.Parallel()
	tool(t, "rpm", "it is in Debian's package rpm")
	rpm := packaged(t, desktopRPM)
	v := newVisitor(t)
	m := newMachine(t, v.person)
	output(t, m.command("rpm", "--initdb"))
	output(t, m.command("rpm", "-i", "--test", "--nodeps", rpm))
	output(t, m.command("rpm", "-i", "--nodeps", rpm))
	if got := m.handler(t, v); got != "spacehatch.desktop" {
		t.Errorf("with the package links go to %q", got)
	}
	output(t, m.as(v.Command(v.ctx, installed, "version")))
	output(t, m.command("rpm", "-V", "--nodeps", "spacehatch"))
	m.checkList(t, m.command("rpm", "-qlp", rpm))
	// The other package has files of the same names.
	if code, said := exitCode(t, m.command("rpm", "-i", "--test", packaged(t, serverRPM))); code == 0 || !strings.Contains(said, "conflicts with") {
		t.Errorf("rpm would install both: %s", said)
	}
	output(t, m.command("rpm", "-e", "spacehatch"))
	if got := m.handler(t, v); got != "" {
		t.Errorf("without the package links go to %q", got)
	}
	if left := m.came(t); len(left) > 0 {
		t.Errorf("rpm leaves %q", left)
	}
}

// openedLater are the libraries that the windows open by themselves when they come
// up (seen with LD_DEBUG=libs), beside those that the program is linked with.
var openedLater = []string{"libX11.so.6", "libXcursor.so.1", "libXext.so.6", "libXi.so.6", "libXinerama.so.1", "libXrandr.so.2", "libXrender.so.1", "libXxf86vm.so.1"}

// TestPackagesAskForWhatTheProgramsNeed, no more and no less.
func TestPackagesAskForWhatTheProgramsNeed(t *testing.T) {
	t.Parallel()
	tool(t, "rpm", "it is in Debian's package rpm")
	deb, rpm := packaged(t, desktopDeb), packaged(t, desktopRPM)
	tree := t.TempDir()
	output(t, exec.Command("dpkg-deb", "-x", deb, tree))
	f, err := elf.Open(filepath.Join(tree, "usr/bin/spacehatch-desktop"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	linked, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	provides := output(t, exec.Command("ldconfig", "-p"))
	debs, rpms := map[string]bool{"openssh-client": true, "desktop-file-utils": true}, map[string]bool{"openssh-clients": true, "desktop-file-utils": true}
	for _, library := range append(linked, openedLater...) {
		path := regexp.MustCompile(`(?m)^\s+` + regexp.QuoteMeta(library) + ` .*64.* => (.*)$`).FindStringSubmatch(provides)
		if path == nil {
			t.Errorf("%s is not on this system", library)
			continue
		}
		real, err := filepath.EvalSymlinks(path[1])
		if err != nil {
			t.Fatal(err)
		}
		owner, _, _ := strings.Cut(output(t, exec.Command("dpkg", "-S", "*"+strings.TrimPrefix(real, "/usr"))), ":")
		debs[owner] = true
		if library != "libc.so.6" && library != "libm.so.6" {
			rpms[library+"()(64bit)"] = true
		}
	}
	checkNames(t, "the Debian package", debs, regexp.MustCompile(`, |\n`).Split(output(t, exec.Command("dpkg-deb", "-f", deb, "Depends")), -1))
	checkNames(t, "the RPM", rpms, strings.Split(output(t, exec.Command("rpm", "-qp", "--requires", rpm)), "\n"))
}

// checkNames compares what a package asks for, the C library aside: its version
// comes from the program itself.
func checkNames(t *testing.T, what string, want map[string]bool, asked []string) {
	t.Helper()
	for _, each := range asked {
		name, _, _ := strings.Cut(strings.TrimSpace(each), " ")
		if name == "" || strings.HasPrefix(name, "libc.so.6(GLIBC_") || strings.HasPrefix(name, "rpmlib(") || name == "/bin/sh" {
			continue
		}
		if !want[name] {
			t.Errorf("%s asks for %s, which nothing in it needs", what, name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s does not ask for %s", what, name)
	}
}

// TestWhatPackagesHoldIsWellFormed asks the tools of those who read it.
func TestWhatPackagesHoldIsWellFormed(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	output(t, exec.Command("dpkg-deb", "-x", packaged(t, desktopDeb), tree))
	share := filepath.Join(tree, "usr/share")
	output(t, exec.Command("gzip", "-dr", filepath.Join(share, "man")))
	pages, err := filepath.Glob(filepath.Join(share, "man/man1/*.1"))
	if err != nil || len(pages) < 30 {
		t.Fatalf("there are %d pages (%v)", len(pages), err)
	}
	for _, check := range []struct {
		in   string
		args []string
	}{
		{"Debian's mandoc", append([]string{"mandoc", "-T", "lint", "-W", "warning"}, pages...)},
		{"Debian's desktop-file-utils", []string{"desktop-file-validate", filepath.Join(share, "applications/spacehatch.desktop")}},
		{"Debian's appstream", []string{"appstreamcli", "validate", "--no-net", filepath.Join(share, "metainfo/io.github.spacehatch.spacehatch.metainfo.xml")}},
		{"Debian's bash", []string{"bash", "-n", filepath.Join(share, "bash-completion/completions/spacehatch")}},
	} {
		tool(t, check.args[0], "it is in "+check.in)
		cmd := exec.Command(check.args[0], check.args[1:]...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		if code, said := exitCode(t, cmd); code != 0 {
			t.Errorf("%s: %s", check.args[0], said)
		}
	}
}
