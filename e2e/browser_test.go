//go:build linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// TestSSHByStudioInTheBrowser: without AWS credentials an ssh opens Studio by the
// desktop's own means, in a real browser, and goes on when that has answered.
func TestSSHByStudioInTheBrowser(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.open(t, v.studio.link(t, "space=my-space&scheme=vscode"), nil, "--editor", "none")
	v.run(t, spacehatch(), "close", "--all")
	v.Env = append(v.Env, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=")
	d := newDesktop(t, v, light)
	if err := d.HasBrowser(d.ctx); err != nil {
		t.Fatal(err)
	}
	code, said := exitCode(t, v.Command(v.ctx, "ssh", alias, "uname"))
	if code != 0 || !strings.Contains(said, "Linux\n") || !strings.Contains(said, "spacehatch: "+alias+": waiting for Studio in your browser") {
		t.Fatalf("ssh ended with %d:\n%s", code, said)
	}
	// The browser is the desktop's, and stays when the ssh has ended.
	if !slices.ContainsFunc(v.processes(t), func(p stage.Process) bool { return strings.Contains(p.Args, "/chromium/") }) {
		t.Error("the browser ended with the ssh")
	}
	d.awaitEnd(t)
	if open := v.status(t); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}
