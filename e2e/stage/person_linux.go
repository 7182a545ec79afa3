// Package stage is what end-to-end tests and benchmarks stand on: a user
// account with an empty home, and a simulator in front of it. Whoever makes one
// of them takes it down again.
//
// It must not know the programs beyond how they are called, nor what is tried
// or measured with them.
package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Person is a user account made for one purpose. OpenSSH takes the home folder
// from the user database and ignores $HOME, so only a real account shows what
// a user would see.
type Person struct {
	Name     string
	UID, GID uint32
	Home     string // empty at first
	Runtime  string // $XDG_RUNTIME_DIR
	Work     string // a folder of the maker's, readable for the person
	Env      []string

	bin string // where the programs are
}

// NewPerson makes an account that has the folder bin first on its PATH. It
// needs to be root, and Debian's package passwd. An error leaves nothing behind.
func NewPerson(ctx context.Context, bin string) (made *Person, err error) {
	if os.Getuid() != 0 {
		return nil, errors.New("only root can make a user account")
	}
	useradd, err := exec.LookPath("useradd")
	if err != nil {
		return nil, fmt.Errorf("%w: it is in Debian's package passwd", err)
	}
	work, err := os.MkdirTemp("", "she-")
	if err != nil {
		return nil, err
	}
	p := &Person{
		Name: "she-" + strings.ToLower(rand.Text()[:8]),
		Home: filepath.Join(work, "home"), Runtime: filepath.Join(work, "run"), Work: work, bin: bin,
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := os.Chmod(work, 0o755); err != nil {
		return nil, err
	}
	// --system: no entry in subuid, no mail, no ageing.
	if err := run(exec.CommandContext(ctx, useradd, "--system", "--no-create-home", "--home-dir", p.Home,
		"--shell", "/bin/bash", "--user-group", p.Name)); err != nil {
		return nil, err
	}
	if err := p.identify(); err != nil {
		return nil, err
	}
	for _, dir := range []string{p.Home, p.Runtime, filepath.Join(work, "tmp")} {
		if err := p.Own(dir); err != nil {
			return nil, err
		}
	}
	p.Env = []string{
		"HOME=" + p.Home, "USER=" + p.Name, "LOGNAME=" + p.Name, "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm",
		"PATH=" + bin + ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"XDG_RUNTIME_DIR=" + p.Runtime, "TMPDIR=" + filepath.Join(work, "tmp"),
	}
	return p, nil
}

// identify asks the user database for the account's numbers.
func (p *Person) identify() error {
	account, err := user.Lookup(p.Name)
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return err
	}
	p.UID, p.GID = uint32(uid), uint32(gid)
	return nil
}

// Own makes a folder that is the person's alone.
func (p *Person) Own(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chown(dir, int(p.UID), int(p.GID))
}

// Command is a command that runs at the person's home, without a terminal.
func (p *Person) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if !strings.Contains(name, "/") {
		if path, err := exec.LookPath(name); err == nil {
			name = path
		}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = p.Home
	cmd.Env = slices.Clone(p.Env)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: p.UID, Gid: p.GID},
		Setsid:     true, // away from the terminal of whoever started us
	}
	cmd.WaitDelay = 5 * time.Second // whoever kept our pipes must not keep us
	return cmd
}

// Process is one running program of the person's.
type Process struct {
	PID     int
	Args    string // spaces between the arguments
	Environ string // newlines between the variables
}

func (p Process) String() string { return fmt.Sprintf("%d %s", p.PID, p.Args) }

// Processes returns what runs under the person's account, dead ones that
// nobody has waited for left out.
func (p *Person) Processes() ([]Process, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != p.UID {
			continue // ended meanwhile, or somebody else's
		}
		args, err := os.ReadFile(filepath.Join(name, "cmdline"))
		if err != nil || len(args) == 0 {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(name, "environ"))
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			return nil, err
		}
		found = append(found, Process{
			PID:     pid,
			Args:    strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")),
			Environ: strings.ReplaceAll(string(environ), "\x00", "\n"),
		})
	}
	return found, nil
}

// Close removes the account and its folders. What still runs is ended and is
// an error, which names it.
func (p *Person) Close() error {
	var fails []error
	if p.UID != 0 {
		fails = append(fails, p.endProcesses())
	}
	if _, err := user.Lookup(p.Name); err == nil {
		fails = append(fails, p.removeAccount())
	}
	return errors.Join(append(fails, os.RemoveAll(p.Work))...)
}

// removeAccount waits for processes that are on their way out: they have no
// arguments any more and are in no list, but the account is theirs.
func (p *Person) removeAccount() error {
	const inUse = 8 // userdel(8)
	// The context that the person was made under may be over.
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	var last error
	if err := Until(ctx, func() (bool, error) {
		last = run(exec.Command("userdel", p.Name))
		if exit, ok := errors.AsType[*exec.ExitError](last); ok && exit.ExitCode() == inUse {
			return false, nil
		}
		return true, last
	}); err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// endProcesses ends what is left, which is a fault of what was tried.
func (p *Person) endProcesses() error {
	left, err := p.Processes()
	fails := []error{err}
	for _, each := range left {
		fails = append(fails, fmt.Errorf("left running: %s", each))
		if err := syscall.Kill(each.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			fails = append(fails, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := Until(ctx, func() (bool, error) {
		left, err := p.Processes()
		return len(left) == 0, err
	}); err != nil {
		fails = append(fails, fmt.Errorf("killed processes still run: %w", err))
	}
	return errors.Join(fails...)
}

// waitLimit is a time that no healthy run comes near.
const waitLimit = 2 * time.Minute

// Until looks every few milliseconds until done, an error, or the end of ctx.
func Until(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// run runs a command; its error holds all that it said.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
