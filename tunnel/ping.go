package tunnel

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// Trips is how long an answer took, from two places on the way. 0 is none.
type Trips struct {
	// Gateway is a WebSocket ping to AWS's gateway and back.
	Gateway time.Duration
	// Agent is a message to the space's agent and its acknowledgement, with
	// all that it had to wait for before it could be sent: what a key stroke
	// takes, but for the SSH server.
	Agent time.Duration
}

// noSize is a terminal's size, the one kind of message that an agent
// acknowledges, in its turn and like any other, and a port session has no use
// for: nothing of it reaches the stream (amazon-ssm-agent 3.3,
// plugins/port/port_basic.go, HandleStreamMessage).
const noSize = `{"cols":80,"rows":24}`

// question is a message that is sent for its acknowledgement alone.
type question struct {
	asked    bool  // it waits to be sent, or for its answer
	sent     bool  // under sequence
	sequence int64 // its number
	answered time.Time
}

// ping is a measurement that runs.
type ping struct {
	asked   time.Time
	payload string // of the WebSocket ping
	sent    bool   // on the present socket
	trips   Trips
	done    chan struct{} // closed when both answers have come
}

// Ping measures the way to the gateway and to the agent without a byte in the
// stream. It waits for both answers or the end of ctx; one that came is in the
// result in any case. One measurement runs at a time, others wait for it.
func (t *Tunnel) Ping(ctx context.Context) (Trips, error) {
	select {
	case t.pings <- struct{}{}:
	case <-ctx.Done():
		return Trips{}, ctx.Err()
	}
	defer func() { <-t.pings }()
	id := randomID()
	p := &ping{asked: time.Now(), payload: hex.EncodeToString(id[:8]), done: make(chan struct{})}
	t.mu.Lock()
	t.pinging = p
	t.ch.ask()
	t.mu.Unlock()
	t.poke()
	var err error
	select {
	case <-p.done:
	case <-t.done:
		err = errors.New("the tunnel has ended")
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pinging = nil
	return p.trips, err
}

// heardPong takes in the answer to a WebSocket ping. It is called with the lock
// held.
func (t *Tunnel) heardPong(now time.Time, payload []byte) {
	if p := t.pinging; p != nil && p.trips.Gateway == 0 && string(payload) == p.payload {
		p.trips.Gateway = max(now.Sub(p.asked), 1)
	}
}

// lookForAnswers ends a measurement whose answers have come. It is called with
// the lock held.
func (t *Tunnel) lookForAnswers() {
	p := t.pinging
	if p == nil {
		return
	}
	if at := t.ch.question.answered; p.trips.Agent == 0 && !t.ch.question.asked && !at.Before(p.asked) {
		p.trips.Agent = max(at.Sub(p.asked), 1)
	}
	if p.trips.Gateway != 0 && p.trips.Agent != 0 {
		select {
		case <-p.done:
		default:
			close(p.done)
		}
	}
}

// ask has a message sent for its acknowledgement. The answer to an earlier one
// does not count any more.
func (c *channel) ask() {
	c.question = question{asked: true}
}

// addQuestion makes the message.
func (c *channel) addQuestion(now time.Time) (int64, *sentMessage) {
	sequence, m := c.out.add(now, c.newID(), wire.PayloadSize, []byte(noSize))
	c.question.sent, c.question.sequence = true, sequence
	return sequence, m
}

// answer takes in the acknowledgement of a message, if it is the question's.
func (q *question) answer(now time.Time, sequence int64) {
	if q.asked && q.sent && q.sequence == sequence {
		q.asked, q.answered = false, now
	}
}
