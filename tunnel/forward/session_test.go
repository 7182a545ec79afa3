package forward

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// frames are what the library of AWS's agent takes for these (frame.go:
// version, command, length, stream id).
func TestFrames(t *testing.T) {
	var sent bytes.Buffer
	s := newSession(struct {
		io.ReadWriter
		io.Closer
	}{&sent, nil})
	m, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := s.send(cmdNoop, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	want := "01000000" + "03000000" + "01020500" + "03000000" + hex.EncodeToString([]byte("hello")) +
		"01030000" + "00000000" + "01010000" + "03000000"
	if got := hex.EncodeToString(sent.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := m.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a write after the close: %v", err)
	}
}

// A large write is cut, so that another connection gets its turn.
func TestLargeWritesAreCut(t *testing.T) {
	var sent bytes.Buffer
	s := newSession(struct {
		io.ReadWriter
		io.Closer
	}{&sent, nil})
	m, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := m.Write(make([]byte, 2*frameSize+1)); n != 2*frameSize+1 || err != nil {
		t.Fatal(n, err)
	}
	if got, want := sent.Len(), 2*frameSize+1+4*headerSize; got != want {
		t.Errorf("%d bytes were sent, want %d", got, want)
	}
}

// raw is a session whose other end is bytes by hand.
func raw(t *testing.T, test func(s *session, far net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := newSession(near)
		var running sync.WaitGroup
		running.Go(func() { _ = s.run() })
		test(s, far)
		_ = far.Close()
		running.Wait()
	})
}

func frameOf(command byte, id byte, payload string) []byte {
	return append([]byte{muxVersion, command, byte(len(payload)), byte(len(payload) >> 8), id, 0, 0, 0}, payload...)
}

// The first bytes of a stream come as soon as the other end can have heard of
// it.
func TestFirstBytesMayComeAtOnce(t *testing.T) {
	raw(t, func(s *session, far net.Conn) {
		go func() {
			header := make([]byte, headerSize)
			_, _ = io.ReadFull(far, header)
			_, _ = far.Write(append(frameOf(cmdData, header[4], "bye"), frameOf(cmdClose, header[4], "")...))
		}()
		m, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(m); string(got) != "bye" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if n, err := m.Write([]byte("who?")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("wrote %d bytes to a stream that the far side has closed, %v", n, err)
		}
	})
}

// The far side opens no connections here, and what is for nobody is dropped.
func TestUninvitedStreamsAreClosed(t *testing.T) {
	raw(t, func(s *session, far net.Conn) {
		go func() {
			for _, frame := range [][]byte{frameOf(cmdData, 9, "lost"), frameOf(cmdClose, 9, ""), frameOf(cmdNoop, 0, ""), frameOf(cmdOpen, 2, "")} {
				_, _ = far.Write(frame)
			}
		}()
		answer := make([]byte, headerSize)
		if _, err := io.ReadFull(far, answer); err != nil || !bytes.Equal(answer, frameOf(cmdClose, 2, "")) {
			t.Errorf("the answer is %x, %v", answer, err)
		}
		if len(s.streams) != 0 || s.kept != 0 {
			t.Errorf("%d streams, %d bytes are kept", len(s.streams), s.kept)
		}
	})
}

func TestWhatIsNoFrameEndsTheSession(t *testing.T) {
	for _, frame := range []string{"\x02\x02\x00\x00\x03\x00\x00\x00", "\x01\x04\x00\x00\x03\x00\x00\x00", "\x01\x00\x01\x00\x03\x00\x00\x00x", "SSH-2.0-"} {
		raw(t, func(s *session, far net.Conn) {
			go func() { _, _ = far.Write([]byte(frame)) }()
			<-s.closed
			if !errors.Is(s.err, errFrame) {
				t.Errorf("%q: ended with %v", frame, s.err)
			}
			if _, err := s.open(); !errors.Is(err, errEnded) {
				t.Errorf("open after the end: %v", err)
			}
		})
	}
}

