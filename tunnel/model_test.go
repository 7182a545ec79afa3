package tunnel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

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
