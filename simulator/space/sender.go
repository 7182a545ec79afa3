package space

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// sender numbers and repairs what the agent sends.
type sender struct {
	channel Channel

	mu      sync.Mutex
	next    int64
	unacked []unacked
	paused  bool
	started chan struct{} // closed when paused ends
	drained chan struct{} // holds one token when unacked became empty

	srtt, rttvar, rto time.Duration
}

// unacked is a message that the client has not acknowledged.
type unacked struct {
	sequence int64
	frame    []byte
	sent     time.Time
}

// The agent's repair, by its published source: every tick it looks at the
// oldest message alone.
const (
	repairTick = 100 * time.Millisecond
	firstSRTT  = 100 * time.Millisecond
	firstRTO   = 200 * time.Millisecond
	maxRTO     = time.Second
	minSpread  = 10 * time.Millisecond
)

func (s *sender) init(channel Channel) {
	s.channel = channel
	s.started = make(chan struct{})
	close(s.started)
	s.drained = make(chan struct{}, 1)
	s.srtt, s.rto = firstSRTT, firstRTO
}

// send sends one stream message, which is only listed while the channel is
// paused. It copies payload. Called by two goroutines, as AWS's agent does for a
// forwarded port, messages may leave out of their order.
func (s *sender) send(ctx context.Context, kind wire.PayloadType, payload []byte) error {
	s.mu.Lock()
	sequence, paused := s.next, s.paused
	s.next++
	s.mu.Unlock()
	m := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: now(), SequenceNumber: sequence, ID: newID(), PayloadType: kind, Payload: payload}
	if sequence == 0 {
		m.Flags = wire.FlagSYN
	}
	frame := m.AppendTo(make([]byte, 0, wire.HeaderSize+len(payload)))
	if !paused {
		if err := s.channel.Send(ctx, frame); err != nil {
			return err
		}
	}
	// Listed after it was sent: an acknowledgement that is quicker than this
	// finds nothing, and the message is sent again for nothing.
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unacked) < maxUnacked {
		s.unacked = append(s.unacked, unacked{sequence, frame, time.Now()})
	}
	return nil
}

// acknowledged takes one message, exactly the one named, from the list.
func (s *sender) acknowledged(sequence int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.unacked, func(u unacked) bool { return u.sequence == sequence })
	if i < 0 {
		return
	}
	// No rule against samples of repeated messages here, as in AWS's agent.
	sample := time.Since(s.unacked[i].sent)
	s.rttvar = (3*s.rttvar + (s.srtt - sample).Abs()) / 4
	s.srtt = (7*s.srtt + sample) / 8
	s.rto = min(maxRTO, s.srtt+max(minSpread, 4*s.rttvar))
	s.unacked = slices.Delete(s.unacked, i, i+1)
	if len(s.unacked) == 0 {
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
}

// repair sends the oldest unacknowledged message again when it is late, until
// ctx is done.
func (s *sender) repair(ctx context.Context) {
	tick := time.NewTicker(repairTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if frame := s.late(); frame != nil && s.channel.Send(ctx, frame) != nil {
			return
		}
	}
}

// late returns the oldest message if it has to be sent again.
func (s *sender) late() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || len(s.unacked) == 0 || time.Since(s.unacked[0].sent) <= s.rto {
		return nil
	}
	s.unacked[0].sent = time.Now()
	return s.unacked[0].frame
}

// pause stops sending, start ends that.
func (s *sender) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused {
		s.paused = true
		s.started = make(chan struct{})
	}
}

func (s *sender) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		s.paused = false
		close(s.started)
	}
}

// waitUntilStarted returns when sending is not paused, or with ctx's cause.
func (s *sender) waitUntilStarted(ctx context.Context) error {
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	select {
	case <-started:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drain waits until everything is acknowledged, at most drainTimeout.
func (s *sender) drain(ctx context.Context) {
	limit := time.NewTimer(drainTimeout)
	defer limit.Stop()
	for {
		s.mu.Lock()
		empty := len(s.unacked) == 0
		s.mu.Unlock()
		if empty {
			return
		}
		select {
		case <-s.drained:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
