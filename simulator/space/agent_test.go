package space

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// rig is an agent with a client that the test plays, message by message, and a
// TCP connection whose far end the test holds.
type rig struct {
	t      *testing.T
	up     chan []byte
	down   chan []byte
	sshd   net.Conn
	dialed chan struct{} // closed to let the dial return
	done   chan struct{}
	reason string
	next   int64
}

func (r *rig) Send(ctx context.Context, frame []byte) error {
	select {
	case r.down <- frame:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *rig) Receive(ctx context.Context) ([]byte, error) {
	select {
	case frame := <-r.up:
		return frame, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// newRig starts an agent in a synctest bubble.
func newRig(t *testing.T, session Session) *rig {
	t.Helper()
	ours, theirs := net.Pipe()
	r := &rig{t: t, up: make(chan []byte, 100), down: make(chan []byte, 1000), sshd: ours, dialed: make(chan struct{}), done: make(chan struct{})}
	if session.PayloadSize == 0 {
		session.PayloadSize = defaultPayload
	}
	session.Port = SSHPort
	a := &agent{session: session, channel: r, log: slog.New(slog.DiscardHandler)}
	a.out.init(r)
	a.in.init(a)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(r.done)
		r.reason, _ = a.run(ctx, func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case <-r.dialed:
				return theirs, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		_ = ours.Close()
		<-r.done
	})
	return r
}

// received returns what the agent has sent until everything stands still.
func (r *rig) received() []wire.Message {
	r.t.Helper()
	synctest.Wait()
	var all []wire.Message
	for {
		select {
		case frame := <-r.down:
			m, err := wire.Decode(frame)
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, m)
		default:
			return all
		}
	}
}

// send sends a stream message with a number of the test's choice.
func (r *rig) send(sequence int64, kind wire.PayloadType, payload []byte) {
	m := wire.Message{Type: wire.TypeInputStreamData, CreatedDate: 1, SequenceNumber: sequence, ID: newID(), PayloadType: kind, Payload: payload}
	r.up <- m.AppendTo(nil)
}

func (r *rig) respond(sequence int64, status wire.ActionStatus) {
	r.t.Helper()
	payload, err := json.Marshal(wire.HandshakeResponse{ClientVersion: "1.3.0.0", ProcessedClientActions: []wire.ProcessedClientAction{
		{ActionType: wire.ActionSessionType, ActionStatus: status, Error: "no"}}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(sequence, wire.PayloadHandshakeResponse, payload)
}

func (r *rig) acknowledge(m wire.Message) { r.up <- m.Acknowledgement().AppendTo(nil, newID(), 1) }

// shake does the handshake, with the port dialled, and acknowledges the
// agent's messages.
func (r *rig) shake() {
	r.t.Helper()
	r.respond(0, wire.ActionSuccess)
	r.acknowledgeAll()
	close(r.dialed)
	r.acknowledgeAll()
	r.next = 1
}

func (r *rig) acknowledgeAll() {
	for _, m := range r.received() {
		if m.Sequenced() {
			r.acknowledge(m)
		}
	}
	synctest.Wait()
}

// kinds names messages: their payload type, or "ack 3".
func kinds(all []wire.Message) (out []string) {
	for _, m := range all {
		switch m.Type {
		case wire.TypeOutputStreamData:
			out = append(out, map[wire.PayloadType]string{
				wire.PayloadHandshakeRequest: "request", wire.PayloadHandshakeComplete: "complete", wire.PayloadOutput: "output",
			}[m.PayloadType])
		case wire.TypeAcknowledge:
			ack, _ := wire.ParseAcknowledge(m.Payload)
			out = append(out, "ack "+string('0'+rune(ack.Sequence)))
		default:
			out = append(out, string(m.Type))
		}
	}
	return out
}

func (r *rig) want(want ...string) []wire.Message {
	r.t.Helper()
	all := r.received()
	if got := kinds(all); !slices.Equal(got, want) {
		r.t.Fatalf("the agent sent %q, want %q", got, want)
	}
	return all
}

// readSSHD reads what the agent has written to the TCP connection.
func (r *rig) readSSHD(n int) string {
	r.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r.sshd, b); err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func bubble(t *testing.T, session Session, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t, session)) })
}

func TestHandshakeOnTheWire(t *testing.T) {
	bubble(t, Session{CustomerMessage: "hello"}, func(t *testing.T, r *rig) {
		request := r.want("request")[0]
		const want = `{"AgentVersion":"3.3.0.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port","Properties":{"portNumber":"22"}}}]}`
		if string(request.Payload) != want || request.SequenceNumber != 0 || request.Flags != wire.FlagSYN {
			t.Errorf("the request is %+v %s", request, request.Payload)
		}
		r.acknowledge(request)
		r.respond(0, wire.ActionSuccess)
		complete := r.want("ack 0", "complete", "agent_session_state")[1]
		var body wire.HandshakeComplete
		if err := json.Unmarshal(complete.Payload, &body); err != nil || body.CustomerMessage != "hello" || complete.SequenceNumber != 1 {
			t.Errorf("complete is %+v, %v", body, err)
		}
	})
}

func TestHandshakeThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		play func(r *rig)
		want string
	}{
		"no answer":   {func(*rig) {}, "15s"},
		"failed":      {func(r *rig) { r.respond(0, wire.ActionFailed) }, "failed on SessionType"},
		"unsupported": {func(r *rig) { r.respond(0, wire.ActionUnsupported) }, "failed on SessionType"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Session{}, func(t *testing.T, r *rig) {
				c.play(r)
				<-r.done
				if !strings.Contains(r.reason, c.want) {
					t.Errorf("the reason is %q, want %q in it", r.reason, c.want)
				}
			})
		})
	}
}

// What comes before HandshakeComplete is acknowledged and lost; what comes
// before the port is dialled is refused without a word; both as in AWS's agent.
func TestStartRace(t *testing.T) {
	bubble(t, Session{}, func(t *testing.T, r *rig) {
		request := r.want("request")[0]
		r.acknowledge(request)
		r.send(0, wire.PayloadOutput, []byte("lost"))
		r.want("ack 0")
		r.respond(1, wire.ActionSuccess)
		complete := r.want("ack 1", "complete", "agent_session_state")[1]
		r.acknowledge(complete)
		r.send(2, wire.PayloadOutput, []byte("kept"))
		r.want() // no acknowledgement, and the number is still expected
		close(r.dialed)
		synctest.Wait()
		r.send(2, wire.PayloadOutput, []byte("kept"))
		if got := r.readSSHD(4); got != "kept" {
			t.Errorf("the port got %q", got)
		}
		r.want("ack 2")
	})
}

func TestASecondHandshakeResponseHangsTheAgent(t *testing.T) {
	bubble(t, Session{}, func(t *testing.T, r *rig) {
		r.shake()
		r.respond(0, wire.ActionSuccess) // the same again is a duplicate
		r.want("ack 0")
		r.respond(1, wire.ActionSuccess) // this one is not
		r.want("ack 1")
		go func() { _, _ = io.Copy(io.Discard, r.sshd) }()
		r.send(2, wire.PayloadOutput, []byte("x"))
		r.want()
	})
}

func TestOrderIsKept(t *testing.T) {
	bubble(t, Session{}, func(t *testing.T, r *rig) {
		r.shake()
		r.send(2, wire.PayloadOutput, []byte("c"))
		r.send(3, wire.PayloadOutput, []byte("d"))
		r.send(2, wire.PayloadOutput, []byte("c"))
		r.want("ack 2", "ack 3", "ack 2")
		r.send(1, wire.PayloadOutput, []byte("b"))
		if got := r.readSSHD(3); got != "bcd" {
			t.Errorf("the port got %q", got)
		}
		r.want("ack 1")
		r.send(3, wire.PayloadOutput, []byte("d"))
		r.want("ack 3") // a duplicate is acknowledged again
	})
}

func TestAnSSHDThatDoesNotReadStopsAcknowledgements(t *testing.T) {
	bubble(t, Session{}, func(t *testing.T, r *rig) {
		r.shake()
		r.send(1, wire.PayloadOutput, []byte("ab"))
		r.send(0, wire.PayloadOutput, nil)
		r.want() // the write blocks, and the duplicate behind it waits
		r.readSSHD(2)
		r.want("ack 1", "ack 0")
	})
}

// Only the oldest message is repaired, and only when the tick finds it late.
func TestRepairOfTheOldest(t *testing.T) {
	bubble(t, Session{}, func(t *testing.T, r *rig) {
		r.shake()
		for range 3 {
			if _, err := r.sshd.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		first := r.want("output", "output", "output")
		time.Sleep(time.Second)
		again := r.received()
		// Two samples of 0 ms have made the time-out 239 ms, so every third tick.
		if len(again) != 3 {
			t.Errorf("%d repairs in a second", len(again))
		}
		for _, m := range again {
			if m.SequenceNumber != first[0].SequenceNumber || m.ID != first[0].ID {
				t.Errorf("repaired %d, the oldest is %d", m.SequenceNumber, first[0].SequenceNumber)
			}
		}
		r.acknowledge(first[0])
		r.acknowledge(first[2])
		time.Sleep(1100 * time.Millisecond)
		again = r.received()
		if len(again) == 0 || again[0].SequenceNumber != first[1].SequenceNumber {
			t.Errorf("repaired %v, not the one between two acknowledged ones", kinds(again))
		}
		r.acknowledge(first[1])
		time.Sleep(5 * time.Second)
		r.want()
	})
}

func TestPause(t *testing.T) {
	for name, wake := range map[string]func(r *rig){
		"start_publication": func(r *rig) {
			m := wire.Message{Type: wire.TypeStartPublication, CreatedDate: 1}
			r.up <- m.AppendTo(nil)
		},
		"stream message": func(r *rig) { r.send(0, wire.PayloadOutput, nil) },
		"acknowledgement": func(r *rig) {
			m := wire.Message{Type: wire.TypeOutputStreamData, SequenceNumber: 77}
			r.acknowledge(m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Session{}, func(t *testing.T, r *rig) {
				r.shake()
				m := wire.Message{Type: wire.TypePausePublication, CreatedDate: 1}
				r.up <- m.AppendTo(nil)
				synctest.Wait()
				if _, err := r.sshd.Write([]byte("a")); err != nil { // the read under way takes it
					t.Fatal(err)
				}
				wrote := make(chan error, 1)
				go func() {
					_, err := r.sshd.Write([]byte("b"))
					wrote <- err
				}()
				time.Sleep(3 * time.Second)
				r.want() // nothing sent, nothing repaired, and the second byte not read
				select {
				case <-wrote:
					t.Error("the agent reads the port while paused")
				default:
				}
				wake(r)
				synctest.Wait()
				time.Sleep(200 * time.Millisecond)
				if err := <-wrote; err != nil {
					t.Fatal(err)
				}
				if got := kinds(r.received()); !slices.Contains(got, "output") {
					t.Errorf("after the pause: %q", got)
				}
			})
		})
	}
}

