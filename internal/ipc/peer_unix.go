//go:build unix

package ipc

import (
	"net"
	"os"
)

// checkPeer asks the kernel who holds the other end.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var uid uint32
	var uidErr error
	if err := raw.Control(func(fd uintptr) { uid, uidErr = peerUID(int(fd)) }); err != nil {
		return err
	}
	if uidErr != nil {
		return uidErr
	}
	if int(uid) != os.Getuid() {
		return ErrStranger
	}
	return nil
}
