package tunnel

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

var epoch = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func testOptions() Options { return Options{}.withDefaults() }

func clean(s string) string { return oneLine(s, textLimit) }

// bench is a channel and an agent with a perfect network between them.
type bench struct {
	t     *testing.T
	now   time.Time
	c     *channel
	agent *modelAgent
	// sent holds the channel's messages in the order in which they were sent.
	sent []wire.Message
}

func newBench(t *testing.T, o Options) *bench {
	random := rand.New(rand.NewPCG(1, 2))
	b := &bench{t: t, now: epoch, agent: newModelAgent(random)}
	b.agent.notify = func(problem string) { t.Error(problem) }
	b.c = newChannel(o, b.agent.id, clean)
	b.c.connected(b.now)
	return b
}

// pass lets time pass and everything arrive, without delay.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); ; b.now = b.now.Add(10 * time.Millisecond) {
		b.c.tick(b.now)
		b.agent.tick(b.now)
		b.settle()
		if !b.now.Before(end) {
			return
		}
	}
}

// settle exchanges messages until both ends are silent.
func (b *bench) settle() {
	b.t.Helper()
	for {
		frames := b.frames()
		for _, f := range frames {
			b.agent.receive(b.now, f)
		}
		back := b.agent.out
		b.agent.out = nil
		for _, f := range back {
			if err := b.c.receive(b.now, f); err != nil {
				b.t.Fatal(err)
			}
		}
		if len(frames) == 0 && len(back) == 0 {
			return
		}
	}
}

// frames returns what the channel sends now.
func (b *bench) frames() [][]byte {
	b.t.Helper()
	var frames [][]byte
	for {
		f, ok := b.c.next(b.now, nil)
		if !ok {
			return frames
		}
		m, err := wire.Decode(f)
		if err != nil {
			b.t.Fatal(err)
		}
		b.sent = append(b.sent, m)
		frames = append(frames, f)
	}
}

// open brings the bench through the handshake.
func (b *bench) open() {
	b.t.Helper()
	b.agent.banner = "SSH-2.0-test\r\n"
	b.agent.begin(b.now)
	b.pass(20 * time.Millisecond)
	if b.c.phase != flowing {
		b.t.Fatalf("the channel is in phase %d", b.c.phase)
	}
}

func (b *bench) give(s string) {
	b.t.Helper()
	if n := b.c.give([]byte(s)); n != len(s) {
		b.t.Fatalf("%d of %d bytes taken", n, len(s))
	}
}

func (b *bench) taken() string {
	p := make([]byte, 1<<16)
	return string(p[:b.c.take(p)])
}

func code(err error) problem.Code {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p.Code
	}
	return ""
}

func TestDuplicatesAreAcknowledgedAgain(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	b.agent.output(b.now, []byte("x"))
	f := b.agent.out[0]
	sequence := b.agent.sequence - 1
	b.agent.out = append(b.agent.out, f, f)
	b.settle()
	if b.agent.acked[sequence] != 3 || b.taken() != "x" {
		t.Errorf("%d acknowledgements", b.agent.acked[sequence])
	}
}

func TestEarlyMessagesAreKeptAndDeliveredInOrder(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	for _, s := range []string{"a", "b", "c"} {
		b.agent.output(b.now, []byte(s))
	}
	first := b.agent.out[0]
	b.agent.out = b.agent.out[1:]
	b.settle()
	if len(b.agent.unacked) != 1 {
		t.Errorf("%d messages unacknowledged, want the missing one", len(b.agent.unacked))
	}
	if got := b.taken(); got != "" {
		t.Errorf("read %q before its turn", got)
	}
	b.agent.out = append(b.agent.out, first)
	b.settle()
	if got := b.taken(); got != "abc" {
		t.Errorf("read %q", got)
	}
}

func TestDamagedMessagesAreNotAcknowledged(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	b.agent.output(b.now, []byte("good"))
	damaged := bytes.Clone(b.agent.out[0])
	damaged[len(damaged)-1]++
	if err := b.c.receive(b.now, damaged); !errors.Is(err, errDigest) {
		t.Errorf("receive: %v", err)
	}
	if f := b.frames(); len(f) != 0 {
		t.Errorf("%d answers to a damaged message", len(f))
	}
	b.settle()
	if got := b.taken(); got != "good" {
		t.Errorf("read %q", got)
	}
}

