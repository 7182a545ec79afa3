package refresh

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// isStranger reports whether the other end of a connection on this computer is
// known to belong to another user. Root is none: it relays for browsers outside
// of a virtual machine, and is not kept out by us anyway.
func isStranger(conn net.Conn) bool {
	from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return false
	}
	to, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return false
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if uid, ok := ownerIn(table, from, to); ok {
			return uid != 0 && uid != os.Getuid()
		}
	}
	return false
}

// ownerIn finds the user of the socket that is at from and leads to to, in one
// of the kernel's tables (proc(5)): the columns are a number, the socket's own
// address, the other one, the state, three more, the user.
func ownerIn(table string, from, to netip.AddrPort) (uid int, ok bool) {
	file, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || !is(fields[1], from) || !is(fields[2], to) {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		return uid, err == nil
	}
	return 0, false
}

// is reports whether the kernel's writing means this address: words of four
// bytes in the machine's order, in hexadecimal, and the port.
func is(text string, want netip.AddrPort) bool {
	address, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	number, errPort := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || errPort != nil || len(raw)%4 != 0 || uint16(number) != want.Port() {
		return false
	}
	for word := range slices.Chunk(raw, 4) {
		if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
			slices.Reverse(word)
		}
	}
	got, ok := netip.AddrFromSlice(raw)
	return ok && got.Unmap() == want.Addr().Unmap()
}
