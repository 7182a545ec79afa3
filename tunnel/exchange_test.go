package tunnel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// network is what a simulated path does to frames.
type network struct {
	loss, duplication, damage float64
	ackLoss                   float64       // of acknowledgements alone
	delay, jitter             time.Duration // jitter reorders
	ackDelay                  time.Duration // of acknowledgements alone, up to that
	overtaking                float64       // how many frames wait until others have gone by
	span                      int           // how many others, at most
	mangling                  float64       // how many frames to the client are no such frames any more
	dropEvery                 time.Duration // a new socket, all on its way is lost
	pauseEvery                time.Duration // pause_publication, then start 700 ms later
	size                      int           // bytes each way; 0 is few
}

type inFlight struct {
	at    time.Time
	frame []byte
}

// overtaken is a frame that others go by.
type overtaken struct {
	left  int
	frame []byte
}

// path is one direction of a network.
type path struct {
	network
	toClient bool
	random   *rand.Rand
	queue    []inFlight
	held     []overtaken
}

func (p *path) push(now time.Time, frame []byte) {
	for i := range p.held {
		p.held[i].left--
	}
	p.held = slices.DeleteFunc(p.held, func(o overtaken) bool {
		if o.left <= 0 {
			p.send(now, o.frame)
		}
		return o.left <= 0
	})
	chance := func(f float64) bool { return f > 0 && p.random.Float64() < f }
	switch {
	case chance(p.loss), isAcknowledgement(frame) && chance(p.ackLoss):
		return
	case chance(p.overtaking):
		p.held = append(p.held, overtaken{1 + p.random.IntN(p.span), frame})
		return
	case chance(p.damage):
		// The header has no digest: its damage nobody could notice.
		frame = slices.Clone(frame)
		frame[wire.HeaderSize+p.random.IntN(len(frame)-wire.HeaderSize)] ^= 0xff
	case p.toClient && chance(p.mangling):
		frame = mangle(frame, p.random)
	}
	p.send(now, frame)
	if chance(p.duplication) {
		p.send(now, frame)
	}
}

func (p *path) send(now time.Time, frame []byte) {
	delay := p.delay + upTo(p.random, p.jitter)
	if isAcknowledgement(frame) {
		delay += upTo(p.random, p.ackDelay)
	}
	p.queue = append(p.queue, inFlight{now.Add(delay), frame})
}

func isAcknowledgement(frame []byte) bool {
	m, err := wire.Decode(frame)
	return err == nil && m.Type == wire.TypeAcknowledge
}

// mangle returns something that is not the frame, in one of the ways in which
// bytes can fail to be a message, or be one of another kind.
func mangle(frame []byte, random *rand.Rand) []byte {
	bad := slices.Clone(frame)
	switch random.IntN(9) {
	case 0:
		return bad[:random.IntN(len(bad))]
	case 1:
		return nil
	case 2:
		return make([]byte, 1<<20) // nothing, as long as any message may be
	case 3:
		copy(bad[4:36], fmt.Sprintf("%-32s", "strange_message"))
	case 4:
		binary.BigEndian.PutUint32(bad, random.Uint32())
	case 5:
		binary.BigEndian.PutUint32(bad[wire.HeaderSize-4:], random.Uint32())
	case 6:
		bad[80+random.IntN(32)] ^= 1 // the digest
	case 7:
		return append(bad, "and more"...)
	case 8:
		// A whole message of a kind that nobody sends.
		m := wire.Message{
			Type: wire.TypeOutputStreamData, CreatedDate: 1, SequenceNumber: -1 - random.Int64N(1<<40),
			PayloadType: wire.PayloadType(random.Uint32()), Payload: []byte("strange"),
		}
		return m.AppendTo(nil)
	}
	return bad
}

func upTo(r *rand.Rand, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(d)))
}

// arrived takes out what has arrived.
func (p *path) arrived(now time.Time) [][]byte {
	var frames [][]byte
	rest := p.queue[:0]
	for _, f := range p.queue {
		if f.at.After(now) {
			rest = append(rest, f)
		} else {
			frames = append(frames, f.frame)
		}
	}
	p.queue = rest
	return frames
}

