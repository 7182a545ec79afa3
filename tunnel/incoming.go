package tunnel

import (
	"bytes"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const (
	// stashCount and stashBytes bound what is kept of messages that came
	// before their predecessors.
	stashCount = 10000
	stashBytes = 4 << 20
	// acksLimit bounds the acknowledgements that wait to be sent. One that is
	// dropped is asked for again: its message comes a second time.
	acksLimit = 8192
)

// stashed is a message that came before its predecessors.
type stashed struct {
	kind    wire.PayloadType
	payload []byte
}

// incoming is the agent's half of the stream: the order of its messages, the
// answers to them, and the bytes that wait for a reader.
type incoming struct {
	limit    int // bytes kept for the reader before messages are refused
	expected int64
	early    map[int64]stashed
	earlySum int // payload bytes in early

	kept  queue // for the reader
	taken int64 // bytes ever put into kept

	acks    []wire.Acknowledge // to be sent, from ackHead on
	ackHead int
}

// full reports whether the reader is so far behind that nothing more should
// be taken from the socket.
func (in *incoming) full() bool { return in.kept.size >= in.limit }

// receive takes in one stream message and acknowledges it if it was kept, now
// or before. deliver is called with what has its turn, in order.
func (in *incoming) receive(m *wire.Message, deliver func(wire.PayloadType, []byte)) {
	switch n := m.SequenceNumber; {
	case n < in.expected:
		// The first acknowledgement may have been lost.
		in.acknowledge(m)
	case n == in.expected:
		if m.PayloadType == wire.PayloadOutput && in.full() {
			return
		}
		in.acknowledge(m)
		in.expected++
		deliver(m.PayloadType, m.Payload)
		in.deliverEarly(deliver)
	default:
		if _, have := in.early[n]; !have && !in.keep(m) {
			return
		}
		in.acknowledge(m)
	}
}

// keep puts a copy of m aside, if there is room.
func (in *incoming) keep(m *wire.Message) bool {
	if len(in.early) >= stashCount || in.earlySum+len(m.Payload) > stashBytes {
		return false
	}
	if in.early == nil {
		in.early = make(map[int64]stashed)
	}
	in.early[m.SequenceNumber] = stashed{m.PayloadType, bytes.Clone(m.Payload)}
	in.earlySum += len(m.Payload)
	return true
}

// deliverEarly delivers what was put aside and has its turn now. It is
// acknowledged already, so the reader's limit does not hold for it.
func (in *incoming) deliverEarly(deliver func(wire.PayloadType, []byte)) {
	for len(in.early) > 0 {
		s, have := in.early[in.expected]
		if !have {
			return
		}
		delete(in.early, in.expected)
		in.earlySum -= len(s.payload)
		in.expected++
		deliver(s.kind, s.payload)
	}
}

func (in *incoming) acknowledge(m *wire.Message) {
	if len(in.acks)-in.ackHead >= acksLimit {
		return
	}
	if in.ackHead >= 1024 && in.ackHead > len(in.acks)/2 {
		in.acks = in.acks[:copy(in.acks, in.acks[in.ackHead:])]
		in.ackHead = 0
	}
	in.acks = append(in.acks, m.Acknowledgement())
}

// nextAck returns the next acknowledgement to send.
func (in *incoming) nextAck() (wire.Acknowledge, bool) {
	if in.ackHead == len(in.acks) {
		in.acks, in.ackHead = in.acks[:0], 0
		return wire.Acknowledge{}, false
	}
	a := in.acks[in.ackHead]
	in.ackHead++
	return a, true
}

// put keeps output for the reader.
func (in *incoming) put(p []byte) {
	in.taken += int64(len(p))
	in.kept.put(p)
}
