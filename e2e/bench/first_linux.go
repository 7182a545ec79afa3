package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// goFirst has processes, and this one, go before all others on the machine,
// which are no part of what is measured, until the returned function is called.
// It is for processes that mostly wait: among themselves nobody goes first.
func goFirst(pids []int) (end func() error, err error) {
	pids = append([]int{os.Getpid()}, pids...)
	if err := schedule(pids, unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1}); err != nil {
		return nil, err
	}
	return func() error { return schedule(pids, unix.SchedAttr{Policy: unix.SCHED_NORMAL}) }, nil
}

// schedule sets how the threads of processes are scheduled; threads to come
// inherit it. Processes that have ended are left out.
func schedule(pids []int, how unix.SchedAttr) error {
	how.Size = unix.SizeofSchedAttr
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return err
		}
		for _, task := range tasks {
			id, err := strconv.Atoi(filepath.Base(task))
			if err != nil {
				return err
			}
			if err := unix.SchedSetAttr(id, &how, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("schedule a thread of process %d: %w", pid, err)
			}
		}
	}
	return nil
}
