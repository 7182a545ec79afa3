package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// A plain WebSocket relay: each read becomes one binary frame, and each frame
// one write. It is what a data channel would cost without messages, numbers,
// acknowledgements and digests.

// relayChunk is the most that is put into one frame, in bytes.
const relayChunk = 32 << 10

// relay serves one WebSocket, whose path names the target.
func (f *far) relay(ctx context.Context, conn net.Conn) {
	var target string
	upgrader := ws.Upgrader{OnRequest: func(uri []byte) error {
		target = strings.TrimPrefix(string(uri), "/")
		return nil
	}}
	if _, err := upgrader.Upgrade(conn); err != nil {
		return
	}
	to, err := f.dial(ctx, target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_ = toFrames(conn, to, false)
		_ = conn.Close()
	})
	_ = fromFrames(to, conn)
	_ = to.Close()
	back.Wait()
}

// relayClient joins standard input and output with the relay. caFile holds the
// authority to trust.
func relayClient(address, caFile string, in io.Reader, out io.Writer) error {
	authority, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s holds no certificate", caFile)
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	raw, err := net.DialTimeout("tcp", at.Host, dialLimit)
	if err != nil {
		return err
	}
	conn := tls.Client(raw, &tls.Config{RootCAs: roots, ServerName: at.Hostname(), MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true})
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(dialLimit)); err != nil {
		return err
	}
	buffered, _, err := ws.Dialer{}.Upgrade(conn, at)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	var source io.Reader = conn
	if buffered != nil {
		source = buffered
	}
	go func() { // ends with standard input, or with the process
		_ = toFrames(conn, in, true)
		_ = conn.Close()
	}()
	if err := fromFrames(out, source); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// toFrames makes frames of what comes from a source.
func toFrames(to io.Writer, from io.Reader, masked bool) error {
	const head = 2 + 2 + 4
	buffer := make([]byte, head+relayChunk)
	for {
		n, err := from.Read(buffer[head:])
		if n > 0 {
			if _, err := to.Write(frame(buffer, n, masked)); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// frame puts a header before the n bytes that begin at offset 8 of the buffer.
func frame(buffer []byte, n int, masked bool) []byte {
	h := ws.Header{Fin: true, OpCode: ws.OpBinary, Length: int64(n), Masked: masked}
	if masked {
		r := rand.Uint32()
		h.Mask = [4]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)}
		ws.Cipher(buffer[8:8+n], h.Mask, 0)
	}
	start := 8 - ws.HeaderSize(h)
	head := sliceWriter{buffer[start:start]}
	_ = ws.WriteHeader(&head, h) // it fails only where the length is negative
	return buffer[start : 8+n]
}

// sliceWriter writes over the room of a slice.
type sliceWriter struct{ at []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.at = append(w.at, p...)
	return len(p), nil
}

// fromFrames writes what the frames hold.
func fromFrames(to io.Writer, from io.Reader) error {
	in := bufio.NewReaderSize(from, copyBuffer)
	buffer := make([]byte, relayChunk)
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			return err
		}
		if h.Length > relayChunk {
			return fmt.Errorf("a frame of %d bytes", h.Length)
		}
		payload := buffer[:h.Length]
		if _, err := io.ReadFull(in, payload); err != nil {
			return err
		}
		if h.Masked {
			ws.Cipher(payload, h.Mask, 0)
		}
		if h.OpCode == ws.OpClose {
			return io.EOF
		}
		if _, err := to.Write(payload); err != nil {
			return err
		}
	}
}
