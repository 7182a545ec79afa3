package sshconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestMissingFolderComesAndGoes(t *testing.T) {
	needSSH(t)
	s := home(t)
	p := plan(t, s)
	if !p.ChangesUserFile() {
		t.Error("a new config is the user's, too")
	}
	diff := p.Diff()
	for _, want := range []string{
		"create folder " + s.SSHDir + " (mode 0700)\n",
		"create folder " + s.SSHDir + "/spacehatch (mode 0700)\n",
		"create " + s.SSHDir + "/spacehatch/config (mode 0600)\n",
		"create " + s.SSHDir + "/config (mode 0600)\n--- /dev/null\n",
		"+Include " + s.SSHDir + "/spacehatch/config\n",
	} {
		if !strings.Contains(diff, want) {
			t.Errorf("the diff lacks %q:\n%s", want, diff)
		}
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		s.SSHDir: 0o700, s.SSHDir + "/config": 0o600, s.SSHDir + "/spacehatch": 0o700, s.SSHDir + "/spacehatch/config": 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, s.SSHDir); got != "" {
		t.Errorf("left behind:\n%s", got)
	}
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Errorf("a second undo: %v", err)
	}
}

// TestAnEmptyFolderStays where it is not ours: who made it may count on it.
func TestAnEmptyFolderStays(t *testing.T) {
	needSSH(t)
	s := home(t)
	if err := os.Mkdir(s.SSHDir, 0o700); err != nil {
		t.Fatal(err)
	}
	apply(t, s)
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.SSHDir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestUndoKeepsWhatIsNotOurs: what the user made meanwhile stays.
func TestUndoKeepsWhatIsNotOurs(t *testing.T) {
	needSSH(t)
	s := home(t)
	apply(t, s)
	user := place(s.SSHDir).userConfig()
	s.write(t, read(t, user)+"Host work\n")
	note := filepath.Join(s.SSHDir, "spacehatch", "note")
	if err := os.WriteFile(note, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if got := read(t, user); got != "Host work\n" {
		t.Errorf("the config is %q", got)
	}
	if got := read(t, note); got != "x" {
		t.Errorf("the note is %q", got)
	}
}

func TestANewSpaceLeavesTheUserFileAlone(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.write(t, "Host work\n")
	apply(t, s)
	s.Hosts = append(s.Hosts, Host{Alias: "third.hatch", Keys: true})
	p := plan(t, s)
	if p.Empty() || p.ChangesUserFile() {
		t.Errorf("changes %+v", p.Changes())
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := effectiveFor(t, place(s.SSHDir).userConfig(), "third.hatch")
	if got["pubkeyauthentication"][0] != "true" || got["preferredauthentications"][0] != "publickey,keyboard-interactive" {
		t.Errorf("the space with keys: %v, %v", got["pubkeyauthentication"], got["preferredauthentications"])
	}
}

func TestBackup(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.BackupDir = filepath.Join(t.TempDir(), "state", "spacehatch")
	before := "# \xff\nHost work\n"
	s.write(t, before)
	apply(t, s)
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(s.BackupDir, backupName)); got != before {
		t.Errorf("the backup is %q", got)
	}
	// Made for the backup, the folders above go with it.
	if err := paths.Remove(s.BackupDir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Dir(s.BackupDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder above is still there: %v", err)
	}
}

// TestLinkIsKept: a chain of relative links into a dotfiles folder.
func TestLinkIsKept(t *testing.T) {
	needSSH(t)
	s := home(t)
	top := filepath.Dir(s.SSHDir)
	target := filepath.Join(top, "dotfiles", "ssh", "config")
	for _, dir := range []string{s.SSHDir, filepath.Dir(target)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const before = "Host work\n"
	if err := os.WriteFile(target, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		filepath.Join(s.SSHDir, "config"):                 "../dotfiles/link",
		filepath.Join(top, "dotfiles", "link"):            "ssh/again",
		filepath.Join(top, "dotfiles", "ssh", "again"):    "config",
		filepath.Join(top, "dotfiles", "ssh", "unharmed"): "config",
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	was := snapshot(t, top)
	p := plan(t, s)
	if want := "update " + s.SSHDir + "/config -> " + target + " (mode 0640)\n"; !strings.Contains(p.Diff(), want) {
		t.Errorf("the diff lacks %q:\n%s", want, p.Diff())
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, target); !strings.HasSuffix(got, endMarker+"\n"+before) {
		t.Errorf("the target is %q", got)
	}
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, top); got != was {
		t.Errorf("not as before:\n%s\nwas:\n%s", got, was)
	}
}

func TestLargeConfig(t *testing.T) {
	needSSH(t)
	s := home(t)
	before := strings.Repeat("Host work\n    User me\n", 1<<20/22)
	user := s.write(t, before)
	p := plan(t, s)
	if lines := strings.Count(p.Diff(), "\n"); lines > 120 {
		t.Errorf("a diff of %d lines", lines)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := Undo(t.Context(), s.SSHDir); err != nil {
		t.Fatal(err)
	}
	if got := read(t, user); got != before {
		t.Error("not as before")
	}
}

func TestRefusals(t *testing.T) {
	needSSH(t)
	for _, c := range []struct {
		name, says string
		make       func(t *testing.T, config string) error
	}{
		{"too large", "larger than 4 MiB", func(_ *testing.T, config string) error {
			return os.WriteFile(config, bytes.Repeat([]byte("#\n"), maxConfig/2+1), 0o600)
		}},
		{"folder", "not a regular file", func(_ *testing.T, config string) error { return os.Mkdir(config, 0o700) }},
		{"link to a folder", "not a regular file", func(_ *testing.T, config string) error { return os.Symlink(".", config) }},
		{"link to nothing", "leads to no file", func(_ *testing.T, config string) error { return os.Symlink("gone", config) }},
		{"link to itself", "leads to no file", func(_ *testing.T, config string) error { return os.Symlink("config", config) }},
		{"read-only", "read-only", func(_ *testing.T, config string) error { return os.WriteFile(config, nil, 0o400) }},
		{"our folder is a file", "should be a folder", func(_ *testing.T, config string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(config), folderName), nil, 0o600)
		}},
		{"our folder is a link", "should be a folder", func(_ *testing.T, config string) error {
			return os.Symlink(".", filepath.Join(filepath.Dir(config), folderName))
		}},
		{"our config is a folder", "not a file that Spacehatch wrote", func(_ *testing.T, config string) error {
			return os.MkdirAll(filepath.Join(filepath.Dir(config), folderName, configName), 0o700)
		}},
		{"UTF-16 without a mark", "not plain text", func(_ *testing.T, config string) error {
			return os.WriteFile(config, []byte("H\x00o\x00s\x00t\x00"), 0o600)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := home(t)
			if err := os.Mkdir(s.SSHDir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.make(t, place(s.SSHDir).userConfig()); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, s.SSHDir)
			_, err := NewPlan(t.Context(), s)
			wantProblem(t, err, problem.SSHConfigUnsafe, c.says)
			if got := snapshot(t, s.SSHDir); got != before {
				t.Errorf("something was written:\n%s", got)
			}
		})
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := home(t)
	for name, spoil := range map[string]func(*Settings){
		"relative folder":  func(s *Settings) { s.SSHDir = ".ssh" },
		"relative program": func(s *Settings) { s.Program = "spacehatch" },
		"newline":          func(s *Settings) { s.Program = "/opt/a\nHost *" },
		"not UTF-8":        func(s *Settings) { s.Program = "/opt/\xff" },
		"alias":            func(s *Settings) { s.Hosts = []Host{{Alias: "a b.hatch"}} },
		"alias twice":      func(s *Settings) { s.Hosts = []Host{{Alias: "a.hatch"}, {Alias: "a.hatch"}} },
	} {
		s := good
		spoil(&s)
		if _, err := NewPlan(t.Context(), s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for alias, want := range map[string]bool{
		"a.hatch": true, "my-space.d-abc.hatch": true, "0.hatch": true,
		"": false, ".hatch": false, "a": false, "a.hatch.": false, "-a.hatch": false, "A.hatch": false, "a..hatch": false,
		"*.hatch": false, "a\n.hatch": false, "é.hatch": false, "a.hatch b": false, strings.Repeat("a", 248) + ".hatch": false,
	} {
		if got := ValidAlias(alias); got != want {
			t.Errorf("ValidAlias(%q) = %v", alias, got)
		}
	}
}

func TestControlPath(t *testing.T) {
	deep := "/home/" + strings.Repeat("x", 40)
	for _, c := range []struct {
		sshDir, runtimeDir string
		masters            bool
		want               string
	}{
		{"/home/me/.ssh", "/run/user/1000/spacehatch", true, "/home/me/.ssh/spacehatch/cm-%C"},
		{"/home/m e/.ssh", "", true, `"/home/m e/.ssh/spacehatch/cm-%C"`},
		{"/home/100%/.ssh", "", true, "/home/100%%/.ssh/spacehatch/cm-%C"},
		{deep + "/.ssh", "/run/user/1000/spacehatch", true, "/run/user/1000/spacehatch/cm-%C"},
		{deep + "/.ssh", deep, true, "none"},
		{deep + "/.ssh", "", true, "none"},
		{"/home/me/.ssh", "/run/user/1000/spacehatch", false, "none"},
	} {
		s := Settings{SSHDir: c.sshDir, Program: "/x", ControlMaster: c.masters, RuntimeDir: c.runtimeDir}
		if !bytes.Contains(s.render(), []byte("    ControlPath "+c.want+"\n")) {
			t.Errorf("%+v: got\n%s", c, s.render())
		}
	}
	// The longest that fits is bound by ssh with its suffix.
	for n := range 60 {
		dir := "/" + strings.Repeat("d", n+1)
		s := Settings{SSHDir: dir, Program: "/x", ControlMaster: true}
		socket := dir + "/spacehatch/cm-" + strings.Repeat("0", 40) + ".0123456789abcdef"
		if _, ok := s.controlPath(); ok != (len(socket) < 104) {
			t.Errorf("a socket of %d bytes: %v", len(socket), ok)
		}
	}
}

func TestQuoting(t *testing.T) {
	for in, want := range map[string]string{
		`C:\Program Files\Spacehatch\spacehatch.exe`: `"C:/Program Files/Spacehatch/spacehatch.exe"`,
		`\\server\share\spacehatch.exe`:              `"//server/share/spacehatch.exe"`,
		`C:\Users\Jörg\100%\x.exe`:                   `"C:/Users/Jörg/100%/x.exe"`,
	} {
		if got := windowsWord(in); got != want {
			t.Errorf("windowsWord(%s) = %s", in, got)
		}
	}
	for in, want := range map[string]string{
		"/usr/bin/x": `"/usr/bin/x"`, "/a b": `"/a b"`, "/it's": `"/it's"`, "/$x": "'/$x'", "/`'": "'/`'\\'''",
	} {
		if got := posixWord(in); got != want {
			t.Errorf("posixWord(%s) = %s", in, got)
		}
	}
	if got := visible("a\x1b[31m\r\n\tb\xff\u009b\u202ec\x7fé"); got != "a^[[31m^M\n\tb\\xff\\u009b\\u202ec^?é" {
		t.Errorf("visible = %q", got)
	}
}

func TestChangesSummary(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.write(t, "Host work\n")
	var got strings.Builder
	for _, c := range plan(t, s).Changes() {
		fmt.Fprintf(&got, "%s %s %v %s %v\n", c.Action, strings.TrimPrefix(c.Path, s.SSHDir), c.Folder, c.Mode, c.Own)
	}
	const want = "create /spacehatch true 0700 true\ncreate /spacehatch/config false 0600 true\n" +
		"create /spacehatch/ssh-config.backup false 0600 true\nupdate /config false 0600 false\n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}
