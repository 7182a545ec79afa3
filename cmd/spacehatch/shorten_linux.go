package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// shorten makes the pipe from which ssh is read a short one, so that a key does
// not wait behind 64 KiB of an upload, which is what a pipe holds otherwise.
// Anything but a pipe stays as it is.
func shorten(in *os.File, bytes int) {
	// What it holds already makes it fail, and it stays long.
	_, _ = unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, bytes)
}
