package tunnel

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// awaitBytes waits until a connection holds that many bytes, for a bounded
// time. Meanwhile the system wakes this process for nothing less.
func awaitBytes(conn *net.TCPConn, bytes int, limit time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // closed, as whoever reads next will find
	}
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	asked := false
	// All errors mean that there is nothing to wait for any more.
	_ = raw.Read(func(fd uintptr) (done bool) {
		if asked {
			return true
		}
		asked = true
		return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes) != nil
	})
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, 1)
	})
}
