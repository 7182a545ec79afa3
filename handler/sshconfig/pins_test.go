package sshconfig

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	keyA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDIkyOjEuGPYxp3DSBjE7hq0Ms8yPwcvKqZc5sBWkQZ0"
	keyB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5qq1Hb2FBxVpGDQWQjC1x1F0Y0qkOQF3m1yqf0aP9H"
)

func knownHosts(t *testing.T, lines ...string) (dir, path string) {
	t.Helper()
	at := place(filepath.Join(t.TempDir(), ".ssh"))
	if err := os.MkdirAll(at.folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at.knownHosts(), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(at), at.knownHosts()
}

func TestForgetPin(t *testing.T) {
	others := []string{
		"# my.hatch " + keyA, "your.hatch " + keyA, "xmy.hatch " + keyA, "my.hatch.example.com " + keyB, "", "my.hatch", "\xff\xfe",
	}
	dir, path := knownHosts(t, append(others, "my.hatch "+keyA, "[my.hatch]:22 "+keyB, "x.hatch,my.hatch "+keyA+" a comment", "@revoked my.hatch "+keyB)...)
	pins, err := ForgetPin(t.Context(), dir, "my.hatch")
	if err != nil || len(pins) != 4 {
		t.Fatalf("%v, %v", pins, err)
	}
	if got, want := read(t, path), strings.Join(others, "\n")+"\n"; got != want {
		t.Errorf("left are %q, want %q", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if pins, err := ForgetPin(t.Context(), dir, "my.hatch"); err != nil || len(pins) != 0 {
		t.Errorf("a second time: %v, %v", pins, err)
	}
	if _, err := ForgetPin(t.Context(), filepath.Join(dir, "none"), "my.hatch"); err != nil {
		t.Errorf("without a folder: %v", err)
	}
	if _, err := ForgetPin(t.Context(), dir, "*"); err == nil {
		t.Error("a pattern is taken for an alias")
	}
}

// TestPinsAgreeWithSSHKeygen: the fingerprint, and a file that the user hashed.
func TestPinsAgreeWithSSHKeygen(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen here")
	}
	dir, path := knownHosts(t)
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), keygen, "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public := strings.Join(strings.Fields(read(t, key+".pub"))[:2], " ")
	if err := os.WriteFile(path, []byte("my.hatch "+public+"\nyour.hatch "+keyA+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), keygen, "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(read(t, path), "my.hatch") {
		t.Fatal("not hashed")
	}
	out, err := exec.CommandContext(t.Context(), keygen, "-l", "-f", key+".pub").Output()
	if err != nil {
		t.Fatal(err)
	}
	pins, err := Pins(dir, "my.hatch")
	if err != nil || len(pins) != 1 || !strings.Contains(string(out), pins[0].Fingerprint+" ") {
		t.Errorf("pins %v, %v; ssh-keygen says %s", pins, err, out)
	}
	if _, err := ForgetPin(t.Context(), dir, "my.hatch"); err != nil {
		t.Fatal(err)
	}
	mine, _ := Pins(dir, "my.hatch")
	yours, _ := Pins(dir, "your.hatch")
	if len(mine) != 0 || len(yours) != 1 {
		t.Errorf("left are %v and %v", mine, yours)
	}
}

func TestForgetPinsAtTheSameTime(t *testing.T) {
	var lines []string
	var aliases []string
	for r := 'a'; r <= 'z'; r++ {
		aliases = append(aliases, string(r)+".hatch")
		lines = append(lines, string(r)+".hatch "+keyA)
	}
	dir, path := knownHosts(t, lines...)
	var wg sync.WaitGroup
	for _, alias := range aliases {
		wg.Go(func() {
			if pins, err := ForgetPin(t.Context(), dir, alias); err != nil || len(pins) != 1 {
				t.Errorf("%s: %v, %v", alias, pins, err)
			}
		})
	}
	wg.Wait()
	if got := read(t, path); got != "" {
		t.Errorf("left are %q", got)
	}
}

func FuzzSplitPins(f *testing.F) {
	f.Add([]byte("my.hatch "+keyA+"\n|1|a|b c d\n@x"), "my.hatch")
	f.Fuzz(func(t *testing.T, data []byte, alias string) {
		pins, rest := split(data, alias)
		if len(pins) == 0 && string(rest) != string(data) {
			t.Errorf("nothing found, yet %q became %q", data, rest)
		}
		if again, _ := split(rest, alias); len(again) != 0 {
			t.Errorf("a second pass finds %v", again)
		}
	})
}
