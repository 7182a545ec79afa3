package gateway

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

func stream(sequence int64) []byte {
	m := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: 1, SequenceNumber: sequence, ID: newID(), PayloadType: wire.PayloadOutput, Payload: []byte("payload")}
	return m.AppendTo(nil)
}

func sequences(t *testing.T, frames [][]byte) (all []int64) {
	t.Helper()
	for _, f := range frames {
		m, err := wire.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.SequenceNumber)
	}
	return all
}

// TestReorderedMessagesAreOvertakenAsOftenAsSaid, however many are late at the
// same time, and none is lost.
func TestReorderedMessagesAreOvertakenAsOftenAsSaid(t *testing.T) {
	faults := Faults{ReorderEvery: 10, ReorderSpan: maxSpan}
	var f frameFaults
	var out []int64
	for i := range int64(5000) {
		out = append(out, sequences(t, f.apply(&faults, stream(i), true))...)
	}
	place := map[int64]int{}
	for i, n := range out {
		place[n] = i
	}
	overtaken := 0
	for _, other := range out[:place[9]] { // the tenth
		if other > 9 {
			overtaken++
		}
	}
	if len(place) != len(out) || len(out)+len(f.late) != 5000 || overtaken < maxSpan*8/10 {
		t.Errorf("%d came, %d are late, the tenth was overtaken by %d", len(out), len(f.late), overtaken)
	}
}

func TestAcknowledgementsAloneAreLost(t *testing.T) {
	var f frameFaults
	m, err := wire.Decode(stream(1))
	if err != nil {
		t.Fatal(err)
	}
	acknowledgement := m.Acknowledgement().AppendTo(nil, newID(), 1)
	lost := 0
	for i := range 30 {
		if len(f.apply(&Faults{LoseAcksEvery: 3}, acknowledgement, i%2 == 0)) == 0 {
			lost++
		}
		if len(f.apply(&Faults{LoseAcksEvery: 3}, stream(1), false)) != 1 {
			t.Error("a stream message is lost")
		}
	}
	if lost != 10 {
		t.Errorf("%d of 30 acknowledgements are lost, want 10", lost)
	}
}

// TestDamageIsDamage: no kind of it may be taken for what was sent.
func TestDamageIsDamage(t *testing.T) {
	whole := stream(7)
	for kind := range 9 {
		bad := damage(whole, kind)
		if m, err := wire.Decode(bad); err == nil && m.DigestValid() && m.Type == wire.TypeOutputStreamData && kind < 6 {
			t.Errorf("kind %d: %+v", kind, m)
		}
		if bytes.Equal(bad, whole) {
			t.Errorf("kind %d changes nothing", kind)
		}
	}
	if !bytes.Equal(whole[wire.HeaderSize:], []byte("payload")) {
		t.Error("the message itself was changed")
	}
	var f frameFaults
	faults := &Faults{DamageEvery: 2}
	for i := range 10 {
		up, down := stream(int64(i)), stream(int64(i))
		if out := f.apply(faults, up, false); len(out) != 1 || !bytes.Equal(out[0], up) {
			t.Error("a message to the agent is damaged")
		}
		if out := f.apply(faults, down, true); len(out) != 1 || bytes.Equal(out[0], down) {
			t.Error("a message to the client is whole")
		}
	}
}

// TestAMutedConnectionTakesNothingAndGivesNothing, but can be reset.
func TestAMutedConnectionTakesNothingAndGivesNothing(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		send(t, peer, []byte("before"))
		receive(t, c, len("before"))
		c.mute()
		written := make(chan error, 1)
		read := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("after"))
			written <- err
		}()
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		send(t, peer, []byte("the line still takes these"))
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case err := <-written:
			t.Errorf("written: %v", err)
		case err := <-read:
			t.Errorf("read: %v", err)
		default:
		}
		c.abort()
		if err := <-written; err == nil {
			t.Error("written to a reset connection")
		}
		if err := <-read; err == nil {
			t.Error("read from a reset connection")
		}
	})
}

func TestRefusedWithAnyStatus(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, parrot{"s"}, Request{})
	for _, status := range []int{0, http.StatusBadGateway, http.StatusForbidden} {
		g.SetFaults(Faults{RefuseDials: true, RefuseStatus: status})
		want := status
		if status == 0 {
			want = http.StatusServiceUnavailable
		}
		if _, got := dial(t, s.StreamURL.Reveal()); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
}

func TestTheClientsWishForTheEndIsNoted(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, parrot{"s"}, Request{})
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	for i, payload := range []string{"\x00\x00\x00\x02", "five!", "four"} { // bytes of the session, not a flag
		say(t, c, int64(i), payload)
	}
	wantPayloads(t, c, "\x00\x00\x00\x02", "five!", "four")
	if n := g.Counters().Terminated; n != 0 {
		t.Errorf("%d ends were noted", n)
	}
	for range 2 {
		m := wire.Message{Type: wire.TypeInputStreamData, CreatedDate: 1, SequenceNumber: 3, ID: newID(), PayloadType: wire.PayloadFlag, Payload: wire.TerminateSession.AppendTo(nil)}
		sayMessage(t, c, m)
		hear(t, c)
	}
	if n := g.Counters().Terminated; n != 1 || !g.list()[0].Terminated {
		t.Errorf("%d ends were noted: %s", n, fmt.Sprint(g.list()))
	}
}
