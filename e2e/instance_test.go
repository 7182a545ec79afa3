//go:build linux

package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
)

// EC2 instances and machines elsewhere are hosts of ssh like spaces: with the
// machine's own user and the person's own key.
func TestInstances(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	ec2, hybrid := v.studio.Instances[0]+".hatch", v.studio.Instances[1]+".hatch"
	v.installEditor(t, webServer(t, "served on the instance"))
	v.ownKey(t)
	atHome := witness.Snapshot(t, v.Home)
	inRuntime := witness.Snapshot(t, v.Runtime)

	said := v.run(t, spacehatch(), "connect", v.studio.Instances[0], "--yes", "--editor", "none")
	if !strings.Contains(said, "`ssh "+ec2+"` works") {
		t.Errorf("connect said %s", said)
	}
	if got := v.run(t, "ssh", ec2, "id -un; pwd"); got != "ec2-user\n/home/ec2-user\n" {
		t.Errorf("the instance says %q", got)
	}
	blob := make([]byte, 3<<20)
	_, _ = rand.Read(blob)
	scp := v.Command(v.ctx, "ssh", ec2, "cat > blob; sha256sum blob")
	scp.Stdin = bytes.NewReader(blob)
	if got, want := output(t, scp), fmt.Sprintf("%x  blob\n", sha256.Sum256(blob)); got != want {
		t.Errorf("the instance got %q, want %q", got, want)
	}
	// The IDE opens it as it opens a space, in its user's home folder.
	v.run(t, spacehatch(), "connect", ec2, "--yes")
	if seen := v.visited(t); !slices.Equal(seen.Args, []string{"--remote", "ssh-remote+" + ec2, "/home/ec2-user"}) || seen.Uname != "Linux" || seen.Body != "served on the instance" {
		t.Errorf("the editor saw %+v", seen)
	}
	// One that nobody ever connected to, by its name alone.
	if got := v.run(t, "ssh", hybrid, "id -un"); got != "ec2-user\n" {
		t.Errorf("the hybrid machine says %q", got)
	}
	// Another user, remembered; the machine has no such one.
	code, refused := exitCode(t, v.Command(v.ctx, spacehatch(), "connect", v.studio.Instances[1], "--user", "ubuntu", "--yes", "--editor", "none"))
	if code == 0 || !strings.Contains(refused, "Permission denied") {
		t.Errorf("connect as ubuntu: exit code %d\n%s", code, refused)
	}
	if got := v.run(t, "ssh", "-G", hybrid); !strings.Contains(got, "\nuser ubuntu\n") && !strings.HasPrefix(got, "user ubuntu\n") {
		t.Errorf("the user is not remembered:\n%s", got)
	}
	// One that is not connected says what to look at.
	code, refused = exitCode(t, v.Command(v.ctx, spacehatch(), "connect", "i-0fedcba9876543210", "--yes", "--editor", "none"))
	if code != 1 || !strings.Contains(refused, "Session Manager does not reach the instance") || !strings.Contains(refused, "SSM agent") {
		t.Errorf("connect to one that is not connected: exit code %d\n%s", code, refused)
	}

	// The simulated machines were started by all this, and are not the person's.
	for _, each := range v.processes(t) {
		if strings.Contains(each.Args, "/spacehatch-simulator-") {
			v.idle = append(v.idle, each)
		}
	}
	v.run(t, spacehatch(), "close", "--all")
	v.quiet(t, v.idle)
	v.run(t, spacehatch(), "uninstall", "--yes")
	v.quiet(t, v.idle)
	witness.Same(t, "the home folder after uninstall", atHome, witness.Snapshot(t, v.Home))
	witness.Same(t, "the runtime folder after uninstall", inRuntime, witness.Snapshot(t, v.Runtime))
}

// ownKey gives the person the key that opens the instances, where ssh looks for
// it.
func (v *visitor) ownKey(t *testing.T) {
	t.Helper()
	key, err := os.ReadFile(v.studio.InstanceKey)
	if err != nil {
		t.Fatal(err)
	}
	v.own(t, filepath.Join(v.Home, ".ssh"))
	file := filepath.Join(v.Home, ".ssh", "id_ed25519")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, int(v.UID), int(v.GID)); err != nil {
		t.Fatal(err)
	}
}
