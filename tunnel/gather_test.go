package tunnel

import (
	"net"
	"testing"
	"time"
)

func TestWhatIsWaitedFor(t *testing.T) {
	message := arrival{bytes: 1170, took: 900 * time.Microsecond}
	for _, c := range []struct {
		name   string
		before []arrival
		last   arrival
		hurry  bool
		bytes  int
		limit  time.Duration
	}{
		{name: "nothing has come yet"},
		{name: "a key", last: arrival{200, time.Second}},
		{name: "the first of many", last: message},
		{name: "a steady flow", before: repeated(message, steadyCount), last: message, bytes: gatherCount * 1170, limit: gatherFor},
		{name: "a transfer", before: repeated(message, bulkAfter), last: arrival{16 * 1170, 0}, bytes: bulkCount * 1170, limit: bulkFor},
		{name: "acknowledgements that are waited for", before: repeated(message, bulkAfter), last: message, hurry: true},
		{name: "large pieces", before: repeated(message, bulkAfter), last: arrival{gatherBelow, 0}},
		{name: "a busy machine", before: append(repeated(message, bulkAfter), arrival{1170, 10 * time.Millisecond}), last: message,
			bytes: gatherCount * 1170, limit: gatherFor},
		{name: "a key after a transfer", before: repeated(message, bulkAfter), last: arrival{200, time.Second}},
		{name: "a key after that", before: append(repeated(message, bulkAfter), arrival{200, time.Second}), last: arrival{200, time.Millisecond}},
		{name: "never too much", before: repeated(arrival{20 << 10, 0}, bulkAfter), last: arrival{20 << 10, 0}, bytes: gatherBelow, limit: bulkFor},
	} {
		g := gather{conn: new(net.TCPConn)}
		for _, a := range c.before {
			g.worth(a, false)
		}
		if bytes, limit := g.worth(c.last, c.hurry); bytes != c.bytes || limit != c.limit {
			t.Errorf("%s: waits for %d bytes, %v; want %d, %v", c.name, bytes, limit, c.bytes, c.limit)
		}
	}
}

func TestNothingIsWaitedForWhereTheSystemHasNoConnection(t *testing.T) {
	g := gather{}
	for _, a := range repeated(arrival{1170, 0}, 2*bulkAfter) {
		if bytes, _ := g.worth(a, false); bytes != 0 {
			t.Fatal("waits")
		}
	}
}

func repeated(a arrival, n int) []arrival {
	all := make([]arrival, n)
	for i := range all {
		all[i] = a
	}
	return all
}
