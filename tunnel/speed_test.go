package tunnel

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// speaker exchanges messages with a channel whose handshake is done, without an
// agent: it only knows what the next numbers are.
type speaker struct {
	c            *channel
	now          time.Time
	id           wire.UUID
	up, down     int64
	batch, frame []byte
	payload      []byte
	out          []byte
}

func newSpeaker(p Profile, payload int) *speaker {
	o := testOptions()
	o.Profile = p
	s := &speaker{now: epoch, id: wire.RandomUUID(1, 2), payload: make([]byte, payload), out: make([]byte, payload)}
	s.c = newChannel(o, func() wire.UUID { return s.id }, clean)
	s.c.connected(s.now)
	s.c.phase = flowing
	return s
}

// send hands over payload, and has the channel's batch acknowledged.
func (s *speaker) send(t testing.TB) {
	s.now = s.now.Add(time.Millisecond)
	if n := s.c.give(s.payload); n != len(s.payload) {
		t.Fatalf("%d bytes taken", n)
	}
	s.batch = s.batch[:0]
	for {
		start := len(s.batch)
		var ok bool
		if s.batch, ok = s.c.next(s.now, openFrame(s.batch)); !ok {
			s.batch = s.batch[:start]
			break
		}
		s.batch = sealFrame(s.batch, start, ws.OpBinary, [4]byte{1, 2, 3, 4})
		s.frame = wire.Acknowledge{Type: wire.TypeInputStreamData, ID: s.id, Sequence: s.up, IsSequential: true}.AppendTo(s.frame[:0], s.id, 1)
		s.up++
		if err := s.c.receive(s.now, s.frame); err != nil {
			t.Fatal(err)
		}
	}
	if !s.c.out.idle() {
		t.Fatal("something was not acknowledged")
	}
}

// receive has one message come, be read, and be acknowledged.
func (s *speaker) receive(t testing.TB) {
	m := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: 1, SequenceNumber: s.down, PayloadType: wire.PayloadOutput, Payload: s.payload}
	s.down++
	s.frame = m.AppendTo(s.frame[:0])
	if err := s.c.receive(s.now, s.frame); err != nil {
		t.Fatal(err)
	}
	if n := s.c.take(s.out); n != len(s.out) {
		t.Fatalf("%d bytes came", n)
	}
	var ok bool
	if s.batch, ok = s.c.next(s.now, openFrame(s.batch[:0])); !ok {
		t.Fatal("no acknowledgement")
	}
	s.batch = sealFrame(s.batch, 0, ws.OpBinary, [4]byte{1, 2, 3, 4})
}

func TestFramesOfEveryProfileAllocateNothing(t *testing.T) {
	for _, p := range []Profile{ProfileSafe, ProfileLarge, ProfileAdaptive} {
		s := newSpeaker(p, 16<<10)
		for range 50 {
			s.send(t)
			s.receive(t)
		}
		if n := testing.AllocsPerRun(200, func() { s.send(t) }); n != 0 {
			t.Errorf("%s: %v allocations for 16 KiB up", p, n)
		}
		if n := testing.AllocsPerRun(200, func() { s.receive(t) }); n != 0 {
			t.Errorf("%s: %v allocations for 16 KiB down", p, n)
		}
	}
}

// endless gives the same bytes over and over, and takes everything.
type endless struct {
	net.Conn
	bytes []byte
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.bytes[e.at:])
	e.at = (e.at + n) % len(e.bytes)
	return n, nil
}

func (*endless) Write(p []byte) (int, error)      { return len(p), nil }
func (*endless) SetReadDeadline(time.Time) error  { return nil }
func (*endless) SetWriteDeadline(time.Time) error { return nil }

func endlessSocket() *webSocket {
	var b bytes.Buffer
	ws.MustWriteFrame(&b, ws.NewBinaryFrame(make([]byte, 1144)))
	return newWebSocket(&endless{bytes: b.Bytes()}, nil, time.Hour)
}

func TestASocketAllocatesNothingInTheSteadyState(t *testing.T) {
	s := endlessSocket()
	batch := appendFrame(nil, ws.OpBinary, [4]byte{1, 2, 3, 4}, make([]byte, 1144))
	waiting := func(arrival) {}
	if n := testing.AllocsPerRun(1000, func() {
		if f, err := s.receive(waiting); err != nil || len(f.payload) != 1144 {
			t.Fatal(err)
		}
		if err := s.send(batch); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a frame each way", n)
	}
}

func BenchmarkUpload(b *testing.B) {
	for _, p := range []Profile{ProfileSafe, ProfileLarge} {
		b.Run(string(p), func(b *testing.B) {
			s := newSpeaker(p, 16<<10)
			b.SetBytes(int64(len(s.payload)))
			b.ReportAllocs()
			for b.Loop() {
				s.send(b)
			}
		})
	}
}

func BenchmarkDownload(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "16KiB": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			s := newSpeaker(ProfileSafe, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				s.receive(b)
			}
		})
	}
}

func BenchmarkSocket(b *testing.B) {
	s := endlessSocket()
	b.SetBytes(1144)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.receive(nil); err != nil {
			b.Fatal(err)
		}
	}
}
