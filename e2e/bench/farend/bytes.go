package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
)

// The server of bytes greets as an SSH server does, so that whoever waits for
// the far end's first word goes on, and says as such that no key exchange is to
// follow, so that whoever looks into it looks away. Then it does what it is told
// by commands of 16 bytes: a letter, a space, a number of 14 digits.
//
//	u N  takes N bytes and answers with one
//	d N  gives N bytes
//	e N  gives N bytes back, each as it comes
const (
	// A line, and SSH_MSG_NEWKEYS (RFC 4253, sections 4.2 and 7.3).
	greeting      = "SSH-2.0-bytes\r\n\x00\x00\x00\x0c\x0a\x15" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	commandLength = 16
)

// copyBuffer is what is carried at once, in bytes.
const copyBuffer = 64 << 10

func serveBytes(conn net.Conn) {
	if _, err := io.WriteString(conn, greeting); err != nil {
		return
	}
	in := bufio.NewReaderSize(conn, copyBuffer)
	chunk := make([]byte, copyBuffer)
	for {
		command := make([]byte, commandLength)
		if _, err := io.ReadFull(in, command); err != nil {
			return
		}
		var what rune
		var count int64
		if _, err := fmt.Sscanf(string(command), "%c %d", &what, &count); err != nil {
			return
		}
		if obey(conn, in, chunk, what, count) != nil {
			return
		}
	}
}

func obey(conn net.Conn, in *bufio.Reader, chunk []byte, what rune, count int64) error {
	switch what {
	case 'u':
		if _, err := io.CopyN(io.Discard, in, count); err != nil {
			return err
		}
		_, err := conn.Write([]byte("!"))
		return err
	case 'd':
		for count > 0 {
			n, err := conn.Write(chunk[:min(count, int64(len(chunk)))])
			count -= int64(n)
			if err != nil {
				return err
			}
		}
		return nil
	case 'e':
		for count > 0 {
			n, err := in.Read(chunk[:min(count, int64(len(chunk)))])
			if err == nil {
				_, err = conn.Write(chunk[:n])
			}
			count -= int64(n)
			if err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("no such command: %c", what)
}
