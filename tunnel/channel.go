package tunnel

import (
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const (
	// inboundLimit bounds what is kept for a reader who does not read, in
	// bytes. What is on its way behind it waits in the network.
	inboundLimit = 1 << 20
	// probeEvery is how often one message is risked in a pause whose end may
	// have been lost.
	probeEvery = 5 * time.Second
	// stallAfter is how long nothing may be acknowledged before the data
	// channel is opened anew, and stallTries how often that is tried.
	stallAfter = 30 * time.Second
	stallTries = 3
	// noticesLimit bounds the texts that wait to be shown.
	noticesLimit = 16
)

// phase is how far the channel has come.
type phase int

const (
	shaking phase = iota // the handshake is not complete
	holding              // complete; client bytes wait for the agent to be ready
	flowing
)

// channel is the client's end of a data channel as a pure state machine: it
// is told of messages, bytes and the time, and says what to send and when to
// be woken. It knows no socket, goroutine or clock, survives the loss of any
// number of sockets, and is not safe for concurrent use.
type channel struct {
	o     Options
	newID func() wire.UUID
	clean func(string) string // makes a text from outside fit to show

	phase     phase
	up        bool      // there is a socket
	started   time.Time // of the first socket
	holdUntil time.Time

	in  incoming
	out outgoing

	asked    bool             // the handshake request has come
	patient  bool             // and is waited for, although it could be answered
	againAt  time.Time        // when an early response is sent again; zero: never
	answered bool             // the handshake response exists
	refusal  *problem.Problem // what the response refused
	response []byte           // the handshake response, until it is a message
	port     Port             // as the agent asked for it

	paused     bool
	pausedAt   time.Time
	probeAt    time.Time
	probes     int // messages that may go in spite of the pause
	progressAt time.Time
	stalls     int
	stalled    bool // asks for a new socket
	choked     bool // the reader was so far behind that nothing was received

	question question // of a measurement

	terminating bool // our side wants out
	terminated  bool // and has said so

	ended   bool
	over    bool     // the gateway has said so
	err     error    // why; nil where the end was normal
	notices []string // texts for the person
	heard   int64    // messages of the agent's ever received
}

// newChannel returns a channel that has no socket yet. The options must be
// complete.
func newChannel(o Options, newID func() wire.UUID, clean func(string) string) *channel {
	c := &channel{o: o, newID: newID, clean: clean}
	c.in.limit = inboundLimit
	first, most := o.limits()
	c.out.window = min(firstWindow(first), first.window)
	c.out.allow(first)
	c.out.most = most
	if o.EarlyResponse {
		c.answerEarly()
	}
	return c
}

// connected says that a new socket is open.
func (c *channel) connected(now time.Time) {
	c.up = true
	if c.started.IsZero() {
		c.started = now
	}
	c.progressAt = now
	c.stalled = false
}

// disconnected says that the socket is gone. Nothing is renegotiated with the
// next one: all that is unacknowledged goes out again under its old numbers.
func (c *channel) disconnected() {
	c.up = false
	c.paused = false
	c.patient = c.phase == shaking
	c.out.markAllLost()
}

// receive takes in one binary message. What is no message, or a damaged one,
// is dropped without an answer, so that its sender repeats it; the error says
// what was wrong with it.
func (c *channel) receive(now time.Time, frame []byte) error {
	if c.ended {
		return nil
	}
	m, err := wire.Decode(frame)
	if err != nil {
		return err
	}
	switch m.Type {
	case wire.TypePausePublication:
		c.pause(now)
		return nil
	case wire.TypeStartPublication:
		c.paused = false
		return nil
	}
	if !m.DigestValid() {
		return errDigest
	}
	if m.Type == wire.TypeOutputStreamData || m.Type == wire.TypeAcknowledge {
		c.heard++
	}
	switch m.Type {
	case wire.TypeOutputStreamData:
		if c.phase == shaking {
			// The agent speaks, so it is there to be spoken to.
			c.paused = false
		}
		c.in.receive(&m, func(kind wire.PayloadType, payload []byte) {
			c.deliver(now, kind, payload)
		})
	case wire.TypeAcknowledge:
		a, err := wire.ParseAcknowledge(m.Payload)
		if err != nil {
			return err
		}
		c.acknowledged(now, a.Sequence)
	case wire.TypeChannelClosed:
		c.closed(m.Payload)
	}
	return nil
}

// deliver acts on a stream message whose turn has come.
func (c *channel) deliver(now time.Time, kind wire.PayloadType, payload []byte) {
	switch kind {
	case wire.PayloadOutput:
		c.in.put(payload)
		if c.phase == holding && len(payload) > 0 {
			c.phase = flowing
		}
	case wire.PayloadHandshakeRequest:
		c.answer(now, payload)
	case wire.PayloadHandshakeComplete:
		c.complete(now, payload)
	case wire.PayloadFlag:
		s, err := wire.ParseSignal(payload)
		switch {
		case err != nil || s != wire.ConnectToPortError:
		case c.port.Multiplexed:
			// One connection of many; its stream ends by itself.
			c.notice("The agent could not connect to the port " + c.port.Number + ".")
		default:
			c.end(problem.New(problem.TunnelRefused,
				"The space could not be reached through the data channel: its SSH server does not answer.",
				"Look whether the space is running and remote access is on, then connect again.", nil))
		}
	case wire.PayloadError, wire.PayloadStdErr:
		c.notice(string(payload))
	}
}

// acknowledged takes in the acknowledgement of one message of ours.
func (c *channel) acknowledged(now time.Time, sequence int64) {
	sent, ok := c.out.acknowledge(now, sequence)
	if !ok {
		return
	}
	c.progressAt = now
	c.stalls = 0
	c.question.answer(now, sequence)
	// Answers to what was on its way when the pause began do not end it: the
	// gateway wants to be pushed less. That all of it has arrived does.
	if c.paused && (sent.After(c.pausedAt) || c.out.idle()) {
		c.paused = false
	}
	if c.refusal != nil && c.answered && c.response == nil && c.out.idle() {
		c.end(c.refusal)
	}
}

// pause stops the sending of stream messages.
func (c *channel) pause(now time.Time) {
	if c.paused {
		return
	}
	c.paused = true
	c.pausedAt = now
	c.probeAt = now.Add(probeEvery)
	c.probes = 0
	if c.phase == shaking {
		return // nothing was pushed yet: the agent is not there
	}
	first, _ := c.o.limits()
	c.out.halve(first)
}

// closed takes in the gateway's last word.
func (c *channel) closed(body []byte) {
	c.over = true
	reason, err := wire.ParseChannelClosed(body)
	text := c.clean(reason.Output)
	switch {
	case c.terminating:
		c.end(nil)
	case c.refusal != nil:
		c.end(c.refusal)
	case err == nil && text != "":
		c.end(problem.New(problem.TunnelRefused,
			"The session was ended from the other side: \""+text+"\".",
			"Connect again. If this repeats, look whether the space is running and remote access is on.", nil))
	case c.phase == shaking:
		c.end(problem.New(problem.TunnelRefused,
			"The session was ended from the other side before it began.",
			"Connect again. If this repeats, look whether the space is running and remote access is on.", nil))
	default:
		c.end(nil)
	}
}

// end ends the channel; the first reason counts.
func (c *channel) end(err error) {
	if c.ended {
		return
	}
	c.ended = true
	c.err = err
}

// terminate asks for the end of the session, after all that was given. An agent
// that has our answer to its handshake is told as soon as it can hear it; any
// other gives up by itself after 15 s.
func (c *channel) terminate() {
	c.terminating = true
	if c.phase == shaking && (!c.answered || c.response != nil || !c.up) {
		c.end(nil)
	}
}

// give takes bytes from a writer, as many as there is room for.
func (c *channel) give(p []byte) int {
	if c.ended || c.terminating {
		return 0
	}
	return c.out.give(p)
}

// room returns how many bytes a writer should hand over now, so that none of
// them waits here: what cannot go stays with the writer.
func (c *channel) room() int {
	switch {
	case c.ended || c.terminating:
		return 0
	case c.phase != flowing:
		return pendingLimit - c.out.waiting // the first words of either side
	case c.paused || !c.up:
		return 0
	}
	return c.out.room()
}

// take hands received bytes to the reader.
func (c *channel) take(p []byte) int { return c.in.kept.take(p) }

// choke reports whether nothing should be received until the reader has
// caught up to half of the limit.
func (c *channel) choke(now time.Time) bool {
	switch {
	case c.in.full():
		c.choked = true
	case c.choked && c.in.kept.size <= c.in.limit/2:
		c.choked = false
		// Acknowledgements could not be seen meanwhile.
		c.progressAt = now
	}
	return c.choked
}

// uploading is how many bytes on their way are more than keys and the words of
// SSH itself.
const uploading = 8 << 10

// hurried reports whether somebody waits for what comes: acknowledgements, and
// in them the far end's leave to send more, which may hold an upload back that
// is nowhere near our own window.
func (c *channel) hurried() bool {
	return c.phase != flowing || c.out.limited || c.out.bytes > uploading
}

// next appends the next message to send to dst; ok is false where there is
// none now.
func (c *channel) next(now time.Time, dst []byte) (_ []byte, ok bool) {
	if !c.up {
		return dst, false
	}
	if a, ok := c.in.nextAck(); ok {
		return a.AppendTo(dst, c.newID(), uint64(now.UnixMilli())), true
	}
	if c.ended {
		return dst, false
	}
	sequence, m, ok := c.nextStream(now)
	if !ok {
		return dst, false
	}
	message := wire.Message{
		Type: wire.TypeInputStreamData, CreatedDate: m.created, SequenceNumber: sequence,
		ID: m.id, PayloadType: m.kind, Payload: m.payload,
	}
	return message.AppendTo(dst), true
}

// nextStream chooses the stream message to send now.
func (c *channel) nextStream(now time.Time) (sequence int64, m *sentMessage, ok bool) {
	if c.paused {
		if c.probes == 0 {
			return 0, nil, false
		}
		c.probes = 0
		if !c.out.idle() {
			return c.out.resend(now, c.out.head)
		}
	}
	if c.early() {
		return 0, nil, false
	}
	if sequence, m, ok = c.out.takeLost(now); ok {
		return sequence, m, ok
	}
	if c.out.idle() {
		c.progressAt = now
	}
	switch {
	case c.response != nil:
		sequence, m = c.out.add(now, c.newID(), wire.PayloadHandshakeResponse, c.response)
		c.response = nil
	case c.phase != flowing:
		return 0, nil, false
	case c.question.asked && !c.question.sent:
		sequence, m = c.addQuestion(now) // small: it does not wait for the window
	case c.out.roomForChunk(now):
		sequence, m = c.out.addChunk(now, c.newID())
	case c.terminating && !c.terminated && c.out.waiting == 0:
		c.terminated = true
		sequence, m = c.out.add(now, c.newID(), wire.PayloadFlag, wire.TerminateSession.AppendTo(nil))
	default:
		return 0, nil, false
	}
	return sequence, m, true
}

// deadline returns when tick has to be called next; zero for never.
func (c *channel) deadline() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if c.ended || !c.up {
		return at
	}
	switch c.phase {
	case shaking:
		sooner(c.started.Add(c.o.HandshakeTimeout))
		sooner(c.againAt)
	case holding:
		sooner(c.holdUntil)
	}
	if c.phase == flowing && !c.paused {
		sooner(c.out.pacedUntil())
	}
	switch {
	case c.paused:
		sooner(c.probeAt)
		sooner(c.pausedAt.Add(c.o.PauseLimit))
	case !c.choked && !c.out.idle():
		sooner(c.out.timeoutAt())
		sooner(c.progressAt.Add(stallAfter))
	}
	return at
}

