//go:build linux

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A space gets at the keys in the person's agent where they chose so for that
// space, from the next connection on, and nowhere else.
func TestAnAgentIsForwardedWhereItWasChosen(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ssh", "ssh-agent", "ssh-add", "ssh-keygen"} {
		tool(t, name, "it is in Debian's package openssh-client")
	}
	v := newVisitor(t)
	key, socket := filepath.Join(v.Home, "key"), filepath.Join(v.Runtime, "agent.sock")
	v.run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "of-the-person", "-f", key)
	agent := v.Command(v.ctx, "ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	v.Env = append(v.Env, "SSH_AUTH_SOCK="+socket)
	eventually(t, func() bool { return v.Command(v.ctx, "ssh-add", "-q", key).Run() == nil }, func() string { return "the agent takes no key" })
	v.idle = v.processes(t)

	link := func() { v.open(t, v.studio.link(t, "space=my-space&scheme=vscode"), nil, "--editor", "none") }
	seen := func() bool {
		t.Helper()
		return strings.Contains(v.run(t, "ssh", alias, "ssh-add -l 2>&1 || true"), "of-the-person")
	}
	choose := func(args ...string) string {
		t.Helper()
		said, err := v.Command(v.ctx, spacehatch(), append(append([]string{"settings"}, args...), "--space", alias)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return string(said)
	}
	link()
	if seen() {
		t.Error("the space has the agent, and nobody chose so")
	}
	if said := choose("set", "forward_agent", "true"); !strings.Contains(said, "can use the keys") || !strings.Contains(said, "began without it") {
		t.Errorf("the person is told %q", said)
	}
	if seen() {
		t.Error("the connection that began without the agent has it")
	}
	v.run(t, spacehatch(), "close", alias)
	again := func() {
		t.Helper()
		v.run(t, spacehatch(), "open", v.studio.link(t, "space=my-space&scheme=vscode"), "--editor", "none")
	}
	again()
	if !seen() {
		t.Error("the space does not have the agent")
	}
	if said := choose("unset", "forward_agent"); !strings.Contains(said, "until you close it") {
		t.Errorf("the person is told %q", said)
	}
	v.run(t, spacehatch(), "close", alias)
	again()
	if seen() {
		t.Error("the space has the agent still")
	}
	v.run(t, spacehatch(), "uninstall", "--yes")
	v.quiet(t, v.idle)
}
