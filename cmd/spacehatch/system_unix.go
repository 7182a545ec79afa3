//go:build unix

package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// outliveReader turns the signal of a standard output that nobody reads any
// more into an error of the write, so that the process ends in good order.
func outliveReader() (stop func()) {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	return func() { signal.Stop(broken) }
}

// openTerminal opens the terminal that this process belongs to, also where
// standard input is something else.
func openTerminal() (io.ReadWriteCloser, error) {
	return os.OpenFile("/dev/tty", os.O_RDWR, 0)
}