// A connection that does not read costs bounded memory, and nothing is lost
// when it reads again.
func TestMemoryIsBounded(t *testing.T) {
	raw(t, func(s *session, far net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, far) }()
		m, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		const size = receiveBuffer + 1<<20
		go func() {
			text := strings.Repeat("x", 1<<15)
			for range size >> 15 {
				_, _ = far.Write(frameOf(cmdData, byte(m.id), text))
			}
			_, _ = far.Write(frameOf(cmdClose, byte(m.id), ""))
		}()
		synctest.Wait()
		s.mu.Lock()
		kept := s.kept
		s.mu.Unlock()
		if kept < receiveBuffer || kept > receiveBuffer+1<<16 {
			t.Errorf("%d bytes are kept", kept)
		}
		if n, err := io.Copy(io.Discard, m); n != size || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
		if s.kept != 0 {
			t.Errorf("%d bytes are kept in the end", s.kept)
		}
	})
}

// Frames that hold next to nothing cost no more than what they hold: there may
// be millions of them in what a connection is allowed to keep.
func TestSmallFramesAreKeptTogether(t *testing.T) {
	raw(t, func(s *session, far net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, far) }()
		m, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Repeat("x", frameSize+100)
		go func() {
			for range want {
				_, _ = far.Write(append(frameOf(cmdData, byte(m.id), ""), frameOf(cmdData, byte(m.id), "x")...))
			}
			_, _ = far.Write(frameOf(cmdClose, byte(m.id), ""))
		}()
		synctest.Wait()
		s.mu.Lock()
		chunks, kept := len(m.chunks), s.kept
		s.mu.Unlock()
		if chunks > 2 || kept != len(want) {
			t.Errorf("%d bytes are kept in %d pieces", kept, chunks)
		}
		if got, err := io.ReadAll(m); string(got) != want || err != nil || s.kept != 0 {
			t.Errorf("read %d bytes, %v; %d are kept", len(got), err, s.kept)
		}
	})
}

// What a closed connection has not read holds up nobody.
func TestCloseMakesRoom(t *testing.T) {
	raw(t, func(s *session, far net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, far) }()
		slow, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		other, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			text := strings.Repeat("x", 1<<15)
			for range receiveBuffer >> 15 {
				_, _ = far.Write(frameOf(cmdData, byte(slow.id), text))
			}
			_, _ = far.Write(frameOf(cmdData, byte(other.id), "hello"))
		}()
		synctest.Wait()
		if err := slow.Close(); err != nil {
			t.Error(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(other, got); err != nil || string(got) != "hello" {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// An old agent wants signs of life, and is believed dead without its own.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := newSession(near)
		var running sync.WaitGroup
		running.Go(func() { _ = s.run() })
		running.Go(s.keepAlive)
		heard := 0
		running.Go(func() {
			for header := make([]byte, headerSize); ; heard++ {
				if _, err := io.ReadFull(far, header); err != nil || !bytes.Equal(header, frameOf(cmdNoop, 0, "")) {
					return
				}
			}
		})
		from := time.Now()
		for range 6 { // a minute of the bubble's clock
			time.Sleep(aliveEvery)
			_, _ = far.Write(frameOf(cmdNoop, 0, ""))
		}
		<-s.closed
		if after := time.Since(from); !errors.Is(s.err, errSilent) || after < time.Minute+deadAfter || after > time.Minute+deadAfter+aliveEvery {
			t.Errorf("ended after %v with %v", after, s.err)
		}
		_ = far.Close()
		running.Wait()
		if heard < 8 {
			t.Errorf("%d signs of life were sent", heard)
		}
	})
}

// Bytes from the other end are bytes from a machine that may be hostile.
func FuzzSession(f *testing.F) {
	f.Add([]byte{})
	f.Add(frameOf(cmdData, 3, "hello"))
	f.Add(append(frameOf(cmdOpen, 2, ""), frameOf(cmdClose, 3, "")...))
	f.Fuzz(func(t *testing.T, input []byte) {
		s := newSession(struct {
			io.Reader
			io.Writer
			io.Closer
		}{bytes.NewReader(input), io.Discard, nil})
		m, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		if s.run() == nil {
			t.Error("an end without a reason")
		}
		got, _ := io.ReadAll(m)
		if len(got) > len(input) {
			t.Errorf("%d bytes came of %d", len(got), len(input))
		}
		_ = m.Close()
		if s.kept != 0 {
			t.Errorf("%d bytes are kept", s.kept)
		}
	})
}
