package tunnel

import (
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// upload lets a writer who never ends fill the window for some round trips, and
// returns the largest payload that was sent.
func (b *bench) upload(rounds int) (largest int) {
	b.t.Helper()
	block := make([]byte, pendingLimit)
	for range rounds {
		var frames [][]byte
		for b.c.room() > 0 {
			b.c.give(block[:b.c.room()])
			before := len(b.sent)
			frames = append(frames, b.frames()...)
			for _, m := range b.sent[before:] {
				largest = max(largest, len(m.Payload))
			}
			b.sent = b.sent[:before]
		}
		b.now = b.now.Add(5 * time.Millisecond)
		for _, f := range frames {
			b.agent.receive(b.now, f)
		}
		b.settle()
	}
	return largest
}

func openWith(t *testing.T, p Profile) *bench {
	o := testOptions()
	o.Profile = p
	b := newBench(t, o)
	b.open()
	return b
}

func TestProfilesKeepTheirLimits(t *testing.T) {
	for profile, want := range map[Profile]limits{
		"": safeLimits, "unknown": safeLimits, ProfileSafe: safeLimits, ProfileLarge: largeLimits,
	} {
		b := openWith(t, profile)
		if largest := b.upload(8); largest != want.payload || b.c.out.window != want.window {
			t.Errorf("%q: payloads of %d, a window of %d; want %+v", profile, largest, b.c.out.window, want)
		}
	}
}

func TestOptionsBeatTheProfile(t *testing.T) {
	o := testOptions()
	o.Profile, o.PayloadSize, o.Window = ProfileAdaptive, 700, 7000
	b := newBench(t, o)
	b.open()
	if largest := b.upload(50); largest != 700 || b.c.out.window != 7000 {
		t.Errorf("payloads of %d, a window of %d", largest, b.c.out.window)
	}
}

func TestAnAdaptiveProfileGrowsWhileItIsFilled(t *testing.T) {
	b := openWith(t, ProfileAdaptive)
	for range 500 {
		b.give("x") // keys
		b.pass(0)
	}
	if b.c.out.allowed != safeLimits {
		t.Errorf("grown by keys to %+v", b.c.out.allowed)
	}
	if largest := b.upload(calmWindows / 2); largest != safeLimits.payload {
		t.Errorf("grown at once, to payloads of %d", largest)
	}
	b.grow()
	if largest := b.upload(2); largest != largeLimits.payload || b.c.out.allowed != largeLimits {
		t.Errorf("payloads of %d, %+v allowed", largest, b.c.out.allowed)
	}
}

// grow uploads until everything is allowed.
func (b *bench) grow() {
	b.t.Helper()
	for range 100 {
		if b.upload(1); b.c.out.allowed == largeLimits {
			return
		}
	}
	b.t.Errorf("%+v allowed", b.c.out.allowed)
}

// TestAPauseInTheHandshakeIsNoReproach: nothing was pushed yet, the agent is
// just not there.
func TestAPauseInTheHandshakeIsNoReproach(t *testing.T) {
	o := testOptions()
	o.Profile = ProfileAdaptive
	b := newBench(t, o)
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.settle()
	b.open()
	if b.c.out.window != firstWindow(safeLimits) {
		t.Errorf("the window is %d", b.c.out.window)
	}
	b.grow()
}

// TestAPauseEndsTheGrowthForGood: what waits in large payloads is cut anew.
func TestAPauseEndsTheGrowthForGood(t *testing.T) {
	b := openWith(t, ProfileAdaptive)
	b.grow()
	want := len(b.agent.got)
	b.c.give(make([]byte, pendingLimit))
	want += pendingLimit
	b.agent.service(b.now, wire.TypePausePublication, nil)
	b.agent.service(b.now, wire.TypeStartPublication, nil)
	for _, f := range b.agent.out {
		if err := b.c.receive(b.now, f); err != nil {
			t.Fatal(err)
		}
	}
	b.agent.out = nil
	if b.c.out.allowed != safeLimits || b.c.out.window > safeLimits.window {
		t.Errorf("%+v allowed, a window of %d", b.c.out.allowed, b.c.out.window)
	}
	for _, p := range b.c.out.pending[b.c.out.pendingHead:] {
		if len(p) > safeLimits.payload {
			t.Fatalf("a payload of %d bytes waits", len(p))
		}
	}
	b.pass(time.Second)
	if len(b.agent.got) != want {
		t.Errorf("%d bytes came, want %d", len(b.agent.got), want)
	}
	if largest := b.upload(3 * calmWindows); largest != safeLimits.payload || b.c.out.allowed != safeLimits {
		t.Errorf("payloads of %d, %+v allowed", largest, b.c.out.allowed)
	}
}

func TestRoomIsWhatGoesAtOnce(t *testing.T) {
	b := openWith(t, ProfileSafe)
	room := b.c.room()
	if n := b.c.give(make([]byte, room)); n != room || room == 0 {
		t.Fatalf("%d of %d bytes taken", n, room)
	}
	b.frames()
	if b.c.out.waiting != 0 {
		t.Errorf("%d bytes wait", b.c.out.waiting)
	}
	for b.c.room() > 0 {
		b.c.give(make([]byte, b.c.room()))
		b.frames()
	}
	if free := b.c.out.window - b.c.out.bytes; free >= b.c.out.window/32 || !b.c.hurried() {
		t.Errorf("%d bytes of the window are free, hurried %v", free, b.c.hurried())
	}
	b.c.pause(b.now)
	if room := b.c.room(); room != 0 {
		t.Errorf("room for %d bytes in a pause", room)
	}
}

// TestAnUploadIsHurriedHoweverLargeTheWindow: ssh has 2 MiB on their way at most,
// and what it waits for must not be held back.
func TestAnUploadIsHurriedHoweverLargeTheWindow(t *testing.T) {
	b := openWith(t, ProfileLarge)
	b.upload(8)
	if b.c.room() == 0 {
		t.Fatal("no room after everything was acknowledged")
	}
	if b.give("keys"); b.c.hurried() {
		t.Error("hurried by keys")
	}
	b.frames()
	b.c.give(make([]byte, 2*uploading))
	b.frames()
	if 2*b.c.out.bytes > b.c.out.window {
		t.Fatalf("%d bytes fill a window of %d", b.c.out.bytes, b.c.out.window)
	}
	if !b.c.hurried() {
		t.Errorf("%d bytes on their way are no upload", b.c.out.bytes)
	}
}