// exchange is a channel and a model of the agent that send each other bytes.
type exchange struct {
	random           *rand.Rand
	now              time.Time
	c                *channel
	agent            *modelAgent
	up, down         *path
	upload, download []byte // the download with the banner
	given, sent      int    // of them
	checked          int    // of what the agent has got
	got              int    // of the download
	buffer           []byte
	wrong            func(format string, args ...any)

	reading bool // the reader takes what has come
	silent  bool // nothing arrives
}

// newExchange begins one with a network that may be changed at any time.
func newExchange(seed uint64, n network, o Options, upload, download int, wrong func(format string, args ...any)) *exchange {
	random := rand.New(rand.NewPCG(seed, 7))
	agent := newModelAgent(random)
	agent.banner = "SSH-2.0-model\r\n"
	agent.notReadyFor = upTo(random, 500*time.Millisecond)
	x := &exchange{
		random: random, now: epoch, agent: agent, c: newChannel(o, agent.id, clean),
		up: &path{network: n, random: random}, down: &path{network: n, random: random, toClient: true},
		upload: randomBytes(random, upload), buffer: make([]byte, 8192), wrong: wrong, reading: true,
	}
	x.download = append([]byte(agent.banner), randomBytes(random, download)...)
	x.sent = len(agent.banner)
	agent.notify = func(problem string) {
		if x.up.damage == 0 {
			wrong("%s", problem)
		}
	}
	x.c.connected(x.now)
	agent.begin(x.now)
	return x
}

// complete reports whether all bytes have arrived.
func (x *exchange) complete() bool { return x.checked == len(x.upload) && x.got == len(x.download) }

// step lets a millisecond pass.
func (x *exchange) step() {
	x.now = x.now.Add(time.Millisecond)
	c, agent := x.c, x.agent
	x.given += c.give(x.upload[x.given:min(len(x.upload), x.given+x.random.IntN(3000))])
	if agent.ready && x.sent < len(x.download) {
		k := min(len(x.download)-x.sent, 1+x.random.IntN(1024))
		agent.output(x.now, x.download[x.sent:x.sent+k])
		x.sent += k
	}
	c.tick(x.now)
	agent.tick(x.now)
	for {
		f, ok := c.next(x.now, nil)
		if !ok {
			break
		}
		x.up.push(x.now, f)
	}
	if !x.silent {
		for _, f := range x.up.arrived(x.now) {
			agent.receive(x.now, f)
		}
	}
	for _, f := range agent.out {
		x.down.push(x.now, f)
	}
	agent.out = nil
	if !x.silent && !c.choke(x.now) {
		for _, f := range x.down.arrived(x.now) {
			// Damaged frames give errors, as they should.
			_ = c.receive(x.now, f)
		}
	}
	if x.reading && x.random.IntN(3) == 0 {
		x.read(c.take(x.buffer[:x.random.IntN(len(x.buffer))]))
	}
	x.check()
}

// read holds bytes that were read against those that were sent.
func (x *exchange) read(n int) {
	if x.got+n > len(x.download) || !bytes.Equal(x.buffer[:n], x.download[x.got:x.got+n]) {
		x.wrong("after %v: read something else at %d", x.now.Sub(epoch), x.got)
		return
	}
	x.got += n
}

// check holds what the agent has got against what was given, and looks at the
// books and at what is kept.
func (x *exchange) check() {
	got := x.agent.got
	if len(got) > len(x.upload) || !bytes.Equal(got[x.checked:], x.upload[x.checked:len(got)]) {
		x.wrong("after %v: the agent got something else at %d", x.now.Sub(epoch), x.checked)
		return
	}
	x.checked = len(got)
	c := x.c
	if c.in.kept.size > inboundLimit+stashBytes+messageLimit || c.in.earlySum > stashBytes || len(c.in.early) > stashCount ||
		len(c.in.acks)-c.in.ackHead > acksLimit || len(c.out.sent)-c.out.head > spanLimit+4 || c.out.waiting > pendingLimit ||
		len(c.notices) > noticesLimit || c.out.bytes > largeLimits.window+maxPayloadSize {
		x.wrong("after %v too much is kept: %d for the reader, %d of %d bytes early, %d acknowledgements, %d messages of %d bytes on their way",
			x.now.Sub(epoch), c.in.kept.size, len(c.in.early), c.in.earlySum, len(c.in.acks)-c.in.ackHead, len(c.out.sent)-c.out.head, c.out.bytes)
	}
	if c.out.lost < 0 || x.agent.discarded > 0 || len(x.agent.responses) > 1 {
		x.wrong("the books are wrong: %d lost, %d bytes before the agent was ready, %d responses",
			c.out.lost, x.agent.discarded, len(x.agent.responses))
	}
}