// waitsSince returns since when something that was sent waits for its
// acknowledgement, while that is to be expected; zero otherwise.
func (c *channel) waitsSince() time.Time {
	if c.ended || !c.up || c.paused || c.choked || c.out.idle() {
		return time.Time{}
	}
	return c.progressAt
}

// tick lets time have its effect.
func (c *channel) tick(now time.Time) {
	if c.ended || !c.up {
		return
	}
	reached := func(t time.Time) bool { return !now.Before(t) }
	if c.phase == shaking && reached(c.started.Add(c.o.HandshakeTimeout)) {
		c.handshakeTimedOut()
		return
	}
	if !c.againAt.IsZero() && reached(c.againAt) {
		c.repeatEarly()
	}
	if c.phase == holding && reached(c.holdUntil) {
		c.phase = flowing
	}
	switch {
	case c.paused:
		c.progressAt = now
		if reached(c.pausedAt.Add(c.o.PauseLimit)) {
			c.end(problem.New(problem.TunnelRefused,
				"AWS asked for a pause on the data channel and did not end it within "+c.o.PauseLimit.String()+".",
				"Connect again; if this happens with large uploads, make the tunnel's window smaller.", nil))
		} else if reached(c.probeAt) {
			c.probes = 1
			c.probeAt = now.Add(probeEvery)
		}
	case !c.choked:
		c.out.expire(now)
		if !c.out.idle() && reached(c.progressAt.Add(stallAfter)) {
			c.stall(now)
		}
	}
}

// stall deals with an agent that acknowledges nothing although the gateway is
// there: ask for a new socket, in the end give up.
func (c *channel) stall(now time.Time) {
	c.progressAt = now
	c.stalls++
	c.stalled = true
	if c.stalls > stallTries {
		c.end(problem.New(problem.Unreachable,
			"The space has stopped answering, although AWS can be reached.",
			"Look in Studio whether the space is still running, then connect again.", nil))
	}
}

// notice keeps a text for the person.
func (c *channel) notice(text string) {
	text = c.clean(text)
	if text != "" && len(c.notices) < noticesLimit {
		c.notices = append(c.notices, text)
	}
}
