package tunnel

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// slowSource gives bytes as long as it is asked, and counts them.
type slowSource struct {
	given int
	end   int // after that many it has ended
	err   error
}

func (s *slowSource) Read(p []byte) (int, error) {
	n := min(len(p), s.end-s.given)
	s.given += n
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

func TestReadFromTakesNoMoreThanGoes(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.agent.withholdAcks = true })
		source := &slowSource{end: 1 << 20, err: io.EOF}
		copied := make(chan error)
		go func() {
			_, err := io.Copy(tunnel, source)
			copied <- err
		}()
		time.Sleep(time.Second)
		s := tunnel.Stats()
		tunnel.mu.Lock()
		waiting := tunnel.ch.out.waiting
		tunnel.mu.Unlock()
		if waiting != 0 || source.given != s.Unacknowledged || source.given > firstWindow(safeLimits) {
			t.Errorf("%d bytes taken, %d on their way, %d wait", source.given, s.Unacknowledged, waiting)
		}
		g.set(func() { g.agent.withholdAcks = false })
		if err := <-copied; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if n := len(g.got()); n != source.end {
			t.Errorf("the agent got %d bytes", n)
		}
	})
}

func TestReadFromEndsWithItsSourceOrTheTunnel(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		broken := errors.New("broken")
		if n, err := tunnel.ReadFrom(&slowSource{end: 3, err: broken}); n != 3 || !errors.Is(err, broken) {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = tunnel.Close()
		if n, err := tunnel.ReadFrom(&slowSource{end: 3, err: io.EOF}); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after Close: %d bytes, %v", n, err)
		}
	})
}

func TestWriteToWritesEverythingUntilTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		block := randomBytes(rand.New(rand.NewPCG(3, 4)), 3<<20)
		g.do(func(a *modelAgent) { a.output(time.Now(), block) })
		var got bytes.Buffer
		copied := make(chan error)
		go func() {
			_, err := io.Copy(&got, tunnel)
			copied <- err
		}()
		time.Sleep(10 * time.Second)
		g.do(func(a *modelAgent) { a.service(time.Now(), wire.TypeChannelClosed, []byte(`{"Output":""}`)) })
		if err := <-copied; err != nil {
			t.Error(err)
		}
		if want := append([]byte(banner), block...); !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes came, want %d", got.Len(), len(want))
		}
	})
}

func TestWriteToEndsWithItsWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		n, err := tunnel.WriteTo(shortWriter(3))
		if n != 3 || !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d bytes, %v", n, err)
		}
		// The rest is there for whoever reads next.
		readString(t, tunnel, len(banner)-3)
	})
}

// shortWriter takes that many bytes of each write.
type shortWriter int

func (w shortWriter) Write(p []byte) (int, error) { return min(len(p), int(w)), io.ErrShortWrite }
