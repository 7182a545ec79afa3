package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// trayMemory is the target for the tray, in MiB. Its target for wake-ups is
// none at all.
const trayMemory = 15

// movingLines are the connections beside the master, which all move bytes: ten
// are what a space takes.
const movingLines = 9

// measureTray measures what the tray costs in a panel: with nothing open, and
// with ten connections whose bytes it does not look at.
func (s *stand) measureTray(ctx context.Context, r *results) error {
	return s.withDesktop(ctx, func(d *stage.Desktop) (err error) {
		tray := s.Command(ctx, s.spacehatch(), "tray")
		if err := tray.Start(); err != nil {
			return err
		}
		defer func() {
			_, quitErr := s.output(s.Command(context.WithoutCancel(ctx), s.spacehatch(), "tray", "--quit"))
			err = errors.Join(err, quitErr, tray.Wait())
		}()
		if err := within(ctx, "the tray is in no panel", func() (bool, error) {
			trays, err := d.Trays(ctx)
			return len(trays) == 1, err
		}); err != nil {
			return err
		}
		if err := s.watchTray(ctx, r, "tray, no connection", tray.Process.Pid); err != nil {
			return err
		}
		end, err := s.moveLines(ctx)
		if err == nil {
			err = s.watchTray(ctx, r, "tray, ten connections that move", tray.Process.Pid)
		}
		end()
		_, closeErr := s.output(s.Command(ctx, s.spacehatch(), "close", "--all"))
		return errors.Join(err, closeErr, s.ended(ctx, tray.Process.Pid))
	})
}

// within is [stage.Until] for one step, with what to say where it does not come.
func within(ctx context.Context, otherwise string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := stage.Until(ctx, done); err != nil {
		return fmt.Errorf("%s: %w", otherwise, err)
	}
	return nil
}

// moveLines opens the connections; end ends those that are no master.
func (s *stand) moveLines(ctx context.Context) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var ended []func() error
	end = func() {
		cancel()
		for _, wait := range ended {
			_ = wait() // it was told to end
		}
	}
	if _, err := s.open(ctx); err != nil {
		return end, err
	}
	for i := range movingLines + 1 {
		args := []string{alias, "while head -c 20000 /dev/zero; do sleep 0.1; done"}
		if i < movingLines {
			args = append([]string{"-o", "ControlPath=none"}, args...)
		}
		var moved counter
		said := &stage.Buffer{}
		ssh := s.Command(ctx, "ssh", args...)
		ssh.Stdout, ssh.Stderr = &moved, said
		if err := ssh.Start(); err != nil {
			return end, err
		}
		ended = append(ended, ssh.Wait)
		if err := within(ctx, "no bytes come", func() (bool, error) { return moved.Load() > 0, nil }); err != nil {
			return end, fmt.Errorf("connection %d: %w: %s", i+1, err, said)
		}
	}
	return end, nil
}

// counter counts what is written to it.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}

// trayRest is how long after the last event the tray is at rest: it gives
// memory back two seconds after it, and the runtime some moments later.
const trayRest = 10 * time.Second

// watchTray waits for rest and watches.
func (s *stand) watchTray(ctx context.Context, r *results, name string, pid int) error {
	if err := pause(ctx, trayRest); err != nil {
		return err
	}
	used, err := cpu([]int{pid})
	if err != nil {
		return err
	}
	woken, err := switches(pid)
	if err != nil {
		return err
	}
	if err := pause(ctx, watchRest); err != nil {
		return err
	}
	usedNow, err := cpu([]int{pid})
	if err != nil {
		return err
	}
	wokenNow, err := switches(pid)
	if err != nil {
		return err
	}
	held, err := resident([]int{pid}, vmRSS)
	if err != nil {
		return err
	}
	w := what{name: name, client: "spacehatch tray", rtt: s.rtt, metric: "VmRSS", unit: "MiB", most: trayMemory}
	r.add(w, held)
	w.metric, w.unit, w.most, w.none = fmt.Sprintf("wake-ups in %s, all threads", watchRest), "", 0, true
	r.add(w, []float64{float64(wokenNow - woken)})
	w.metric, w.unit, w.none = fmt.Sprintf("processor time in %s", watchRest), "ms", false
	r.add(w, []float64{milliseconds(usedNow - used)})
	return nil
}

// switches is how often the threads of a process were put to work.
func switches(pid int) (sum int, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return 0, errors.Join(fmt.Errorf("process %d is gone", pid), err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(data)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(key, "voluntary_ctxt_switches") {
				n, err := strconv.Atoi(strings.TrimSpace(value))
				if err != nil {
					return 0, err
				}
				sum += n
			}
		}
	}
	return sum, nil
}