func TestPaceIsACeiling(t *testing.T) {
	bubble(t, Session{Pace: time.Millisecond}, func(t *testing.T, r *rig) {
		r.shake()
		go func() { _, _ = r.sshd.Write(make([]byte, 1<<20)) }()
		start := time.Now()
		var n int
		for n < 100*1024 {
			for _, m := range r.received() {
				if m.PayloadType == wire.PayloadOutput {
					if len(m.Payload) > 1024 {
						t.Fatalf("a payload of %d bytes", len(m.Payload))
					}
					n += len(m.Payload)
					r.acknowledge(m)
				}
			}
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(start); took < 99*time.Millisecond {
			t.Errorf("%d bytes in %v", n, took)
		}
	})
}

func TestPayloadSize(t *testing.T) {
	bubble(t, Session{PayloadSize: 5000}, func(t *testing.T, r *rig) {
		r.shake()
		if _, err := r.sshd.Write(make([]byte, 7000)); err != nil {
			t.Fatal(err)
		}
		all := r.want("output", "output")
		if len(all[0].Payload) != 5000 || len(all[1].Payload) != 2000 {
			t.Errorf("payloads of %d and %d bytes", len(all[0].Payload), len(all[1].Payload))
		}
	})
}

func TestTheClientEndsTheSession(t *testing.T) {
	for _, signal := range []wire.Signal{wire.TerminateSession, wire.DisconnectToPort} {
		bubble(t, Session{}, func(t *testing.T, r *rig) {
			r.shake()
			r.send(1, wire.PayloadOutput, []byte("last"))
			r.send(2, wire.PayloadFlag, signal.AppendTo(nil))
			if got := r.readSSHD(4); got != "last" {
				t.Errorf("the port got %q", got)
			}
			if _, err := r.sshd.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the port's connection: %v", err)
			}
			<-r.done
			if r.reason != "" {
				t.Errorf("the reason is %q", r.reason)
			}
		})
	}
}

// After the end of the port's connection the agent waits for
// acknowledgements, two seconds at most.
func TestDrain(t *testing.T) {
	for name, acknowledged := range map[string]bool{"acknowledged": true, "not acknowledged": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Session{}, func(t *testing.T, r *rig) {
				r.shake()
				if _, err := r.sshd.Write([]byte("bye")); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_ = r.sshd.Close()
				time.Sleep(50 * time.Millisecond)
				all := r.want("output")
				if acknowledged {
					r.acknowledge(all[0])
				}
				<-r.done
				took := time.Since(start)
				if acknowledged && took > time.Second || !acknowledged && took != drainTimeout {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestTheGatewayEndsTheSession(t *testing.T) {
	bubble(t, Session{}, func(_ *testing.T, r *rig) {
		r.shake()
		m := wire.Message{Type: wire.TypeChannelClosed, CreatedDate: 1, Payload: []byte("{}")}
		r.up <- m.AppendTo(nil)
		<-r.done
	})
}

// FuzzAgent sends the agent messages that nobody sends; it must not panic and
// must still end.
func FuzzAgent(f *testing.F) {
	m := wire.Message{Type: wire.TypeInputStreamData, CreatedDate: 1, PayloadType: wire.PayloadHandshakeResponse, Payload: []byte(`{}`)}
	f.Add(m.AppendTo(nil))
	m.PayloadType = wire.PayloadFlag
	f.Add(m.AppendTo(nil))
	m.Type = wire.TypeAcknowledge
	f.Add(m.AppendTo(nil))
	f.Fuzz(func(t *testing.T, frame []byte) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Session{})
			close(r.dialed)
			r.up <- frame
			r.respond(0, wire.ActionSuccess)
			r.up <- bytes.Clone(frame)
			r.received()
		})
	})
}
