package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// programs are copies of the built programs in a folder that every user may
// read, and a stand-in for VS Code beside them.
type programs struct{ dir string }

// editor notes when it was started; all else it does is to be found in order.
const editor = `#!/bin/sh
now=$(date +%s%N)
case " $* " in
*" --remote "*|*" --folder-uri "*) echo "$now" >"$HOME/.started.part" && mv "$HOME/.started.part" "$HOME/.started" ;;
*" --version "*) printf '1.104.0\n0123456789abcdef0123456789abcdef01234567\nx64\n' ;;
*" --list-extensions "*) echo ms-vscode-remote.remote-ssh@0.120.0 ;;
esac
`

// startedFile is what the stand-in writes into the home folder.
const startedFile = ".started"

func newPrograms(built string) (made *programs, err error) {
	dir, err := os.MkdirTemp("", "sh-bench-")
	if err != nil {
		return nil, err
	}
	p := &programs{dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.remove())
		}
	}()
	for _, path := range []string{p.spacehatch(), p.plugin(), p.farend(), p.spacehatch() + "-desktop"} {
		data, err := os.ReadFile(filepath.Join(built, filepath.Base(path)))
		if err != nil {
			return nil, fmt.Errorf("%w: `make bench` makes it", err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			return nil, err
		}
		if err := leaveCache(path); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(p.editor(), []byte(editor), 0o755); err != nil {
		return nil, err
	}
	return p, os.Chmod(dir, 0o755)
}

// leaveCache has the system forget what it keeps of a file. What was just
// written lies there in pieces of 2 MiB, and a process that touches a byte of
// one holds all of it; a program that was installed some time ago is read in
// small pieces.
func leaveCache(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED), file.Close())
}

func (p *programs) remove() error      { return os.RemoveAll(p.dir) }
func (p *programs) spacehatch() string { return filepath.Join(p.dir, "spacehatch") }
func (p *programs) plugin() string     { return filepath.Join(p.dir, "session-manager-plugin") }
func (p *programs) farend() string     { return filepath.Join(p.dir, "farend") }
func (p *programs) editor() string     { return filepath.Join(p.dir, "code") }

// measure measures what needs no network: sizes, and whole runs of a process
// that does next to nothing.
func (p *programs) measure(ctx context.Context, r *results, count int) error {
	for _, each := range []struct {
		client, path string
		most         float64
	}{{"spacehatch", p.spacehatch(), 25}, {"session-manager-plugin", p.plugin(), 0}} {
		info, err := os.Stat(each.path)
		if err != nil {
			return err
		}
		r.add(what{name: "program size", client: each.client, metric: "file, stripped as built", unit: "MB", most: each.most},
			[]float64{float64(info.Size()) / 1e6})
	}
	// /bin/true is what a process costs on this machine at all.
	for _, each := range []struct {
		client string
		args   []string
		most   float64
	}{{"spacehatch version", []string{p.spacehatch(), "version"}, 20}, {"/bin/true", []string{"/bin/true"}, 0}} {
		var samples []float64
		for range max(30, count) {
			began := time.Now()
			if out, err := exec.CommandContext(ctx, each.args[0], each.args[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", each.client, err, out)
			}
			samples = append(samples, milliseconds(time.Since(began)))
		}
		r.add(what{name: "whole process", client: each.client, metric: "start to end", unit: "ms", most: each.most}, samples)
	}
	return nil
}

// startedAt reads when the stand-in was started, and removes the note; false
// where there is none.
func startedAt(home string) (time.Time, bool, error) {
	path := filepath.Join(home, startedFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, err
	}
	nanoseconds, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return time.Time{}, false, err
	}
	return time.Unix(0, nanoseconds), true, os.Remove(path)
}