// replaceSocket loses the socket and all that is on its way.
func (x *exchange) replaceSocket() {
	x.up.queue, x.down.queue, x.up.held, x.down.held = nil, nil, nil, nil
	x.c.disconnected()
	x.c.connected(x.now)
}

// TestBytesSurviveAnyNetwork lets the channel and a model of the agent
// exchange random bytes over networks that lose, repeat, reorder and damage
// frames and drop the socket: both ends must get exactly what the other sent.
func TestBytesSurviveAnyNetwork(t *testing.T) {
	for name, n := range map[string]network{
		"perfect":               {},
		"far":                   {delay: 60 * time.Millisecond},
		"lossy":                 {delay: 5 * time.Millisecond, loss: 0.1},
		"duplicating":           {delay: 5 * time.Millisecond, duplication: 0.3},
		"reordering":            {delay: time.Millisecond, jitter: 30 * time.Millisecond},
		"overtaken by 1000":     {overtaking: 0.005, span: 1000, size: 3 << 20},
		"acknowledgements lost": {delay: 5 * time.Millisecond, ackLoss: 0.3},
		"acknowledgements late": {delay: 5 * time.Millisecond, ackDelay: 2 * time.Second},
		"mangling":              {delay: 5 * time.Millisecond, mangling: 0.1},
		"dropping":              {delay: 10 * time.Millisecond, dropEvery: 400 * time.Millisecond},
		"pausing":               {delay: 10 * time.Millisecond, pauseEvery: 2 * time.Second},
		"everything": {delay: 10 * time.Millisecond, jitter: 20 * time.Millisecond, loss: 0.05, duplication: 0.1, ackLoss: 0.1,
			ackDelay: 200 * time.Millisecond, overtaking: 0.01, span: 1000, damage: 0.02, mangling: 0.02,
			dropEvery: 3 * time.Second, pauseEvery: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { survive(t, n, seed) })
			}
		})
	}
}

func survive(t *testing.T, n network, seed uint64) {
	o := testOptions()
	o.EarlyResponse = seed%2 == 1
	o.PayloadSize = []int{0, 1, 0, 700}[seed%4]
	o.Profile = []Profile{ProfileSafe, ProfileSafe, ProfileLarge, ProfileAdaptive}[seed%4]
	size := 60 << 10
	if n.size != 0 {
		size = n.size
	}
	if o.PayloadSize == 1 {
		size = 3 << 10
	}
	x := newExchange(seed, n, o, size, max(40<<10, n.size), t.Fatalf)
	nextDrop, nextPause, start := x.now.Add(n.dropEvery), x.now.Add(n.pauseEvery), time.Time{}
	for step := 0; !x.complete(); step++ {
		if step == 200_000 || x.c.ended {
			t.Fatalf("after %v: up %d of %d, down %d of %d, ended %v with %v", x.now.Sub(epoch),
				x.checked, len(x.upload), x.got, len(x.download), x.c.ended, x.c.err)
		}
		x.step()
		if n.dropEvery > 0 && x.now.After(nextDrop) {
			nextDrop = x.now.Add(n.dropEvery + upTo(x.random, n.dropEvery))
			x.replaceSocket()
		}
		if n.pauseEvery > 0 && x.now.After(nextPause) && x.c.phase == flowing {
			nextPause, start = x.now.Add(n.pauseEvery), x.now.Add(700*time.Millisecond)
			x.c.pause(x.now)
		}
		if !start.IsZero() && x.now.After(start) {
			start = time.Time{}
			x.c.paused = false
		}
	}
	if sum(x.agent.got) != sum(x.upload) {
		t.Error("the sum at the far end is another one")
	}
	if len(x.c.in.early) != 0 || x.c.in.earlySum != 0 || len(x.agent.responses) != 1 {
		t.Errorf("%d messages of %d bytes are early, %d handshake responses", len(x.c.in.early), x.c.in.earlySum, len(x.agent.responses))
	}
}

