package tunnel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// modelAgent is the agent's end of a data channel as AWS's agent plays it,
// its weaknesses included: what comes before the handshake is complete is
// acknowledged and discarded, what comes before its port is ready is refused,
// and only the oldest message is ever sent again. It is pure.
type modelAgent struct {
	random *rand.Rand
	notify func(problem string) // breaches of the protocol by the client

	request      any           // the handshake request's requested actions
	version      string        // of the agent, 3.3.0.0 where empty
	notReadyFor  time.Duration // after the handshake
	banner       string        // sent when the port is ready
	message      string        // the handshake's CustomerMessage
	withholdAcks bool

	began     bool
	complete  bool
	readyAt   time.Time
	ready     bool
	responses []wire.HandshakeResponse
	expected  int64
	early     map[int64]wire.Message
	got       []byte // Output that reached the port
	discarded int    // bytes that were acknowledged and thrown away
	signals   []wire.Signal
	sizes     int
	acked     map[int64]int

	sequence int64
	unacked  []*agentMessage
	out      [][]byte // frames to send
}

type agentMessage struct {
	sequence int64
	frame    []byte
	last     time.Time
}

var portRequest = []wire.RequestedClientAction{{
	ActionType:       wire.ActionSessionType,
	ActionParameters: json.RawMessage(`{"SessionType":"Port","Properties":{"portNumber":"22"}}`),
}}

func newModelAgent(random *rand.Rand) *modelAgent {
	return &modelAgent{
		random: random, request: portRequest, early: map[int64]wire.Message{}, acked: map[int64]int{},
		notify: func(problem string) { panic(problem) },
	}
}

func (a *modelAgent) id() wire.UUID { return wire.RandomUUID(a.random.Uint64(), a.random.Uint64()) }

// begin sends the handshake request, once.
func (a *modelAgent) begin(now time.Time) {
	if a.began {
		return
	}
	a.began = true
	a.send(now, wire.PayloadHandshakeRequest, mustMarshal(map[string]any{
		"AgentVersion": cmp.Or(a.version, "3.3.0.0"), "RequestedClientActions": a.request,
	}))
}

// send sends a stream message.
func (a *modelAgent) send(now time.Time, kind wire.PayloadType, payload []byte) {
	m := wire.Message{
		Type: wire.TypeOutputStreamData, CreatedDate: uint64(now.UnixMilli()), SequenceNumber: a.sequence,
		ID: a.id(), PayloadType: kind, Payload: payload,
	}
	frame := m.AppendTo(nil)
	a.unacked = append(a.unacked, &agentMessage{a.sequence, frame, now})
	a.out = append(a.out, frame)
	a.sequence++
}

// output sends bytes as the port plugin does, in messages of at most 1 KiB.
func (a *modelAgent) output(now time.Time, p []byte) {
	for len(p) > 0 {
		n := min(len(p), 1024)
		a.send(now, wire.PayloadOutput, p[:n])
		p = p[n:]
	}
}

// service sends a message of the gateway.
func (a *modelAgent) service(now time.Time, kind wire.MessageType, payload []byte) {
	m := wire.Message{Type: kind, CreatedDate: uint64(now.UnixMilli()), ID: a.id(), Payload: payload}
	a.out = append(a.out, m.AppendTo(nil))
}

func (a *modelAgent) close(now time.Time, output string) {
	a.service(now, wire.TypeChannelClosed, mustMarshal(wire.ChannelClosed{MessageType: "channel_closed", SchemaVersion: 1, Output: output}))
}

