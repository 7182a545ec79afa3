package tunnel

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestQueueKeepsBytesInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var q queue
	var want []byte
	for range 5000 {
		in := randomBytes(random, random.IntN(3*queueBlock/2))
		if random.IntN(3) == 0 {
			in = in[:min(len(in), 100)]
		}
		if q.size < 20*queueBlock {
			q.put(in)
			want = append(want, in...)
		}
		p := make([]byte, random.IntN(2*queueBlock))
		if random.IntN(2) == 0 {
			p = p[:q.take(p)]
		} else {
			first := q.first()
			p = append(p[:0], first[:random.IntN(len(first)+1)]...)
			q.put(nil) // what first returned stays
			q.drop(len(p))
		}
		if !bytes.Equal(p, want[:len(p)]) {
			t.Fatal("the bytes differ")
		}
		if want = want[len(p):]; q.size != len(want) {
			t.Fatalf("%d bytes, want %d", q.size, len(want))
		}
	}
	if len(q.spare) > queueSpare {
		t.Errorf("%d empty blocks are kept", len(q.spare))
	}
}

// TestWhatIsReadIsNotWrittenOver: put may come between first and drop.
func TestWhatIsReadIsNotWrittenOver(t *testing.T) {
	var q queue
	q.put([]byte("one"))
	first := q.first()
	q.put([]byte("two"))
	q.put(make([]byte, 2*queueBlock))
	if string(first) != "one" {
		t.Errorf("read %q", first)
	}
	q.drop(len(first))
	if got := q.first(); string(got[:3]) != "two" {
		t.Errorf("read %q", got[:3])
	}
}

func TestQueueAllocatesNothingInTheSteadyState(t *testing.T) {
	var q queue
	in, out := make([]byte, 1000), make([]byte, 1000)
	for range 100 {
		q.put(in)
	}
	if n := testing.AllocsPerRun(1000, func() {
		q.put(in)
		q.take(out)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
