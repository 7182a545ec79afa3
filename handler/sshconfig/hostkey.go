package sshconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// The messages of an SSH key exchange that matter here (RFC 4253, section 12;
// RFC 5656, section 7.1; RFC 4419, section 5). With every method in use the
// server's host key is the first field of one of the two replies.
const (
	msgNewKeys  = 21
	msgKexReply = 31
	msgGexReply = 33
)

// maxPacket is the longest packet that OpenSSH takes, in bytes.
const maxPacket = 256 << 10

// WatchHostKey copies what an SSH server sends from src to dst and calls found
// with the server's host key just before the client can see it: the one moment
// at which a pin can still be replaced. Traffic that is no SSH key exchange is
// passed on as it is, and found is not called. It returns when src ends (nil)
// or either side fails.
func WatchHostKey(dst io.Writer, src io.Reader, found func(Pin)) error {
	var (
		held    []byte // read and not passed on
		banner  bool   // the identification line has passed
		chunk   = make([]byte, 32<<10)
		readErr error
	)
	for watching := true; watching; {
		var n int
		if n, readErr = src.Read(chunk); n > 0 {
			held = append(held, chunk[:n]...)
		}
		ready := 0
		for watching {
			size, ok := nextUnit(held[ready:], banner)
			if !ok {
				watching = false // not SSH: nothing to watch for
				break
			}
			if size == 0 {
				break // incomplete
			}
			unit := held[ready : ready+size]
			ready += size
			if !banner {
				banner = bytes.HasPrefix(unit, []byte("SSH-"))
				continue
			}
			switch payload := unit[5:]; payload[0] {
			case msgKexReply, msgGexReply:
				if pin, ok := hostKey(payload[1:]); ok {
					found(pin)
					watching = false
				}
			case msgNewKeys:
				watching = false
			}
		}
		if !watching || readErr != nil {
			ready = len(held)
		}
		if ready > 0 {
			if _, err := dst.Write(held[:ready]); err != nil {
				return err
			}
			held = held[ready:]
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
	_, err := io.Copy(dst, src)
	return err
}

// nextUnit returns the size of the line or packet at the start of data, 0
// where it is not complete yet, and false where it can be neither.
func nextUnit(data []byte, packets bool) (size int, ok bool) {
	if !packets {
		end := bytes.IndexByte(data, '\n')
		return end + 1, end >= 0 || len(data) < maxPacket
	}
	if len(data) < 4 {
		return 0, true
	}
	length := binary.BigEndian.Uint32(data)
	if length < 2 || length > maxPacket {
		return 0, false
	}
	if uint32(len(data)-4) < length {
		return 0, true
	}
	return 4 + int(length), true
}

// hostKey reads the string at the start of data as a public key blob: a key
// begins with its own type. The group of a group exchange, which has the same
// message number as a reply, does not.
func hostKey(data []byte) (Pin, bool) {
	blob, ok := sshString(data)
	if !ok {
		return Pin{}, false
	}
	kind, ok := sshString(blob)
	if !ok || len(kind) > 64 {
		return Pin{}, false
	}
	for _, prefix := range []string{"ssh-", "ecdsa-", "sk-", "rsa-"} {
		if strings.HasPrefix(string(kind), prefix) {
			sum := sha256.Sum256(blob)
			return Pin{Type: string(kind), Fingerprint: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])}, true
		}
	}
	return Pin{}, false
}

func sshString(data []byte) ([]byte, bool) {
	if len(data) < 4 {
		return nil, false
	}
	n := binary.BigEndian.Uint32(data)
	if uint32(len(data)-4) < n {
		return nil, false
	}
	return data[4 : 4+n], true
}