// receive takes in a frame of the client.
func (a *modelAgent) receive(now time.Time, frame []byte) {
	m, err := wire.Decode(frame)
	if err != nil {
		a.notify("not a message: " + err.Error())
		return
	}
	m.Payload = append([]byte(nil), m.Payload...)
	switch m.Type {
	case wire.TypeAcknowledge:
		ack, err := wire.ParseAcknowledge(m.Payload)
		if !m.DigestValid() {
			a.notify("an acknowledgement with a wrong digest")
			return
		}
		if err != nil || ack.Type != wire.TypeOutputStreamData || m.Flags != 3 {
			a.notify(fmt.Sprintf("odd acknowledgement %s %v", m.Payload, err))
			return
		}
		a.acked[ack.Sequence]++
		for i, u := range a.unacked {
			if u.sequence == ack.Sequence {
				a.unacked = append(a.unacked[:i], a.unacked[i+1:]...)
				break
			}
		}
	case wire.TypeInputStreamData:
		if !m.DigestValid() {
			// AWS's agent would take it; a network that damages messages
			// silently does not exist, the test's does.
			a.notify("a stream message with a wrong digest")
			return
		}
		if m.Flags != 0 {
			a.notify("a stream message with flags")
		}
		a.stream(now, m)
	default:
		a.notify("the client sent " + string(m.Type))
	}
}

func (a *modelAgent) stream(now time.Time, m wire.Message) {
	switch {
	case m.SequenceNumber < a.expected:
		a.acknowledge(now, m)
	case m.SequenceNumber == a.expected:
		if !a.accept(now, m) {
			return
		}
		for {
			next, ok := a.early[a.expected]
			if !ok || !a.accept(now, next) {
				return
			}
			delete(a.early, next.SequenceNumber)
		}
	default:
		a.early[m.SequenceNumber] = m
		a.acknowledge(now, m)
	}
}

// accept processes the message whose turn it is; false means that it stays.
func (a *modelAgent) accept(now time.Time, m wire.Message) bool {
	switch m.PayloadType {
	case wire.PayloadHandshakeResponse:
		a.acknowledge(now, m)
		var r wire.HandshakeResponse
		if err := json.Unmarshal(m.Payload, &r); err != nil {
			a.notify("the handshake response is no JSON: " + err.Error())
		}
		a.responses = append(a.responses, r)
		if len(a.responses) > 1 {
			a.notify("a second handshake response under a new number hangs the agent")
		}
		for _, p := range r.ProcessedClientActions {
			if p.ActionStatus != wire.ActionSuccess {
				a.expected++
				return true
			}
		}
		a.complete = true
		a.readyAt = now.Add(a.notReadyFor)
		a.send(now, wire.PayloadHandshakeComplete, mustMarshal(wire.HandshakeComplete{CustomerMessage: a.message}))
	case wire.PayloadOutput:
		switch {
		case !a.complete:
			a.discarded += len(m.Payload)
		case !a.ready:
			return false
		default:
			a.got = append(a.got, m.Payload...)
		}
		a.acknowledge(now, m)
	case wire.PayloadSize:
		// A port session acknowledges it and has no use for it.
		a.sizes++
		a.acknowledge(now, m)
	case wire.PayloadFlag:
		s, err := wire.ParseSignal(m.Payload)
		if err != nil {
			a.notify(err.Error())
		}
		a.signals = append(a.signals, s)
		a.acknowledge(now, m)
		a.close(now, "")
	default:
		a.notify(fmt.Sprintf("the client sent payload type %d", m.PayloadType))
	}
	a.expected++
	return true
}

func (a *modelAgent) acknowledge(now time.Time, m wire.Message) {
	if !a.withholdAcks {
		a.out = append(a.out, m.Acknowledgement().AppendTo(nil, a.id(), uint64(now.UnixMilli())))
	}
}

// tick opens the port and sends the oldest message again.
func (a *modelAgent) tick(now time.Time) {
	a.openPort(now)
	if len(a.unacked) > 0 && now.Sub(a.unacked[0].last) >= 200*time.Millisecond {
		a.unacked[0].last = now
		a.out = append(a.out, a.unacked[0].frame)
	}
}

// openPort makes the port ready if it is time.
func (a *modelAgent) openPort(now time.Time) {
	if a.complete && !a.ready && !now.Before(a.readyAt) {
		a.ready = true
		a.output(now, []byte(a.banner))
	}
}

func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
