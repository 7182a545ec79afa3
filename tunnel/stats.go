package tunnel

import "time"

// State is what a tunnel is doing, in a word that is stable.
type State string

// The states.
const (
	StateConnecting   State = "connecting"   // the first socket is not open yet
	StateWaiting      State = "waiting"      // for the agent's handshake
	StateOpen         State = "open"         // bytes flow
	StatePaused       State = "paused"       // the gateway asked to stop sending
	StateReconnecting State = "reconnecting" // the socket was lost
	StateClosed       State = "closed"
)

// Stats are a tunnel's figures at one moment.
type Stats struct {
	State State
	// Since is when the state was seen to begin.
	Since time.Time
	// BytesIn and BytesOut count session bytes, each once: received in order,
	// and sent.
	BytesIn, BytesOut int64
	// RateIn and RateOut are how fast they moved in the last seconds, in
	// bytes a second.
	RateIn, RateOut float64
	// RTT is the smoothed time of an acknowledgement, through the gateway to
	// the agent and back; 0 before the first.
	RTT time.Duration
	// Window and Unacknowledged are how many bytes may be on their way, and
	// are.
	Window, Unacknowledged int
	// Retransmissions counts messages that were sent again.
	Retransmissions int64
	// Reconnects counts sockets that replaced a lost one.
	Reconnects int64
	// LastLoss is when the last socket was lost; zero before the first loss.
	LastLoss time.Time
	// LastReconnectReason says why the last socket was lost; empty before
	// the first loss. Printable, without secrets.
	LastReconnectReason string
}

// state derives the state from the channel.
func (c *channel) state() State {
	switch {
	case c.ended:
		return StateClosed
	case !c.up && c.started.IsZero():
		return StateConnecting
	case !c.up:
		return StateReconnecting
	case c.phase == shaking:
		return StateWaiting
	case c.paused:
		return StatePaused
	}
	return StateOpen
}
