package sshconfig

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// goodOptions has a value or more for each keyword that may be chosen.
var goodOptions = []string{
	"AddKeysToAgent confirm", "Ciphers aes128-gcm@openssh.com,aes256-ctr", "Compression no", "ConnectTimeout 60",
	"EscapeChar none", "KexAlgorithms curve25519-sha256", "LogLevel DEBUG2", "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
	"RekeyLimit 1G 1h", "ServerAliveCountMax 2", "ServerAliveInterval 30",
}

// Each option that may be chosen reaches ssh, whatever a "Host *" says.
func TestChosenOptionsReachSSH(t *testing.T) {
	needSSH(t)
	s := home(t)
	var err error
	if s.Options, err = ParseOptions(goodOptions); err != nil {
		t.Fatal(err)
	}
	if len(s.Options) != len(Choices()) {
		t.Fatalf("%d options tried of %d", len(s.Options), len(Choices()))
	}
	plain := home(t)
	apply(t, plain)
	user := s.write(t, "Host *\n"+indented(hostile)+"    Ciphers aes256-ctr\n    MACs hmac-sha1\n    RekeyLimit 2G\n    EscapeChar ^A\n    KexAlgorithms ecdh-sha2-nistp256\n")
	apply(t, s)
	for _, host := range []string{anyHost, "my-space.hatch"} {
		got, without := effectiveFor(t, user, host), effectiveFor(t, place(plain.SSHDir).userConfig(), host)
		want := effectiveFor(t, place(s.SSHDir).config(), host)
		for _, o := range s.Options {
			k := strings.ToLower(o.Keyword)
			if strings.Join(got[k], "|") != strings.Join(want[k], "|") {
				t.Errorf("%s: %s is %q, want %q", host, o.Keyword, got[k], want[k])
			}
			if strings.Join(got[k], "|") == strings.Join(without[k], "|") {
				t.Errorf("%s: %s is %q with and without", host, o.Keyword, got[k])
			}
		}
	}
	if block := string(s.render()); strings.Count(block, "    Compression ") != 1 {
		t.Errorf("ours stands beside the chosen one:\n%s", block)
	}
	if again := plan(t, s); !again.Empty() {
		t.Errorf("a second plan is not empty:\n%s", again.Diff())
	}
	s.Options = nil
	if p := plan(t, s); p.ChangesUserFile() || !strings.Contains(p.Diff(), "+    Compression yes") {
		t.Errorf("taking them back is not silent:\n%s", p.Diff())
	}
}

