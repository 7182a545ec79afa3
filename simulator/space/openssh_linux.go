package space

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// box makes a machine out of namespaces; it needs no privilege where the
// kernel lets users make namespaces of their own. $1 is the space's folder,
// $2 its user.
// Its process is the first of a PID namespace: when it ends, and it does when
// its standard input ends with the simulator, the kernel ends every process of
// the space. Bash, because it reaps the orphans that become its children.
//
// The user database lies over all of /etc where the kernel lets users do that
// (5.11): the mounts on single files would be gone with the next useradd
// outside, which replaces those files.
//
// The homes of other users stay visible, since the space's folder may be in
// one of them.
const box = `set -e
dir=$1
user=$2
mount --make-rprivate /
mkdir -p "$dir/root"
mount -t tmpfs -o mode=755 space "$dir/root"
for home in /home/*; do
	if [ -d "$home" ] && [ "$home" != "/home/$user" ]; then
		mkdir "$dir/root/${home##*/}"
		mount --rbind "$home" "$dir/root/${home##*/}"
	fi
done
mkdir "$dir/root/$user"
mount --bind "$dir/home" "$dir/root/$user"
mount --rbind "$dir/root" /home
mount -t devpts -o newinstance,ptmxmode=0666,mode=600 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
mount -t proc proc /proc
mkdir -p "$dir/etc"
mount -t tmpfs -o mode=755 etc "$dir/etc"
mkdir "$dir/etc/upper" "$dir/etc/work"
cp "$dir/passwd" "$dir/group" "$dir/etc/upper"
if ! mount -t overlay -o "lowerdir=/etc,upperdir=$dir/etc/upper,workdir=$dir/etc/work" overlay /etc 2>/dev/null; then
	mount --bind "$dir/passwd" /etc/passwd
	mount --bind "$dir/group" /etc/group
fi
echo ready
while read -r line; do :; done
`

// openSSH is the machine's own sshd in a box of namespaces, one process per
// connection as inetd would start it.
type openSSH struct {
	sshd, config string
	log          *slog.Logger
	box          *exec.Cmd
	stdin        io.Closer
	stderr       *bytes.Buffer
}

// startOpenSSH starts the box. It returns, for a person, how the server runs.
func startOpenSSH(ctx context.Context, c Config, key ed25519.PrivateKey, log *slog.Logger) (sshServer, string, error) {
	sshd, err := findSSHD()
	if err != nil {
		return nil, "", err
	}
	for _, tool := range []string{"bash", "mount", "unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, "", fmt.Errorf("the namespaces for %s need %s: %w", sshd, tool, err)
		}
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		return nil, "", err
	}
	config, err := writeSSHD(c, shell, key)
	if err != nil {
		return nil, "", err
	}
	o := &openSSH{sshd: sshd, config: config, log: log, stderr: new(bytes.Buffer)}
	o.box = exec.Command(shell, "-c", box, "space", c.Dir, c.User)
	o.box.Env = environment()
	o.box.Stderr = o.stderr
	o.box.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:     true, // a terminal's ^C is for the simulator, which ends the space in order
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	stdin, err := o.box.StdinPipe()
	if err != nil {
		return nil, "", fmt.Errorf("make the namespaces: %w", err)
	}
	stdout, err := o.box.StdoutPipe()
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("make the namespaces: %w", err), stdin.Close())
	}
	o.stdin = stdin
	if err := o.box.Start(); err != nil {
		return nil, "", fmt.Errorf("make the namespaces for %s: %w", sshd, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = o.box.Process.Kill() })
	defer stop()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		_ = o.close()
		why, _, _ := strings.Cut(o.stderr.String(), "\n")
		return nil, "", fmt.Errorf("make the namespaces for %s: %s: %w", sshd, strings.TrimSpace(why), err)
	}
	return o, sshd + " without privileges, in user, mount and PID namespaces of its own", nil
}

// environment is what the box's own programs need; sessions get theirs from
// sshd.
func environment() []string { return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} }

func (o *openSSH) serve(_ context.Context, conn *net.TCPConn) {
	file, err := conn.File()
	_ = conn.Close() // file is a descriptor of its own
	if err != nil {
		o.log.Warn("the connection cannot be handed to sshd", "error", err)
		return
	}
	// The second user namespace makes root of the first one the space's user,
	// and an sshd that is not root drops nothing and needs no /run/sshd.
	// Nobody kills nsenter: it lives outside and has to reap the sshd inside,
	// which ends with the box.
	cmd := exec.Command("nsenter", "--target", strconv.Itoa(o.box.Process.Pid),
		"--user", "--mount", "--pid", "--preserve-credentials", "--",
		"unshare", "--user", "--map-user="+strconv.Itoa(userID), "--map-group="+strconv.Itoa(groupID), "--",
		o.sshd, "-i", "-e", "-f", o.config)
	cmd.Env = environment()
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdin, cmd.Stdout = file, file
	cmd.Stderr = &lineLog{log: o.log}
	cmd.WaitDelay = time.Second // a process of the space may hold on to sshd's standard error
	err = cmd.Start()
	_ = file.Close()
	if err != nil {
		o.log.Warn("sshd does not start", "error", err)
		return
	}
	err = cmd.Wait() // sshd ends with 255 however the connection ended
	o.log.Debug("an sshd ended", "state", err)
}

// close kills the namespace's first process, and with it all others.
func (o *openSSH) close() error {
	_ = o.box.Process.Kill() // it may have ended
	_ = o.stdin.Close()
	err := o.box.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil // killed, as it should be
	}
	return err
}

// lineLog logs what is written to it line by line.
type lineLog struct {
	log  *slog.Logger
	rest []byte
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.log.Debug("sshd", "says", string(bytes.TrimSpace(line)))
		l.rest = rest
	}
}
