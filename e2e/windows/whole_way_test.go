//go:build linux

package windows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackages runs those tests of packages that are about Windows alone.
func TestPackages(t *testing.T) {
	t.Cleanup(func() { // they take turns by a file in the runtime folder
		if err := os.RemoveAll(pc.unix(pc.local("spacehatch"))); err != nil {
			t.Error(err)
		}
	})
	for _, each := range []struct{ folder, tests string }{
		{"internal/ipc", "^TestPipe"},
		{"internal/settings", "^TestRegistry"},
		{"installer", "^Test(Scheme|Autostart)"},
	} {
		t.Run(each.folder, func(t *testing.T) {
			folder := filepath.Join("..", "..", each.folder)
			binary := filepath.Join(pc.programs, filepath.Base(each.folder)+".test.exe")
			cmd := forWindows("go", "test", "-c", "-o", binary, ".")
			cmd.Dir = folder
			if err := call(cmd); err != nil {
				t.Fatal(err)
			}
			said := pc.run(t, `Z:`+binary, "-test.v", "-test.run", each.tests)
			if !strings.Contains(said, "\n--- PASS: ") || !strings.Contains(said, "PASS") {
				t.Errorf("no test ran:\n%s", said)
			}
		})
	}
}

// over is OpenSSH to a space, with spacehatch.exe as its ProxyCommand.
func over(t *testing.T, host, command string, in io.Reader, out io.Writer) {
	t.Helper()
	spacehatch := pc.wine(t.Context(), pc.installed("spacehatch.exe"), "proxy", host)
	var quoted []string
	for _, word := range spacehatch.Args {
		quoted = append(quoted, `'`+word+`'`)
	}
	cmd := pc.Command(t.Context(), "ssh", "-F", "/dev/null", "-o", "ProxyCommand="+strings.Join(quoted, " "),
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
		"sagemaker-user@"+host, command)
	cmd.Env = spacehatch.Env
	var errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ssh %s %s: %v\n%s", host, command, err, errs.String())
	}
}

// link is a fresh link to the space "my-space".
func link(t *testing.T) string {
	t.Helper()
	link, err := pc.studio.Link(t.Context(), "space=my-space&scheme=spacehatch")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// installCode puts a stand-in for Visual Studio Code where the real one is. It
// goes with the test.
func installCode(t *testing.T) {
	t.Helper()
	folder := pc.local(`Programs\Microsoft VS Code`)
	for from, to := range map[string]string{
		filepath.Join(pc.programs, standInName): folder + `\Code.exe`,
		"/dev/null":                             folder + `\resources\app\out\cli.js`,
	} {
		at := pc.unix(to)
		if err := call(pc.Command(t.Context(), "mkdir", "-p", filepath.Dir(at))); err != nil {
			t.Fatal(err)
		}
		if err := call(pc.Command(t.Context(), "cp", from, at)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, path := range []string{folder, pc.profile(`AppData\Roaming\Code`)} {
			if err := os.RemoveAll(pc.unix(path)); err != nil {
				t.Error(err)
			}
		}
	})
}

// opened is what the IDE was started with.
func opened(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case args := <-pc.standIns.opened:
		return args
	case <-ctx.Done():
		t.Fatal("no IDE was started")
		return nil
	}
}