// TestLossIsRepairedAtOnce: what is missing is known from the first
// acknowledgement of something sent later, and then all of it goes again.
func TestLossIsRepairedAtOnce(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	text := strings.Repeat("0123456789abcdef", 1024)
	b.give(text)
	if lost := b.frames(); len(lost) != 16 {
		t.Fatalf("%d messages", len(lost))
	}
	b.now = b.now.Add(leastTimeout)
	b.give("!")
	b.pass(0)
	if string(b.agent.got) != text+"!" {
		t.Errorf("the agent got %d bytes of %d", len(b.agent.got), len(text)+1)
	}
	if b.c.out.retransmitted != 16 {
		t.Errorf("%d messages repeated, want 16", b.c.out.retransmitted)
	}
}

func TestOldestIsRepeatedAfterTheTimeout(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.give("lost")
	b.frames()
	at := b.c.deadline()
	if wait := at.Sub(b.now); wait < leastTimeout || wait > firstTimeout {
		t.Errorf("the deadline is in %v", wait)
	}
	b.now = at.Add(-time.Millisecond)
	b.c.tick(b.now)
	if f := b.frames(); len(f) != 0 {
		t.Error("repeated too early")
	}
	b.now = at
	b.pass(0)
	if string(b.agent.got) != "lost" {
		t.Errorf("the agent got %q", b.agent.got)
	}
}

func TestWindowIsKeptAndGrows(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	fill := func() (sent int) {
		for {
			n := b.c.give(make([]byte, pendingLimit))
			before := b.c.out.bytes
			b.agent.out = append(b.agent.out, b.frames()...)
			sent += b.c.out.bytes - before
			if n == 0 && b.c.out.bytes == before {
				return sent
			}
		}
	}
	if sent := fill(); sent != firstWindow(safeLimits) {
		t.Errorf("%d bytes on their way at first, want %d", sent, firstWindow(safeLimits))
	}
	for range 20 {
		frames := b.agent.out
		b.agent.out = nil
		b.now = b.now.Add(time.Millisecond)
		for _, f := range frames {
			b.agent.receive(b.now, f)
		}
		b.settle()
		fill()
		if b.c.out.bytes > b.c.out.window || b.c.out.window > safeLimits.window {
			t.Fatalf("%d bytes in a window of %d", b.c.out.bytes, b.c.out.window)
		}
	}
	if b.c.out.window != safeLimits.window {
		t.Errorf("the window is %d, want %d", b.c.out.window, safeLimits.window)
	}
}

func TestSlowAcknowledgementsDoNotWidenTheWindow(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	for range 50 {
		b.c.give(make([]byte, pendingLimit))
		frames := b.frames()
		b.now = b.now.Add(150 * time.Millisecond)
		for _, f := range frames {
			b.agent.receive(b.now, f)
		}
		for _, f := range b.agent.out {
			if err := b.c.receive(b.now, f); err != nil {
				t.Fatal(err)
			}
		}
		b.agent.out = nil
	}
	if b.c.out.window != firstWindow(safeLimits) {
		t.Errorf("the window is %d", b.c.out.window)
	}
}

func TestPauseStopsSendingAndHalvesTheWindow(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.settle()
	if b.c.state() != StatePaused || b.c.out.window != firstWindow(safeLimits)/2 {
		t.Errorf("state %s, window %d", b.c.state(), b.c.out.window)
	}
	b.give("later")
	b.agent.output(b.now, []byte("x"))
	b.pass(time.Second)
	if len(b.agent.got) != 0 || b.taken() != "x" {
		t.Errorf("the agent got %q in a pause, or was not read", b.agent.got)
	}
	b.agent.service(b.now, wire.TypeStartPublication, nil)
	b.settle()
	b.pass(0)
	if string(b.agent.got) != "later" || b.c.state() != StateOpen {
		t.Errorf("the agent got %q after the pause", b.agent.got)
	}
}

func TestPauseEndsWhenAllHasArrived(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.give("a")
	onTheWay := b.frames()
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.settle()
	b.give("b")
	if f := b.frames(); len(f) != 0 {
		t.Fatal("sent in a pause")
	}
	for _, f := range onTheWay {
		b.agent.receive(b.now, f)
	}
	b.settle()
	if string(b.agent.got) != "ab" {
		t.Errorf("the agent got %q", b.agent.got)
	}
}

func TestPauseIsProbedAndBounded(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.settle()
	b.agent.withholdAcks = true
	b.give(strings.Repeat("x", 3000))
	start := len(b.sent)
	b.pass(b.c.o.PauseLimit - 20*time.Millisecond)
	if b.c.ended {
		t.Fatal("ended too early")
	}
	probes := len(b.sent) - start
	if want := int(b.c.o.PauseLimit/probeEvery) - 1; probes != want {
		t.Errorf("%d messages in a pause, want %d probes", probes, want)
	}
	b.pass(40 * time.Millisecond)
	if code(b.c.err) != problem.TunnelRefused {
		t.Errorf("ended %v with %v", b.c.ended, b.c.err)
	}
}

