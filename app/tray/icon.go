package tray

import "fmt"

// Icon is the picture in the panel.
type Icon string

// The icons, named after their files.
const (
	Idle      Icon = "tray-idle"
	Busy      Icon = "tray-connecting"
	Open      Icon = "tray-connected"
	Attention Icon = "tray-attention"
)

// Dot is the small picture in front of a connection.
type Dot string

// The dots, named after their files.
const (
	DotConnecting Dot = "dot-connecting"
	DotConnected  Dot = "dot-connected"
	DotWaiting    Dot = "dot-waiting"
	DotLost       Dot = "dot-lost"
)

func (p Phase) dot() Dot {
	switch p {
	case Connecting:
		return DotConnecting
	case Ready, Connected:
		return DotConnected
	case Lost:
		return DotLost
	default:
		return DotWaiting
	}
}

// Icon returns the icon: what needs a look comes before what is under way, and
// that before what is well.
func (s State) Icon() Icon {
	icon, rank := Idle, 0
	for _, c := range s.Connections {
		is, weighs := Open, 1
		switch c.Phase {
		case Connecting:
			is, weighs = Busy, 2
		case Paused, Reconnecting, Lost:
			is, weighs = Attention, 3
		}
		if weighs > rank {
			icon, rank = is, weighs
		}
	}
	return icon
}

// Tooltip says the same as the icon, in words.
func (s State) Tooltip() string {
	switch len(s.Connections) {
	case 0:
		return "Spacehatch: no space is connected"
	case 1:
		c := s.Connections[0]
		return "Spacehatch: " + s.title(c.Space) + " is " + c.Phase.word()
	}
	var well int
	for _, c := range s.Connections {
		if c.Phase == Ready || c.Phase == Connected {
			well++
		}
	}
	return fmt.Sprintf("Spacehatch: %d of %d spaces are connected", well, len(s.Connections))
}
