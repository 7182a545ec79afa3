package sshconfig

import (
	"path/filepath"
	"strings"
)

// An option is one line of a Host block.
type option struct{ keyword, value string }

const forwardAgent = "ForwardAgent"

// maxSocket is the longest path that a socket can be bound to everywhere: 104
// bytes with the final zero on macOS and the BSDs, 108 on Linux.
const maxSocket = 103

// hashLength is what %C becomes: a SHA-1 in hexadecimal.
const hashLength = 40

// sshSuffix is what ssh appends to a ControlPath while it binds the socket: a
// dot and sixteen random characters (mux.c, muxserver_listen).
const sshSuffix = 17

// controlPath returns the value of ControlPath and whether there is one: a
// socket in our folder, in the runtime folder where ours is too deep, else none.
func (s Settings) controlPath() (string, bool) {
	if !s.ControlMaster {
		return "", false
	}
	fits := func(dir string) bool {
		return len(dir)+len("/")+len(socketPrefix)+hashLength+sshSuffix <= maxSocket
	}
	if at := place(s.SSHDir); fits(at.folder()) {
		return at.inConfig(socketPrefix + "%C"), true
	}
	if dir := s.RuntimeDir; filepath.IsAbs(dir) && fits(dir) && !strings.ContainsFunc(dir, isControl) {
		return configWord(escapePercent(dir) + "/" + socketPrefix + "%C"), true
	}
	return "", false
}

// options are what holds for every space. Our file is read first and the first
// value wins, so whatever a "Host *" further down could set to break or endanger
// a connection has its value here.
//
// Only keywords that OpenSSH 7.6 knows: one that an OpenSSH does not know makes
// each of its ssh commands fail, to whatever host, and home folders are shared
// between machines. What is not here, and why:
//
//   - ProxyJump: the first of ProxyJump and ProxyCommand wins, so ProxyCommand is
//     enough. "ProxyJump none" in front would win over ProxyCommand in OpenSSH,
//     and IDEs with their own reader take none for the name of a host.
//   - LocalForward, RemoteForward, DynamicForward, SendEnv, IdentityFile add up,
//     and ClearAllForwardings would also clear what an IDE asks for. The plan's
//     notes name them.
//   - HostKeyAlias, which takes no token, is set for each known space.
//   - GSSAPI: PreferredAuthentications leaves it out; the keyword itself makes
//     builds without it complain.
//   - Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms, RekeyLimit,
//     RevokedHostKeys: policy of the user or of the administrator.
//   - BindAddress, AddressFamily, IPQoS, TCPKeepAlive: of no effect behind a
//     ProxyCommand.
func (s Settings) options() []option {
	list := []option{
		{"User", spaceUser},
		{"ProxyCommand", escapePercent(programWord(s.Program)) + " proxy " + hostWord},
	}
	// A socket shared with a "Host *" could collide with another tool's, and
	// ControlMaster auto would make the IDE's ssh the master, on whose end
	// every other connection hangs.
	if path, ok := s.controlPath(); ok {
		list = append(list, option{"ControlPath", path})
	} else {
		list = append(list, option{"ControlPath", "none"})
	}
	known := place(s.SSHDir).inConfig(knownHostsName)
	return s.chosen(append(list, []option{
		{"ControlMaster", "no"},
		// With ControlPersist ssh sends what a ProxyCommand says to nowhere, and
		// the proxy says why there is no connection. Our own masters have theirs
		// on the command line.
		{"ControlPersist", "no"},

		// Pins: our file alone, readable, changed by nobody but ssh's first
		// contact and ForgetPin.
		{"StrictHostKeyChecking", "accept-new"},
		{"UserKnownHostsFile", known},
		{"GlobalKnownHostsFile", "/dev/null"}, // a certificate authority for "*" would be a second pin
		{"HashKnownHosts", "no"},
		{"UpdateHostKeys", "no"}, // a space may not add keys of its own choice
		{"VerifyHostKeyDNS", "no"},
		{"CheckHostIP", "no"},
		{"VisualHostKey", "no"},

		// The name stays what it is: pins and sockets are found by it.
		{"HostName", "%h"},
		{"Port", "22"},
		{"CanonicalizeHostname", "no"},
		{"ProxyUseFdpass", "no"},

		// A silent tunnel is noticed after a minute. ConnectTimeout also bounds
		// the wait for the server's banner, and a person may need five minutes
		// to get a new session in the browser.
		{"ServerAliveInterval", "15"},
		{"ServerAliveCountMax", "4"},
		{"ConnectTimeout", "330"},
		{"ConnectionAttempts", "1"},
		{"Compression", "yes"}, // the agent's throughput is the bottleneck

		// The session is the authentication. Keys offered all the same would
		// tell a hostile machine who the user is and can use up the server's
		// MaxAuthTries; a password prompt could only be phishing. "none" is
		// always tried first; keyboard-interactive may come without a question.
		{"PubkeyAuthentication", "no"},
		{"PasswordAuthentication", "no"},
		{"HostbasedAuthentication", "no"},
		{"KbdInteractiveAuthentication", "yes"},
		{"PreferredAuthentications", noKeys},
		{"IdentitiesOnly", "yes"}, // for a space with Keys: those named, not all of the agent's
		{"AddKeysToAgent", "yes"}, // the same: one passphrase is enough
		{"BatchMode", "no"},       // it would switch keyboard-interactive off

		// What a hostile machine could use against the user's own.
		{forwardAgent, "no"},
		{"ForwardX11", "no"},
		{"ForwardX11Trusted", "no"},
		{"GatewayPorts", "no"},
		{"Tunnel", "no"},

		// What breaks an IDE, scp or rsync.
		{"PermitLocalCommand", "no"},
		{"RemoteCommand", "none"},
		{"RequestTTY", "auto"},
		{"ExitOnForwardFailure", "no"},
		{"LogLevel", "INFO"}, // QUIET would hide a changed host key
	}...))
}