func TestPauseWhoseEndIsLostIsLeftByAProbe(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.settle()
	b.give(strings.Repeat("x", 3000))
	b.pass(probeEvery + 20*time.Millisecond)
	if len(b.agent.got) != 3000 {
		t.Errorf("the agent got %d bytes", len(b.agent.got))
	}
}

func TestNothingIsRenegotiatedOnANewSocket(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	b.give("one")
	b.frames() // lost with the socket
	b.agent.output(b.now, []byte("two"))
	b.agent.out = nil // lost as well
	b.c.disconnected()
	if b.c.state() != StateReconnecting {
		t.Errorf("state %s", b.c.state())
	}
	if f := b.frames(); len(f) != 0 {
		t.Error("sent without a socket")
	}
	b.give("-three")
	b.c.connected(b.now)
	b.settle() // at once: no time-out has passed
	b.now = b.now.Add(time.Second)
	b.pass(0)
	if string(b.agent.got) != "one-three" || b.taken() != "two" {
		t.Errorf("the agent got %q", b.agent.got)
	}
}

func TestOnlyMessagesSentOnceAreMeasured(t *testing.T) {
	for name, lose := range map[string]func(b *bench){
		"time-out":   func(b *bench) { b.c.tick(b.now); b.frames() },
		"new socket": func(b *bench) { b.c.disconnected(); b.c.connected(b.now) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, testOptions())
			b.open()
			before := b.c.out.trip.smoothed
			b.give("x")
			first := b.frames()
			b.now = b.now.Add(10 * time.Second)
			lose(b)
			// The answer to the first copy comes after all.
			b.agent.receive(b.now, first[0])
			for _, f := range b.agent.out {
				if err := b.c.receive(b.now, f); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.c.out.trip.smoothed; got != before || !b.c.out.idle() {
				t.Errorf("a round trip of %v was measured", got)
			}
		})
	}
}

func TestTerminateComesAfterTheBytes(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.give(strings.Repeat("x", 30000))
	b.c.terminate()
	if b.c.give([]byte("y")) != 0 {
		t.Error("bytes are taken after the end")
	}
	b.pass(0)
	if len(b.agent.got) != 30000 || fmt.Sprint(b.agent.signals) != "[2]" || !b.c.ended || b.c.err != nil {
		t.Errorf("%d bytes, signals %v, ended %v with %v", len(b.agent.got), b.agent.signals, b.c.ended, b.c.err)
	}
}

// TestTerminateInTheHandshake: an agent that has our answer would go on with the
// session, and AWS would keep it for twenty minutes.
func TestTerminateInTheHandshake(t *testing.T) {
	b := newBench(t, testOptions())
	b.c.terminate()
	if !b.c.ended {
		t.Error("a channel on which nothing was said waits")
	}
	b = newBench(t, testOptions())
	b.agent.banner = banner
	b.agent.begin(b.now)
	for _, f := range b.agent.out {
		if err := b.c.receive(b.now, f); err != nil {
			t.Fatal(err)
		}
	}
	b.agent.out = nil
	answer := b.frames()
	b.c.terminate()
	if b.c.ended {
		t.Fatal("ended although the agent has an answer")
	}
	for _, f := range answer {
		b.agent.receive(b.now, f)
	}
	b.pass(0)
	if fmt.Sprint(b.agent.signals) != "[2]" || !b.c.ended || b.c.err != nil {
		t.Errorf("signals %v, ended %v with %v", b.agent.signals, b.c.ended, b.c.err)
	}
}

