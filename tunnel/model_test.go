package tunnel

import (
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
	delay, jitter             time.Duration // jitter reorders
	dropEvery                 time.Duration // a new socket, all on its way is lost
	pauseEvery                time.Duration // pause_publication, then start 700 ms later
}

type inFlight struct {
	at    time.Time
	frame []byte
}

// path is one direction of a network.
type path struct {
	network
	random *rand.Rand
	queue  []inFlight
}

func (p *path) push(now time.Time, frame []byte) {
	if p.random.Float64() < p.loss {
		return
	}
	if p.random.Float64() < p.damage {
		// The header has no digest: its damage nobody could notice.
		frame = slices.Clone(frame)
		frame[wire.HeaderSize+p.random.IntN(len(frame)-wire.HeaderSize)] ^= 0xff
	}
	copies := 1
	if p.random.Float64() < p.duplication {
		copies = 2
	}
	for range copies {
		delay := p.delay
		if p.jitter > 0 {
			delay += upTo(p.random, p.jitter)
		}
		p.queue = append(p.queue, inFlight{now.Add(delay), frame})
	}
}

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

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

// TestBytesSurviveAnyNetwork lets the channel and a model of the agent
// exchange random bytes over networks that lose, repeat, reorder and damage
// frames and drop the socket: both ends must get exactly what the other sent.
func TestBytesSurviveAnyNetwork(t *testing.T) {
	for name, n := range map[string]network{
		"perfect":     {},
		"far":         {delay: 60 * time.Millisecond},
		"lossy":       {delay: 5 * time.Millisecond, loss: 0.1},
		"duplicating": {delay: 5 * time.Millisecond, duplication: 0.3},
		"reordering":  {delay: time.Millisecond, jitter: 30 * time.Millisecond},
		"dropping":    {delay: 10 * time.Millisecond, dropEvery: 400 * time.Millisecond},
		"pausing":     {delay: 10 * time.Millisecond, pauseEvery: 2 * time.Second},
		"everything": {delay: 10 * time.Millisecond, jitter: 20 * time.Millisecond, loss: 0.05, duplication: 0.1,
			damage: 0.02, dropEvery: 3 * time.Second, pauseEvery: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { exchange(t, n, seed) })
			}
		})
	}
}

