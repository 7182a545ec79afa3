// Command spacehatch-links is what macOS starts when a spacehatch:// link is
// opened, and when the person opens Spacehatch.app: there a link comes as an
// event to a running program, and never as an argument. It hands each to
// `spacehatch open -`, on standard input, and ends soon after.
//
// It must not know what a link means.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// bareStart is how long after its start without a link the program was
	// opened by the person.
	bareStart = time.Second
	// stay is how long it waits for another link; to start again takes no
	// longer than to hand one over.
	stay = 10 * time.Second
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "spacehatch-links:", err)
		os.Exit(1)
	}
}

func run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	spacehatch := filepath.Join(filepath.Dir(self), "spacehatch")
	var started sync.WaitGroup
	start := func(link string, args ...string) {
		started.Go(func() {
			cmd := exec.Command(spacehatch, args...)
			cmd.Stdin = strings.NewReader(link)
			if err := cmd.Run(); err != nil {
				fmt.Fprintln(os.Stderr, "spacehatch-links:", err) // it has shown what went wrong
			}
		})
	}
	in := &inbox{}
	return receive(in.put, func() {
		in.open(func(link string) { start(link, "open", "-") })
		// The main goroutine is the system's from now on: the end comes from here.
		time.AfterFunc(bareStart, func() {
			if in.empty() {
				start("", "window")
			}
			time.AfterFunc(stay, func() {
				started.Wait()
				os.Exit(0)
			})
		})
	})
}
