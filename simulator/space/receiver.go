package space

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// receiver is the agent's one goroutine that reads the channel: it also writes
// the TCP connection and sends the acknowledgement, so an sshd that does not
// read stops the processing of acknowledgements too.
type receiver struct {
	agent *agent
	// responses has no buffer: a response that comes early waits until the
	// agent asks, and a second one waits, and everything behind it, for ever.
	responses chan wire.HandshakeResponse

	expected int64
	ahead    map[int64]wire.Message

	mu         sync.Mutex
	handshaken bool
	conn       net.Conn // nil until dialled
}

func (r *receiver) init(a *agent) {
	r.agent = a
	r.responses = make(chan wire.HandshakeResponse)
	r.ahead = make(map[int64]wire.Message)
}

func (r *receiver) handshakeDone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handshaken = true
}

func (r *receiver) ready(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = conn
}

func (r *receiver) state() (handshaken bool, conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handshaken, r.conn
}

// run reads the channel until the session ends, and returns why.
func (r *receiver) run(ctx context.Context) error {
	for {
		frame, err := r.agent.channel.Receive(ctx)
		if err != nil {
			return err
		}
		m, err := wire.Decode(frame)
		if err != nil {
			r.agent.log.Debug("the agent drops a message", "error", err)
			continue
		}
		if err := r.message(ctx, m); err != nil {
			return err
		}
	}
}

// message handles one message; an error ends the session.
func (r *receiver) message(ctx context.Context, m wire.Message) error {
	switch m.Type {
	case wire.TypeAcknowledge:
		r.agent.out.start()
		if ack, err := wire.ParseAcknowledge(m.Payload); err == nil {
			r.agent.out.acknowledged(ack.Sequence)
		}
	case wire.TypeInputStreamData:
		r.agent.out.start() // a client that speaks is there
		return r.stream(ctx, m)
	case wire.TypePausePublication:
		r.agent.out.pause()
	case wire.TypeStartPublication:
		r.agent.out.start()
	case wire.TypeChannelClosed:
		return errClosed
	}
	return nil
}

// stream keeps the order of the client's stream messages.
func (r *receiver) stream(ctx context.Context, m wire.Message) error {
	switch {
	case m.SequenceNumber < r.expected:
		return r.acknowledge(ctx, m)
	case m.SequenceNumber > r.expected:
		if len(r.ahead) >= maxAhead {
			return nil
		}
		r.ahead[m.SequenceNumber] = m
		return r.acknowledge(ctx, m)
	}
	acknowledged := false
	for ok := true; ok; m, ok = r.ahead[r.expected] {
		taken, err := r.take(ctx, m, acknowledged)
		if err != nil || !taken {
			return err
		}
		delete(r.ahead, m.SequenceNumber)
		acknowledged = true // what was ahead was so when it came
	}
	return nil
}

// take handles the expected message and acknowledges it where that is still to
// be done. A message that is not taken is expected again.
func (r *receiver) take(ctx context.Context, m wire.Message, acknowledged bool) (taken bool, err error) {
	acknowledge := func() error {
		r.expected++
		if acknowledged {
			return nil
		}
		return r.acknowledge(ctx, m)
	}
	if m.PayloadType == wire.PayloadHandshakeResponse {
		if err := acknowledge(); err != nil {
			return false, err
		}
		return true, r.handOver(ctx, m)
	}
	handshaken, conn := r.state()
	switch {
	case !handshaken:
		return true, acknowledge() // and thrown away
	case conn == nil:
		return false, nil // refused without a word until the port is dialled
	}
	end := error(nil)
	switch m.PayloadType {
	case wire.PayloadOutput:
		if _, err := conn.Write(m.Payload); err != nil {
			// The reading side ends the session and lets the client have
			// what is still unread.
			return false, nil
		}
	case wire.PayloadFlag:
		// A multiplexed session takes no DisconnectToPort: its streams end
		// one by one.
		if signal, err := wire.ParseSignal(m.Payload); err == nil &&
			(signal == wire.TerminateSession || signal == wire.DisconnectToPort && !r.agent.session.Forward) {
			end = errTerminated
		}
	}
	return true, errors.Join(acknowledge(), end)
}

// handOver gives a handshake response to the handshake.
func (r *receiver) handOver(ctx context.Context, m wire.Message) error {
	var response wire.HandshakeResponse
	if err := json.Unmarshal(m.Payload, &response); err != nil {
		r.agent.log.Debug("a handshake response cannot be read", "error", err)
		return nil
	}
	select {
	case r.responses <- response:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *receiver) acknowledge(ctx context.Context, m wire.Message) error {
	return r.agent.channel.Send(ctx, m.Acknowledgement().AppendTo(nil, newID(), now()))
}
