package tunnel

import (
	"testing"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// hear has a message of the agent's come.
func (b *bench) hear(sequence int64, kind wire.PayloadType, payload string) {
	b.t.Helper()
	m := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: 1, SequenceNumber: sequence, PayloadType: kind, Payload: []byte(payload)}
	if err := b.c.receive(b.now, m.AppendTo(nil)); err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatAnAgentCanHaveUsKeepIsBounded: each message is small, and there are
// many of them.
func TestWhatAnAgentCanHaveUsKeepIsBounded(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	next := b.c.in.expected
	for i := range int64(stashCount + 10) {
		b.hear(next+1+i, wire.PayloadOutput, "x") // the one before never comes
	}
	if n := len(b.c.in.early); n != stashCount {
		t.Errorf("%d messages wait for the one before them", n)
	}
	for range acksLimit {
		b.hear(0, wire.PayloadOutput, "x") // again and again
	}
	if n := len(b.frames()); n > acksLimit {
		t.Errorf("%d acknowledgements wait to be sent", n)
	}
	b = newBench(t, testOptions())
	b.open()
	for i := range int64(10 * noticesLimit) {
		b.hear(b.c.in.expected, wire.PayloadStdErr, "text "+string(rune('a'+i%26)))
	}
	if n := len(b.c.notices); n != noticesLimit {
		t.Errorf("%d texts wait to be shown", n)
	}
}

// TestKeysDoNotRunAwayFromALostMessage: an agent keeps a bounded number of
// messages that came too early.
func TestKeysDoNotRunAwayFromALostMessage(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	first := b.c.out.nextSequence()
	b.agent.withholdAcks = true
	for range spanLimit + 10 {
		b.give("x")
		b.frames()
	}
	if n := b.c.out.nextSequence() - first; n != spanLimit {
		t.Errorf("%d messages are on their way", n)
	}
}

// TestAReaderWhoCatchesUpIsNoStall: while it does not read, no acknowledgement
// can be seen.
func TestAReaderWhoCatchesUpIsNoStall(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	b.give("typed")
	b.frames()
	for !b.c.choke(b.now) {
		b.hear(b.c.in.expected, wire.PayloadOutput, string(make([]byte, 64<<10)))
	}
	b.now = b.now.Add(2 * stallAfter)
	b.c.tick(b.now)
	for b.taken() != "" {
	}
	if b.c.choke(b.now) {
		t.Fatal("still waits for the reader")
	}
	if b.c.tick(b.now); b.c.stalled || b.c.stalls > 0 {
		t.Error("a new socket is wanted")
	}
	b.now = b.now.Add(stallAfter)
	if b.c.tick(b.now); !b.c.stalled {
		t.Error("and none is wanted where nothing is acknowledged afterwards")
	}
}
