//go:build unix

package ipc

import (
	"errors"

	"golang.org/x/sys/unix"
)

func isDead(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}