func TestParseOptions(t *testing.T) {
	got, err := ParseOptions([]string{"compression NO", "LOGLEVEL debug", "RekeyLimit default none", "macs +hmac-sha1", "EscapeChar ^B"})
	want := []Option{{"Compression", "no"}, {"LogLevel", "DEBUG"}, {"RekeyLimit", "default none"}, {"MACs", "+hmac-sha1"}, {"EscapeChar", "^B"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, line := range []string{
		// What a hostile space or a slip of the pen could use.
		"ProxyCommand curl x", "LocalCommand x", "PermitLocalCommand yes", "KnownHostsCommand /bin/x", "RemoteCommand x",
		"ForwardAgent yes", "forwardagent yes", "ForwardX11 yes", "RemoteForward 1 localhost:2", "LocalForward 1 localhost:2",
		"DynamicForward 1", "GatewayPorts yes", "Tunnel yes", "StrictHostKeyChecking no", "UserKnownHostsFile /dev/null",
		"UpdateHostKeys yes", "HostName evil.example", "HostKeyAlias x", "ProxyJump evil", "Include /tmp/x", "Host *", "Match all",
		"SendEnv *", "SetEnv A=B", "IdentityFile ~/.ssh/id", "PubkeyAuthentication yes", "PasswordAuthentication yes",
		"ControlPath /tmp/x", "ControlMaster auto", "ControlPersist yes", "User root", "Port 1", "HostKeyAlgorithms ssh-dss",
		"PKCS11Provider /tmp/x.so", "SecurityKeyProvider /tmp/x.so", "XAuthLocation /tmp/x", "BatchMode yes", "RequestTTY force",
		"CanonicalizeHostname yes", "", " ", "# x", "Compression\tno",
		// What would break or hide.
		"Compression", "Compression maybe", "Compression no no", "ServerAliveInterval 0", "ServerAliveInterval -1",
		"ServerAliveInterval 07", "ServerAliveInterval 3601", "ServerAliveInterval 1e3", "ServerAliveCountMax 0", "ConnectTimeout 1",
		"LogLevel QUIET", "LogLevel FATAL", "LogLevel ERROR", "EscapeChar #", "EscapeChar \"", "EscapeChar ^b", "RekeyLimit 0",
		"RekeyLimit 1G 1h x", "RekeyLimit 1", "Ciphers ", "Ciphers a,", "Ciphers ,a", "Ciphers a b", "Ciphers $(x)", "Ciphers a\nHost *",
		"MACs ++a", "KexAlgorithms \"a", "AddKeysToAgent 1h", "Ciphers a;b", "Ciphers %h",
	} {
		_, err := ParseOptions([]string{line})
		wantProblem(t, err, OptionRefused, "")
		if p := problem.From(err); strings.ContainsAny(p.Sentence+p.Hint, "\n\x1b") {
			t.Errorf("%q is repeated as it is: %s", line, p.Sentence)
		}
	}
	_, err = ParseOptions([]string{"Compression no", "compression yes"})
	wantProblem(t, err, OptionRefused, "twice")
	_, err = ParseOptions([]string{"ForwardAgent yes"})
	if p := problem.From(err); !strings.Contains(p.Hint, "forward_agent") {
		t.Errorf("the hint is %s", p.Hint)
	}
}

// What this ssh refuses is said before anything is written, and which option
// it is.
func TestSSHRefusesAnOption(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.write(t, "Host other\n")
	before := snapshot(t, s.SSHDir)
	var err error
	if s.Options, err = ParseOptions([]string{"Compression no", "Ciphers no-such-cipher"}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{Check(t.Context(), s), func() error { _, err := NewPlan(t.Context(), s); return err }()} {
		p := problem.From(err)
		wantProblem(t, err, OptionRefused, `"Ciphers no-such-cipher"`)
		if strings.Contains(p.Sentence, os.TempDir()) || strings.Contains(p.Sentence, "Compression") {
			t.Errorf("the sentence is %s", p.Sentence)
		}
	}
	if got := snapshot(t, s.SSHDir); got != before {
		t.Errorf("something was written:\n%s", got)
	}
	s.Options = s.Options[:1]
	if err := Check(t.Context(), s); err != nil {
		t.Error(err)
	}
	s.Options = []Option{{"ProxyCommand", "x"}}
	wantProblem(t, Check(t.Context(), s), OptionRefused, "ProxyCommand")
	s.Options = []Option{{"compression", "no"}}
	if err := Check(t.Context(), s); err == nil {
		t.Error("an option that nobody has read is taken")
	}
}

// A choice for one space is looked at by ssh too, wherever it stands.
func TestForwardAgentIsVerified(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.Hosts = []Host{{Alias: "b.hatch"}, {Alias: "z.hatch", ForwardAgent: true}}
	user := s.write(t, "Host *\n    ForwardAgent no\n")
	before := snapshot(t, s.SSHDir)
	p := plan(t, s)
	last := &p.steps[len(p.steps)-1]
	last.after = append([]byte("Host z.hatch\n    ForwardAgent no\nHost *\n"), last.after...)
	wantProblem(t, p.Apply(t.Context()), problem.SSHConfigIneffective, "ForwardAgent")
	if after := snapshot(t, s.SSHDir); after != before {
		t.Errorf("not put back:\n%s\nwas:\n%s", after, before)
	}
	apply(t, s)
	for host, want := range map[string]string{"z.hatch": "yes", "b.hatch": "no", "other.hatch": "no"} {
		if got := effectiveFor(t, user, host)["forwardagent"]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: ForwardAgent %q, want %s", host, got, want)
		}
	}
}

// A path to an agent in a "Host *" is no reason to refuse: ssh prints it and
// does not forward. One before our lines is.
func TestPathOfAnAgent(t *testing.T) {
	needSSH(t)
	for _, name := range []string{"by us", "by hand"} {
		t.Run(name, func(t *testing.T) {
			s := home(t)
			include := ""
			if name == "by hand" {
				include = "Include " + configWord(place(s.SSHDir).config()) + "\n"
			}
			s.write(t, include+"Host *\n    ForwardAgent /tmp/agent.sock\n")
			apply(t, s)
		})
	}
	s := home(t)
	before := filepath.Join(t.TempDir(), "before")
	if err := os.WriteFile(before, []byte("ForwardAgent /tmp/agent.sock\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.write(t, "Include "+before+"\nInclude "+configWord(place(s.SSHDir).config())+"\n")
	wantProblem(t, plan(t, s).Apply(t.Context()), problem.SSHConfigIneffective, "ForwardAgent")
}

// FuzzOptions: whatever is taken is one line that this ssh's parser reads as
// one option, so nothing else can get into the file with it.
func FuzzOptions(f *testing.F) {
	for _, line := range append(slices.Clone(goodOptions), "Ciphers +a,b*", "Host *", "Compression no\nHost *", "MACs ^a") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		options, err := ParseOptions([]string{line})
		if err != nil {
			if p := problem.From(err); p.Code != OptionRefused || p.Hint == "" {
				t.Errorf("not a proper problem: %v", err)
			}
			return
		}
		o := options[0]
		if strings.ContainsFunc(o.Keyword+o.Value, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("\"'\\#%$`;", r) }) {
			t.Fatalf("%q became %q", line, o)
		}
		s := Settings{SSHDir: filepath.Join(string(filepath.Separator), "x"), Program: filepath.Join(string(filepath.Separator), "p"), Options: options}
		if n, plain := strings.Count(string(s.render()), "\n"), strings.Count(string(Settings{SSHDir: s.SSHDir, Program: s.Program}.render()), "\n"); n != plain && n != plain+1 {
			t.Errorf("%q made %d lines of %d", line, n, plain)
		}
		if err := checkOptions(options); err != nil {
			t.Errorf("%q is taken and then refused: %v", line, err)
		}
	})
}