// TestALinkBecomesAnIDE goes the way of a link: by the command line the first
// time, and then as Windows hands it over.
func TestALinkBecomesAnIDE(t *testing.T) {
	installCode(t)
	pc.install(t)
	want := []string{"--remote", "ssh-remote+my-space.hatch", "/home/sagemaker-user"}
	pc.run(t, pc.installed("spacehatch.exe"), "open", "--yes", link(t))
	if args := opened(t); !slices.Equal(args, want) {
		t.Errorf("the IDE is started with %q, want %q", args, want)
	}
	config := pc.read(t, pc.profile(`.ssh\spacehatch\config`))
	proxy := fmt.Sprintf(`ProxyCommand "%s" proxy my-space.hatch`, strings.ReplaceAll(pc.installed("spacehatch.exe"), `\`, "/"))
	if !strings.Contains(config, proxy) || !strings.Contains(config, "ControlPath none") || strings.Contains(config, "cm-") {
		t.Errorf("the SSH config lacks %s, or shares connections:\n%s", proxy, config)
	}
	settings := pc.read(t, pc.profile(`AppData\Roaming\Code\User\settings.json`))
	for _, need := range []string{`"remote.SSH.useLocalServer": false`, `"my-space.hatch": "linux"`} {
		if !strings.Contains(settings, need) {
			t.Errorf("the IDE's settings lack %s:\n%s", need, settings)
		}
	}

	// The tunnel waits in a process of its own; an ssh takes it.
	if state := status(t); state != "waiting" {
		t.Errorf("the tunnel is %q", state)
	}
	var said strings.Builder
	over(t, "my-space.hatch", "uname", nil, &said)
	if said.String() != "Linux\n" {
		t.Errorf("the space says %q", said.String())
	}
	eventually(t, func() bool { return status(t) == "" }, func() string { return "the tunnel stays after its ssh" })

	// By the build without a console, which Windows starts with a link.
	pc.run(t, pc.installed("spacehatchw.exe"), "open", "--yes", "--", link(t))
	if args := opened(t); !slices.Equal(args, want) {
		t.Errorf("by a link the IDE is started with %q, want %q", args, want)
	}
	if again := pc.read(t, pc.profile(`.ssh\spacehatch\config`)); again != config {
		t.Errorf("the SSH config is another one now:\n%s", again)
	}
	pc.run(t, pc.installed("spacehatch.exe"), "close", "my-space.hatch")
	if state := status(t); state != "" {
		t.Errorf("after close the tunnel is %q", state)
	}
}

// TestWindowsBringsLinks has wine open a link. It can do so with short ones only,
// and looks at the machine's classes alone, where Windows puts the user's over
// them: here they are copied. What comes of a link that is refused stands in the
// log.
func TestWindowsBringsLinks(t *testing.T) {
	pc.install(t)
	pc.run(t, "reg", "copy", `HKCU\Software\Classes\spacehatch`, `HKLM\Software\Classes\spacehatch`, "/s", "/f")
	defer pc.run(t, "reg", "delete", `HKLM\Software\Classes\spacehatch`, "/f")
	pc.run(t, "start", "spacehatch://hello")
	eventually(t, func() bool { return strings.Contains(pc.log(), "code=link-malformed") }, func() string {
		return "nothing was started for the link, or it was not refused"
	})
}

// status is the state of the one tunnel, empty where there is none.
func status(t *testing.T) string {
	t.Helper()
	var all []struct {
		State string `json:"state"`
	}
	text := pc.run(t, pc.installed("spacehatch.exe"), "status", "--json")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].State
}

// TestBytesArriveAsTheyAre moves bytes both ways through OpenSSH, without a
// tunnel before it and without a known space.
func TestBytesArriveAsTheyAre(t *testing.T) {
	pc.install(t)
	data := make([]byte, 3<<20)
	chaos := rand.NewChaCha8([32]byte{1})
	_, _ = chaos.Read(data)
	sum := sha256.Sum256(data)
	host := "my-space.hatch"
	pc.run(t, pc.installed("spacehatch.exe"), "connect", "--yes", "--editor", "none", "my-space")
	var there strings.Builder
	over(t, host, "cat > sent && sha256sum < sent", bytes.NewReader(data), &there)
	if got, _, _ := strings.Cut(there.String(), " "); got != hex.EncodeToString(sum[:]) {
		t.Errorf("up: the sum is %s, want %x", got, sum)
	}
	// The tunnel that waited is spent: this ssh gets a session of its own.
	back := sha256.New()
	over(t, host, "cat sent", nil, back)
	if got := back.Sum(nil); !bytes.Equal(got, sum[:]) {
		t.Errorf("down: the sum is %x, want %x", got, sum)
	}
}

// TestInstaller looks at what the installer does by itself. That it leaves
// nothing behind is part of every test here.
func TestInstaller(t *testing.T) {
	pc.install(t)
	for _, name := range []string{"spacehatch.exe", "spacehatchw.exe", "spacehatch-desktop.exe", "uninstall.exe", "LICENSE.txt"} {
		if !pc.there(pc.installed(name)) {
			t.Errorf("%s is not installed", name)
		}
	}
	if !pc.there(pc.profile(`AppData\Roaming\Microsoft\Windows\Start Menu\Programs\Spacehatch.lnk`)) {
		t.Error("it is not in the Start menu")
	}
	classes := pc.registry(t, `HKCU\Software\Classes\spacehatch`)
	command := strings.ReplaceAll(fmt.Sprintf(`"%s" open -- "%%1"`, pc.installed("spacehatchw.exe")), `\`, `\\`)
	if command = strings.ReplaceAll(command, `"`, `\"`); !strings.Contains(classes, command) || !strings.Contains(classes, `"URL Protocol"=""`) {
		t.Errorf("the registry lacks %s:\n%s", command, classes)
	}
	entry := pc.registry(t, `HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Spacehatch`)
	for _, name := range []string{"DisplayName", "DisplayVersion", "DisplayIcon", "InstallLocation", "UninstallString", "QuietUninstallString", "EstimatedSize"} {
		if !strings.Contains(entry, `"`+name+`"=`) {
			t.Errorf("the entry of installed programs lacks %s:\n%s", name, entry)
		}
	}

	// An installation over it, while the program runs, changes nothing but the
	// files; the settings stay.
	pc.run(t, pc.installed("spacehatch.exe"), "settings", "set", "tray", "false")
	ctx, end := context.WithCancel(t.Context())
	holding := pc.wine(ctx, pc.installed("spacehatch.exe"), "simulator")
	said, err := holding.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holding.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		end()
		_ = holding.Wait() // it was ended
	}()
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pc.run(t, `Z:`+filepath.Join(pc.programs, setupName), "/S")
	if got := pc.run(t, pc.installed("spacehatch.exe"), "settings", "get", "tray"); strings.TrimSpace(got) != "false" {
		t.Errorf("after the upgrade the setting tray is %q", got)
	}
	if again := pc.registry(t, `HKCU\Software\Classes\spacehatch`); again != classes {
		t.Errorf("after the upgrade the registration is another one:\n%s", again)
	}
}

