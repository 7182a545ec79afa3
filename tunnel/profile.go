package tunnel

// Profile says how hard the gateway is pushed by an upload. What the real one
// bears is known from reports only: with 1 KiB payloads and 256 KiB
// unacknowledged it goes on for hours, with 8 KiB payloads it has asked for
// pauses and then closed the channel.
type Profile string

// The profiles.
const (
	// ProfileSafe sends payloads of 1 KiB, as AWS's own client, and has at most
	// 256 KiB on their way.
	ProfileSafe Profile = "safe"
	// ProfileLarge sends payloads of 16 KiB, and has at most 4 MiB on their way.
	ProfileLarge Profile = "large"
	// ProfileAdaptive begins as ProfileSafe and doubles both while an upload
	// fills what is allowed, up to ProfileLarge. At the first pause that the
	// gateway asks for it goes back to ProfileSafe, for good.
	ProfileAdaptive Profile = "adaptive"
)

// limits are what a profile allows, in bytes.
type limits struct{ payload, window int }

var (
	safeLimits  = limits{1 << 10, 256 << 10}
	largeLimits = limits{16 << 10, 4 << 20}
)

// limits returns what a profile allows, at first and in the end.
func (p Profile) limits() (first, last limits) {
	switch p {
	case ProfileLarge:
		return largeLimits, largeLimits
	case ProfileAdaptive:
		return safeLimits, largeLimits
	}
	return safeLimits, safeLimits
}

// limits returns the options' limits, at first and in the end.
func (o *Options) limits() (first, last limits) {
	first, last = o.Profile.limits()
	if o.PayloadSize > 0 {
		first.payload, last.payload = o.PayloadSize, o.PayloadSize
	}
	if o.Window > 0 {
		first.window, last.window = o.Window, o.Window
	}
	return first, last
}

// firstWindow is how much may be on its way before the gateway has shown how
// quickly it acknowledges, in bytes.
func firstWindow(l limits) int { return l.window / 4 }

// doubled is twice as much, at most last.
func (l limits) doubled(last limits) limits {
	return limits{min(2*l.payload, last.payload), min(2*l.window, last.window)}
}
