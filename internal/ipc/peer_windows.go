package ipc

import "net"

// checkPeer trusts the access list of the socket's folder: Windows' local
// sockets do not tell who connects.
func checkPeer(*net.UnixConn) error { return nil }