// TestWhatWindowsReadsInThePrograms: whether a console opens, which icon and
// version are shown, long paths and sharp windows.
func TestWhatWindowsReadsInThePrograms(t *testing.T) {
	const gui, console = 2, 3 // IMAGE_SUBSYSTEM_WINDOWS_GUI and _CUI
	wide := func(text string) string {
		var out strings.Builder
		for _, r := range text {
			out.WriteString(string(r) + "\x00")
		}
		return out.String()
	}
	icons, err := os.ReadFile(filepath.Join("..", "..", "packaging", "icons", "spacehatch.ico"))
	if err != nil {
		t.Fatal(err)
	}
	// The first of them: its size and place stand in the entry behind the head.
	size, at := binary.LittleEndian.Uint32(icons[14:]), binary.LittleEndian.Uint32(icons[18:])
	icon := string(icons[at : at+size])
	for name, subsystem := range map[string]uint16{"spacehatch": console, "spacehatchw": gui, "spacehatch-desktop": gui} {
		file, err := pe.Open(filepath.Join("..", "..", "build", "windows", name+".exe"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if header, ok := file.OptionalHeader.(*pe.OptionalHeader64); !ok || header.Subsystem != subsystem {
			t.Errorf("%s: the header is %+v, want subsystem %d", name, file.OptionalHeader, subsystem)
		}
		section := file.Section(".rsrc")
		if section == nil {
			t.Errorf("%s has no resources", name)
			continue
		}
		data, err := section.Data()
		if err != nil {
			t.Fatal(err)
		}
		for _, need := range []string{"<longPathAware", "PerMonitorV2", icon, wide("ProductName"), wide(name + ".exe")} {
			if !bytes.Contains(data, []byte(need)) {
				t.Errorf("the resources of %s lack %.40q", name, need)
			}
		}
	}
}

// TestEverythingIsSigned by the certificate of whoever made the release.
func TestEverythingIsSigned(t *testing.T) {
	pc.install(t)
	for _, path := range []string{
		filepath.Join(pc.programs, setupName), pc.unix(pc.installed("uninstall.exe")), pc.unix(pc.installed("spacehatch.exe")),
		pc.unix(pc.installed("spacehatchw.exe")), pc.unix(pc.installed("spacehatch-desktop.exe")),
	} {
		out, err := exec.Command("osslsigncode", "verify", "-CAfile", *certificate, "-in", path).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Signature verification: ok") {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