func exchange(t *testing.T, n network, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	agent := newModelAgent(random)
	damaged := n.damage > 0
	agent.notify = func(problem string) {
		if !damaged {
			t.Error(problem)
		}
	}
	agent.banner = "SSH-2.0-model\r\n"
	agent.notReadyFor = upTo(random, 500*time.Millisecond)
	o := testOptions()
	o.EarlyResponse = seed%2 == 1
	o.PayloadSize = []int{0, 1, 0, 700}[seed%4]
	o.Profile = []Profile{ProfileSafe, ProfileSafe, ProfileLarge, ProfileAdaptive}[seed%4]
	c := newChannel(o, agent.id, clean)

	size := 60 << 10
	if o.PayloadSize == 1 {
		size = 3 << 10
	}
	upload, download := randomBytes(random, size), randomBytes(random, 40<<10)
	up, down := &path{network: n, random: random}, &path{network: n, random: random}

	now := epoch
	c.connected(now)
	agent.begin(now)
	nextDrop, nextPause, start := now.Add(n.dropEvery), now.Add(n.pauseEvery), time.Time{}
	var got []byte
	given, sentDown := 0, 0
	p := make([]byte, 8192)
	wantDown := agent.banner + string(download)
	for step := 0; len(agent.got) < len(upload) || len(got) < len(wantDown); step++ {
		if step == 200_000 || c.ended {
			t.Fatalf("after %v: up %d of %d, down %d of %d, ended %v with %v", now.Sub(epoch),
				len(agent.got), len(upload), len(got), len(wantDown), c.ended, c.err)
		}
		now = now.Add(time.Millisecond)
		given += c.give(upload[given:min(len(upload), given+random.IntN(3000))])
		if agent.ready && sentDown < len(download) {
			k := min(len(download)-sentDown, 1+random.IntN(1024))
			agent.output(now, download[sentDown:sentDown+k])
			sentDown += k
		}
		c.tick(now)
		agent.tick(now)
		for {
			f, ok := c.next(now, nil)
			if !ok {
				break
			}
			up.push(now, f)
		}
		for _, f := range up.arrived(now) {
			agent.receive(now, f)
		}
		for _, f := range agent.out {
			down.push(now, f)
		}
		agent.out = nil
		for _, f := range down.arrived(now) {
			// Damaged frames give errors, as they should.
			_ = c.receive(now, f)
		}
		if random.IntN(3) == 0 {
			got = append(got, p[:c.take(p[:random.IntN(len(p))])]...)
		}
		if n.dropEvery > 0 && now.After(nextDrop) {
			nextDrop = now.Add(n.dropEvery + upTo(random, n.dropEvery))
			up.queue, down.queue = nil, nil
			c.disconnected()
			c.connected(now)
		}
		if n.pauseEvery > 0 && now.After(nextPause) && c.phase == flowing {
			nextPause, start = now.Add(n.pauseEvery), now.Add(700*time.Millisecond)
			c.pause(now)
		}
		if !start.IsZero() && now.After(start) {
			start = time.Time{}
			c.paused = false
		}
	}
	if sum(agent.got) != sum(upload) || sum(got) != sum([]byte(wantDown)) {
		t.Error("the bytes differ")
	}
	if agent.discarded > 0 {
		t.Errorf("%d bytes came before the agent was ready", agent.discarded)
	}
	if c.out.bytes > largeLimits.window || len(c.in.early) != 0 || c.in.earlySum != 0 || c.out.lost < 0 {
		t.Errorf("the books are wrong: %d bytes on their way, %d messages of %d bytes early, %d lost",
			c.out.bytes, len(c.in.early), c.in.earlySum, c.out.lost)
	}
	if len(agent.responses) != 1 {
		t.Errorf("%d handshake responses", len(agent.responses))
	}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// FuzzChannel feeds the channel with frames from outside, some of them with
// valid numbers and digests, and lets time pass. It must not panic, and its
// books must stay right.
func FuzzChannel(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	agent := newModelAgent(random)
	agent.begin(epoch)
	agent.complete = true
	agent.tick(epoch)
	agent.output(epoch, []byte("hello"))
	var seed []byte
	for _, frame := range agent.out {
		seed = append(seed, byte(len(frame)>>8), byte(len(frame)))
		seed = append(seed, frame...)
	}
	f.Add(seed, uint16(100))
	f.Add([]byte{0, 0, 0, 40}, uint16(9000))
	f.Fuzz(func(t *testing.T, b []byte, wait uint16) {
		c := newChannel(testOptions(), newModelAgent(rand.New(rand.NewPCG(1, 1))).id, clean)
		now := epoch
		c.connected(now)
		p := make([]byte, 100)
		for len(b) >= 2 {
			n := min(int(b[0])<<8|int(b[1]), len(b)-2)
			frame := slices.Clone(b[2 : 2+n])
			b = b[2+n:]
			if m, err := wire.Decode(frame); err == nil && n%2 == 0 {
				frame = m.AppendTo(nil) // with a digest that is right
			}
			_ = c.receive(now, frame)
			now = now.Add(time.Duration(wait) * time.Millisecond)
			c.tick(now)
			c.give(p)
			for range 1000 {
				if _, ok := c.next(now, nil); !ok {
					break
				}
			}
			c.take(p[:n%len(p)])
			if n%7 == 0 {
				c.disconnected()
				c.connected(now)
			}
			c.deadline()
			sum := 0
			lost := 0
			for _, m := range c.out.sent[c.out.head:] {
				if !m.acked {
					sum += len(m.payload)
				}
				if m.lost {
					lost++
				}
			}
			early := 0
			for n, s := range c.in.early {
				early += len(s.payload)
				if n <= c.in.expected {
					t.Fatalf("message %d is kept although %d is next", n, c.in.expected)
				}
			}
			if sum != c.out.bytes || lost != c.out.lost || early != c.in.earlySum {
				t.Fatalf("books: %d/%d bytes, %d/%d lost, %d/%d early", sum, c.out.bytes, lost, c.out.lost, early, c.in.earlySum)
			}
		}
	})
}