// what a script can do to an exchange, each for a while.
var mishaps = []func(x *exchange){
	func(x *exchange) { x.up.network, x.down.network = network{}, network{} },
	func(x *exchange) { x.up.loss = 0.3 },
	func(x *exchange) { x.down.loss = 0.3 },
	func(x *exchange) { x.up.duplication, x.down.duplication = 0.5, 0.5 },
	func(x *exchange) { x.up.jitter, x.down.jitter = 80*time.Millisecond, 80*time.Millisecond },
	func(x *exchange) { x.down.ackDelay = 2 * time.Second },
	func(x *exchange) { x.up.ackLoss, x.down.ackLoss = 0.8, 0.8 },
	func(x *exchange) { x.down.mangling = 0.5 },
	func(x *exchange) { x.down.overtaking, x.down.span = 0.2, 1000 },
	func(x *exchange) { x.up.overtaking, x.up.span = 0.2, 1000 },
	func(x *exchange) { x.replaceSocket() },
	func(x *exchange) { x.c.disconnected() },
	func(x *exchange) {
		if !x.c.up {
			x.c.connected(x.now)
		}
	},
	func(x *exchange) { x.agent.service(x.now, wire.TypePausePublication, nil) },
	func(x *exchange) { x.agent.service(x.now, wire.TypeStartPublication, nil) },
	func(x *exchange) { x.silent = !x.silent },
	func(x *exchange) { x.reading = !x.reading },
	func(x *exchange) { x.now = x.now.Add(7 * time.Second) }, // the process was stopped
	func(x *exchange) { x.c.ask() },
	func(x *exchange) { x.agent.withholdAcks = !x.agent.withholdAcks },
	func(x *exchange) { x.c.terminate() },
	func(x *exchange) { x.agent.close(x.now, "enough") },
}

// FuzzExchange walks the whole state machine beside the model of the agent: a
// script of mishaps, and then a network without any. No byte is ever wrong,
// what is kept stays bounded, and in the end all has arrived or there is a
// reason why not.
func FuzzExchange(f *testing.F) {
	f.Add(uint64(1), uint8(0), []byte{})
	for i := range mishaps {
		f.Add(uint64(i), uint8(i), []byte{byte(i), byte(i + 1), 0})
	}
	f.Add(uint64(9), uint8(3), []byte{1, 10, 2, 10, 15, 10, 15, 13, 10, 14, 7, 8, 0})
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8, script []byte) {
		o := testOptions()
		o.EarlyResponse = kind&1 != 0
		o.PayloadSize = []int{0, 1, 700, 0}[kind>>1&3]
		o.Profile = []Profile{ProfileSafe, ProfileLarge, ProfileAdaptive}[int(kind>>3)%3]
		x := newExchange(seed, network{}, o, 6<<10, 6<<10, t.Fatalf)
		asked := false // for the end
		for _, b := range script[:min(len(script), 48)] {
			mishaps[int(b)%len(mishaps)](x)
			asked = asked || x.c.terminating
			for range 1 + int(b)/len(mishaps)*9 {
				x.step()
			}
		}
		x.up.network, x.down.network, x.silent, x.reading, x.agent.withholdAcks = network{}, network{}, false, true, false
		if !x.c.up {
			x.c.connected(x.now)
		}
		// A pause whose end was lost ends by a probe, a lost message of the
		// agent's comes again after 200 ms: one after the other. Whoever has asked
		// for the end and been heard waits for the gateway's last word no longer
		// than CloseTimeout, should that be lost.
		heard := func() bool { return x.c.terminated && x.c.out.idle() }
		for step := 0; !x.c.ended && !heard() && !(x.complete() && !asked); step++ {
			if step == 120_000 {
				t.Fatalf("nothing comes to an end: up %d of %d, down %d of %d, state %s, phase %d, paused %v, %d on their way, terminating %v, heard %v",
					x.checked, len(x.upload), x.got, len(x.download), x.c.state(), x.c.phase, x.c.paused, x.c.out.bytes, x.c.terminating, x.c.terminated)
			}
			if x.c.stalled {
				x.replaceSocket()
			}
			x.step()
		}
		if x.c.ended && x.c.err == nil && !asked && !x.c.over {
			t.Fatal("ended without a reason")
		}
	})
}
