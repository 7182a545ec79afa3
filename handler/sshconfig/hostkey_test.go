package sshconfig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/ssh"
)

// TestWatchHostKeySeesTheKeyBeforeTheClient runs a real key exchange through
// the watch, byte by byte and in large pieces.
func TestWatchHostKeySeesTheKeyBeforeTheClient(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"in large pieces": func(r io.Reader) io.Reader { return r },
		"byte by byte":    iotest.OneByteReader,
	} {
		for _, kex := range ssh.SupportedAlgorithms().KeyExchanges {
			t.Run(name+" "+kex, func(t *testing.T) {
				clientEnd, nearEnd := net.Pipe()
				farEnd, serverEnd := net.Pipe()
				server := make(chan error, 1)
				go func() {
					config := &ssh.ServerConfig{NoClientAuth: true}
					config.KeyExchanges = []string{kex}
					config.AddHostKey(signer)
					conn, _, _, err := ssh.NewServerConn(serverEnd, config)
					if err == nil {
						err = conn.Close()
					}
					server <- err
				}()
				go func() {
					_, _ = io.Copy(farEnd, nearEnd)
					_ = farEnd.Close()
				}()
				var found []Pin
				watched := make(chan error, 1)
				go func() {
					watched <- WatchHostKey(nearEnd, slow(farEnd), func(p Pin) { found = append(found, p) })
					_ = nearEnd.Close()
				}()
				judged := 0
				config := &ssh.ClientConfig{User: "x", HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
					judged = len(found)
					if len(found) == 1 && found[0] != (Pin{key.Type(), ssh.FingerprintSHA256(key)}) {
						t.Errorf("found %v, the client met %s", found, ssh.FingerprintSHA256(key))
					}
					return nil
				}}
				config.KeyExchanges = []string{kex}
				conn, _, _, err := ssh.NewClientConn(clientEnd, "x", config)
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				<-server
				<-watched
				if judged != 1 || len(found) != 1 {
					t.Errorf("%d keys found when the client judged, %d in all", judged, len(found))
				}
			})
		}
	}
}

func TestWatchHostKeyPassesEverythingOn(t *testing.T) {
	packet := func(message byte, rest string) string {
		body := append([]byte{0, message}, rest...)
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + string(body)
	}
	for name, text := range map[string]string{
		"nothing":                "",
		"no SSH":                 "HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", maxPacket+10),
		"a line that never ends": strings.Repeat("y", 3*maxPacket),
		"a half packet":          "SSH-2.0-x\r\n\x00\x00\x00\x20\x00",
		"a lie about the length": "SSH-2.0-x\r\n\xff\xff\xff\xff\x00\x14" + strings.Repeat("z", 100),
		"an empty packet":        "SSH-2.0-x\r\n\x00\x00\x00\x00more",
		"no key in the reply":    "hello\r\nSSH-2.0-x\r\n" + packet(msgKexReply, "\x00\x00\x00\x09short") + packet(msgNewKeys, "") + "encrypted",
		"a group":                "SSH-2.0-x\r\n" + packet(msgKexReply, "\x00\x00\x00\x04abcd\x00\x00\x00\x01\x02") + packet(msgNewKeys, "") + "encrypted",
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := WatchHostKey(&out, iotest.HalfReader(strings.NewReader(text)), func(p Pin) { t.Errorf("found %v", p) })
			if err != nil || out.String() != text {
				t.Errorf("%d of %d bytes came through: %v", out.Len(), len(text), err)
			}
		})
	}
	// What comes encrypted looks like anything, the start of a long packet too: it
	// must not wait for the rest.
	long := "SSH-2.0-x\r\n" + packet(msgNewKeys, "") + "\x00\x01\x00\x00" + "\x00\x14"
	near, far := net.Pipe()
	defer near.Close()
	go func() { _ = WatchHostKey(far, io.MultiReader(strings.NewReader(long), near), func(Pin) {}) }()
	got := make([]byte, len(long))
	if _, err := io.ReadFull(near, got); err != nil || string(got) != long {
		t.Errorf("%q came through: %v", got, err)
	}
	broken := errors.New("broken")
	err := WatchHostKey(io.Discard, io.MultiReader(strings.NewReader("SSH-2.0-x\r\n"), iotest.ErrReader(broken)), func(Pin) {})
	if !errors.Is(err, broken) {
		t.Errorf("a broken source gives %v", err)
	}
}

func FuzzWatchHostKey(f *testing.F) {
	f.Add([]byte("SSH-2.0-x\r\n\x00\x00\x00\x06\x00\x1f\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := WatchHostKey(&out, bytes.NewReader(in), func(Pin) {}); err != nil || !bytes.Equal(out.Bytes(), in) {
			t.Errorf("%q came through as %q: %v", in, out.Bytes(), err)
		}
	})
}
