//go:build linux

package e2e

import (
	"net/url"
	"strings"
	"testing"
)

// forged returns a link that names one space and carries the session of
// another, as any web page could make it.
func forged(t *testing.T, named, carried string) string {
	t.Helper()
	head, query, ok := strings.Cut(named, "?")
	other, err := url.Parse(carried)
	if !ok || err != nil {
		t.Fatalf("these are no links: %v", err)
	}
	stolen := other.Query()
	var parameters []string
	for parameter := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		switch name {
		case "session", "ws_url", "token":
			parameters = append(parameters, name+"="+url.QueryEscape(stolen.Get(name)))
		default:
			parameters = append(parameters, parameter)
		}
	}
	return head + "?" + strings.Join(parameters, "&")
}

// A link cannot prove that its session belongs to the space it names. The host
// key can.
func TestAForgedLinkMeetsThePin(t *testing.T) {
	t.Parallel()
	tool(t, "ssh", "it is in Debian's package openssh-client")
	v := newVisitor(t)
	const query = "&scheme=vscode&encoding=once&presigned=0&space="
	forge := func() string {
		return forged(t, v.studio.link(t, query+"my-space"), v.studio.link(t, query+"notebooks"))
	}
	v.open(t, v.studio.link(t, query+"my-space"), nil, "--editor", "none")
	mark := "mine-alone"
	v.run(t, "ssh", alias, "touch "+mark)
	v.run(t, spacehatch(), "close", "--all")

	// The domain is trusted by now, so nobody is asked about that; nor does
	// --yes mean the key.
	for _, flags := range [][]string{{}, {"--yes"}} {
		cmd := v.Command(v.ctx, spacehatch(), append([]string{"open", "--editor", "none", forge()}, flags...)...)
		if code, said := exitCode(t, cmd); code != 1 || !strings.Contains(said, "is not the one that was seen before") {
			t.Errorf("%v: ended with %d:\n%s", flags, code, said)
		}
	}
	term := atTerminal(t, v.Command(v.ctx, spacehatch(), "open", "--json", "--editor", "none", forge()))
	if code, said := term.answer(t, `Another machine answers as my-space\.hatch(?s:.*)\[y/N\] `, ""); code != 1 ||
		!strings.Contains(said, `"step":"ssh","progress":"asking"`) {
		t.Errorf("Enter ended with %d:\n%s", code, said)
	}
	if open := v.status(t); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
	// The pin is the old one: the space itself is reached without a word.
	if said := v.run(t, "ssh", alias, "ls"); !strings.Contains(said, mark) || strings.Contains(said, "host key") {
		t.Errorf("the space says %q", said)
	}

	// A person may know better, and a session from AWS itself says more than
	// a link.
	term = atTerminal(t, v.Command(v.ctx, spacehatch(), "open", "--editor", "none", forge()))
	if code, said := term.answer(t, `\[y/N\] `, "y"); code != 0 || !strings.Contains(said, "new host key") {
		t.Errorf("a yes ended with %d:\n%s", code, said)
	}
	if said := v.run(t, "ssh", alias, "ls"); strings.Contains(said, mark) {
		t.Errorf("the other machine says %q", said)
	}
	v.run(t, spacehatch(), "close", "--all")
	if code, said := exitCode(t, v.Command(v.ctx, "ssh", alias, "ls")); code != 0 ||
		!strings.Contains(said, mark) || !strings.Contains(said, "has a new host key") {
		t.Errorf("ssh ended with %d:\n%s", code, said)
	}
}

// What the proxy has to say reaches the person in front of ssh.
func TestSSHShowsWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	tool(t, "ssh", "it is in Debian's package openssh-client")
	v := newVisitor(t)
	v.open(t, v.studio.link(t, "space=my-space&scheme=vscode"), nil, "--editor", "none")
	v.run(t, spacehatch(), "close", "--all")
	cmd := v.Command(v.ctx, "ssh", alias, "true")
	cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=")
	code, said := exitCode(t, cmd)
	if code == 0 || !strings.Contains(said, "spacehatch: There is no unused session") || !strings.Contains(said, "Click Open in VS Code") {
		t.Errorf("ssh ended with %d:\n%s", code, said)
	}
}
