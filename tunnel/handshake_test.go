package tunnel

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

func TestHandshakeAndBytesBothWays(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early=%v", early), func(t *testing.T) {
			o := testOptions()
			o.EarlyResponse = early
			b := newBench(t, o)
			b.agent.message = "Be \x1b[31mnice\n"
			b.open()
			if got := b.taken(); got != "SSH-2.0-test\r\n" {
				t.Errorf("read %q", got)
			}
			b.give("SSH-2.0-me\r\n")
			b.pass(0)
			if string(b.agent.got) != "SSH-2.0-me\r\n" {
				t.Errorf("the agent got %q", b.agent.got)
			}
			want := wire.ProcessedClientAction{ActionType: "SessionType", ActionStatus: 1, ActionResult: json.RawMessage("null")}
			r := b.agent.responses
			if len(r) != 1 || len(r[0].ProcessedClientActions) != 1 || r[0].ClientVersion != "1.3.0.0" ||
				fmt.Sprint(r[0].ProcessedClientActions[0]) != fmt.Sprint(want) {
				t.Errorf("responses %+v", r)
			}
			if fmt.Sprint(b.c.notices) != "[Be [31mnice]" {
				t.Errorf("notices %q", b.c.notices)
			}
			if b.c.out.retransmitted != 0 {
				t.Error("messages were sent twice")
			}
		})
	}
}

func TestResponseIsRepeatedUnderItsNumberOnly(t *testing.T) {
	b := newBench(t, testOptions())
	b.agent.begin(b.now)
	for range 3 {
		// The agent's request comes again and again, the response is lost.
		for _, u := range b.agent.unacked {
			if err := b.c.receive(b.now, u.frame); err != nil {
				t.Fatal(err)
			}
		}
		b.frames()
		b.now = b.now.Add(mostTimeout)
		b.c.tick(b.now)
	}
	acks, responses := 0, 0
	for _, m := range b.sent {
		switch {
		case m.Type == wire.TypeAcknowledge:
			acks++
		case m.PayloadType == wire.PayloadHandshakeResponse && m.SequenceNumber == 0:
			responses++
		default:
			t.Errorf("sent %+v", m)
		}
	}
	if acks != 3 || responses != 3 {
		t.Errorf("%d acknowledgements and %d responses, want 3 and 3", acks, responses)
	}
}

func TestBytesWaitForTheAgentsFirstOutput(t *testing.T) {
	b := newBench(t, testOptions())
	b.agent.begin(b.now)
	b.agent.notReadyFor = 300 * time.Millisecond
	b.agent.banner = "banner"
	b.give("hello")
	b.pass(250 * time.Millisecond)
	for _, m := range b.sent {
		if m.PayloadType == wire.PayloadOutput {
			t.Fatal("bytes were sent before the agent was ready")
		}
	}
	b.pass(60 * time.Millisecond)
	if string(b.agent.got) != "hello" || b.c.out.retransmitted != 0 {
		t.Errorf("the agent got %q, %d messages were repeated", b.agent.got, b.c.out.retransmitted)
	}
}

// holds checks how long bytes wait for an agent that says nothing after the
// handshake.
func (b *bench) holds(hold time.Duration) {
	b.t.Helper()
	b.agent.begin(b.now)
	b.give("hello")
	b.pass(hold - 10*time.Millisecond)
	if len(b.agent.got) != 0 {
		b.t.Error("bytes went too early")
	}
	b.pass(20 * time.Millisecond)
	if string(b.agent.got) != "hello" {
		b.t.Errorf("the agent got %q", b.agent.got)
	}
}

func TestBytesDoNotWaitForEver(t *testing.T) { newBench(t, testOptions()).holds(startHold) }

// early is a bench whose client answers the agent before it asks.
func early(t *testing.T) *bench {
	o := testOptions()
	o.EarlyResponse = true
	return newBench(t, o)
}

func TestEarlyAnswerThatCannotBeKeptEndsTheChannel(t *testing.T) {
	b := early(t)
	b.requests("KMSEncryption", `{}`)
	b.agent.begin(b.now)
	b.settle()
	if code(b.c.err) != problem.NotSupported {
		t.Errorf("ended %v with %v", b.c.ended, b.c.err)
	}
}

// TestAnEarlyResponseThatNobodyKept: a gateway that drops what comes before the
// agent costs no more than a response that waits for the request.
func TestAnEarlyResponseThatNobodyKept(t *testing.T) {
	b := early(t)
	if lost := b.frames(); len(lost) != 1 {
		t.Fatalf("%d messages before the agent is there, want the response", len(lost))
	}
	b.pass(5 * time.Second)
	if len(b.sent) != 1 {
		t.Errorf("%d messages to an agent that is not there", len(b.sent))
	}
	asked := b.now
	b.open()
	if took := b.now.Sub(asked); took > earlyGrace+30*time.Millisecond {
		t.Errorf("the handshake took %v", took)
	}
	if len(b.agent.responses) != 1 {
		t.Errorf("responses %+v", b.agent.responses)
	}
}

// TestAnEarlyResponseThatCostsTheSocket: where the first socket is lost in the
// handshake, the next one hears the agent ask before it is answered, whether the
// first one took the response or not.
func TestAnEarlyResponseThatCostsTheSocket(t *testing.T) {
	for _, sent := range []int{0, 1} {
		b := early(t)
		if sent > 0 {
			b.frames()
		}
		b.c.disconnected()
		b.c.connected(b.now)
		b.pass(5 * time.Second)
		if len(b.sent) != sent {
			t.Errorf("%d messages before the agent has asked, %d on the first socket", len(b.sent), sent)
		}
		b.open()
		if r := b.agent.responses; len(r) != 1 || b.sent[sent].Type != wire.TypeAcknowledge || b.sent[sent+1].SequenceNumber != 0 {
			t.Errorf("responses %+v, sent %+v", r, b.sent)
		}
	}
}