// hostOptions are what holds for one known space. ProxyCommand and HostName
// hold the alias itself, for IDEs whose own reader expands no %n.
func (s Settings) hostOptions(h Host) []option {
	list := []option{
		{"HostName", h.Alias},
		{"HostKeyAlias", h.Alias},
		{"ProxyCommand", escapePercent(programWord(s.Program)) + " proxy " + h.Alias},
	}
	if h.ForwardAgent {
		list = append(list, option{forwardAgent, "yes"})
	}
	switch {
	case h.User != "":
		list = append(list, machineOptions(h.User)...)
	case s.Machines.holds(h.Alias):
		// A space that is named like a machine is none.
		list = append(list, option{"User", spaceUser}, option{"PubkeyAuthentication", "no"},
			option{"PreferredAuthentications", noKeys}, option{"IdentitiesOnly", "yes"})
	case h.Keys:
		list = append(list, option{"PubkeyAuthentication", "yes"},
			option{"PreferredAuthentications", publicKeyFirst})
	}
	return list
}

// machineOptions are what holds for a machine that is no space: the session is
// the way to it and no authentication, so the user's keys are wanted, those in
// the agent too.
func machineOptions(user string) []option {
	return []option{
		{"User", user},
		{"PubkeyAuthentication", "yes"},
		{"PreferredAuthentications", publicKeyFirst},
		{"IdentitiesOnly", "no"},
	}
}

const (
	spaceUser      = "sagemaker-user"
	publicKeyFirst = "publickey,keyboard-interactive"
	noKeys         = "keyboard-interactive"
)

// render returns the text of our config.
func (s Settings) render() []byte {
	var out strings.Builder
	block := func(pattern string, options []option) {
		out.WriteString("\nHost " + pattern + "\n")
		for _, o := range options {
			out.WriteString("    " + o.keyword + " " + o.value + "\n")
		}
	}
	out.WriteString("# Written by Spacehatch, which overwrites changes made here.\n" +
		"# To take it out: spacehatch ssh-config undo\n")
	// ssh before 9.6 lets any name into the command (CVE-2023-51385); the
	// single quotes around %n hold all but this one.
	out.WriteString("\n# A name with a quote must not reach the shell.")
	block(`"*'*`+Suffix+`"`, []option{{"ProxyCommand", "false"}})
	for _, h := range s.Hosts {
		block(h.Alias, s.hostOptions(h))
	}
	if len(s.Machines.Patterns) > 0 {
		block(strings.Join(s.Machines.Patterns, " "), machineOptions(s.Machines.User))
	}
	block("*"+Suffix, s.options())
	return []byte(out.String())
}