func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *bench)
		code problem.Code
		text string
	}{
		{"normal", func(b *bench) { b.open(); b.agent.close(b.now, "") }, "", ""},
		{"reason", func(b *bench) { b.open(); b.agent.close(b.now, "Unable to\x1b[2J connect") }, problem.TunnelRefused, "Unable to [2J connect"},
		{"before the handshake", func(b *bench) { b.agent.close(b.now, "") }, problem.TunnelRefused, "before it began"},
		{"no JSON", func(b *bench) { b.open(); b.agent.service(b.now, wire.TypeChannelClosed, []byte("{")) }, "", ""},
		{"port error", func(b *bench) { b.open(); b.agent.send(b.now, wire.PayloadFlag, wire.ConnectToPortError.AppendTo(nil)) }, problem.TunnelRefused, "SSH server does not answer"},
		{"silent agent", func(b *bench) { b.pass(b.c.o.HandshakeTimeout) }, problem.TunnelRefused, "did not answer within 30s"},
		{"no handshake", func(b *bench) { b.agent.send(b.now, wire.PayloadHandshakeRequest, []byte("[")) }, problem.TunnelRefused, "no handshake"},
		{"shell session", func(b *bench) { b.ask("SessionType", `{"SessionType":"Standard_Stream"}`) }, problem.NotSupported, "a terminal (Standard_Stream)"},
		{"multiplexed", func(b *bench) {
			b.ask("SessionType", `{"SessionType":"Port","Properties":{"type":"LocalPortForwarding"}}`)
		}, problem.NotSupported, "not one that SSH can use"},
		{"encrypted", func(b *bench) { b.ask("KMSEncryption", `{"KMSKeyId":"k"}`) }, problem.NotSupported, "KMS key"},
		{"unknown action", func(b *bench) { b.ask("Dance\n", `{}`) }, problem.NotSupported, "does not know: Dance."},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, testOptions())
			c.do(b)
			b.settle()
			if !b.c.ended || code(b.c.err) != c.code || c.code != "" && !strings.Contains(b.c.err.Error(), c.text) {
				t.Errorf("ended %v with %v", b.c.ended, b.c.err)
			}
			if b.c.state() != StateClosed {
				t.Errorf("state %s", b.c.state())
			}
			if at := b.c.deadline(); !at.IsZero() {
				t.Error("a closed channel waits for something")
			}
		})
	}
}

// requests makes the agent ask for one action in its handshake.
func (b *bench) requests(action, parameters string) {
	b.agent.request = []wire.RequestedClientAction{{ActionType: action, ActionParameters: json.RawMessage(parameters)}}
}

func (b *bench) ask(action, parameters string) {
	b.requests(action, parameters)
	b.agent.begin(b.now)
	b.settle()
	if r := b.agent.responses; len(r) != 1 || r[0].ProcessedClientActions[0].Error == "" || r[0].ProcessedClientActions[0].ActionStatus < 2 {
		b.t.Errorf("responses %+v", r)
	}
}

func TestReaderThatDoesNotReadBoundsMemory(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	block := make([]byte, 1<<20)
	for range 10 {
		b.agent.output(b.now, block)
		b.settle()
	}
	if kept := b.c.in.kept.size + b.c.in.earlySum; kept > inboundLimit+stashBytes+1024 {
		t.Errorf("%d bytes are kept", kept)
	}
	if !b.c.choke(b.now) {
		t.Error("the channel would go on receiving")
	}
	p := make([]byte, 1<<16)
	for b.c.in.kept.size > inboundLimit/2 {
		b.c.take(p)
	}
	if b.c.choke(b.now) {
		t.Error("the channel receives nothing although there is room")
	}
}

func TestStalledAgentIsGivenUp(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.agent.withholdAcks = true
	b.give("x")
	for try := range stallTries {
		b.pass(stallAfter + mostTimeout)
		if !b.c.stalled || b.c.ended {
			t.Fatalf("try %d: stalled %v, ended %v", try, b.c.stalled, b.c.ended)
		}
		b.c.disconnected()
		b.c.connected(b.now)
	}
	b.pass(stallAfter + mostTimeout)
	if code(b.c.err) != problem.Unreachable {
		t.Errorf("ended %v with %v", b.c.ended, b.c.err)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.taken()
	input := make([]byte, 1024)
	var frame, ack []byte
	sequence := b.c.out.nextSequence()
	output := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: 1, PayloadType: wire.PayloadOutput, Payload: input}
	id := b.agent.id()
	expected := b.c.in.expected
	n := testing.AllocsPerRun(200, func() {
		b.now = b.now.Add(time.Millisecond)
		b.c.give(input)
		var ok bool
		if frame, ok = b.c.next(b.now, frame[:0]); !ok {
			t.Fatal("nothing to send")
		}
		ack = wire.Acknowledge{Type: wire.TypeInputStreamData, ID: id, Sequence: sequence, IsSequential: true}.AppendTo(ack[:0], id, 1)
		sequence++
		if err := b.c.receive(b.now, ack); err != nil {
			t.Fatal(err)
		}
		output.SequenceNumber = expected
		expected++
		frame = output.AppendTo(frame[:0])
		if err := b.c.receive(b.now, frame); err != nil {
			t.Fatal(err)
		}
		if frame, ok = b.c.next(b.now, frame[:0]); !ok {
			t.Fatal("no acknowledgement")
		}
		b.c.take(input)
		if _, ok = b.c.next(b.now, frame); ok {
			t.Fatal("more to send")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for a message each way", n)
	}
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
