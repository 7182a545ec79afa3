package view

// Details is one connection, as closely as it is known.
type Details struct {
	Alias string `json:"alias"`
	Space Space  `json:"space"`
	Phase Phase  `json:"phase"`
	// Figures in the order in which they are shown; those of a connection that
	// has ended are its last ones.
	Figures []Figure `json:"figures,omitempty"`
	// Doing is the wish that is being done; empty where none is.
	Doing string `json:"doing,omitempty"`
	// Problem is what the connection, or the last wish, ended with.
	Problem *Problem `json:"problem,omitempty"`
	// SSH is the command that opens a shell there, Text all of this in plain
	// lines: both to be copied.
	SSH  string `json:"ssh,omitempty"`
	Text string `json:"text,omitempty"`
}

// The wishes of Details.
const (
	OpenIDE    = "ide"
	Reconnect  = "reconnect"
	Disconnect = "disconnect"
)

// Phase is how a connection is.
type Phase string

// The phases.
const (
	PhaseConnecting   Phase = "connecting"   // dialling, or in the handshake
	PhaseReady        Phase = "ready"        // open, without an ssh
	PhaseConnected    Phase = "connected"    // open, with an ssh in it
	PhasePaused       Phase = "paused"       // the gateway asked for a pause
	PhaseReconnecting Phase = "reconnecting" // the network is gone, the session is being kept
	PhaseSilent       Phase = "silent"       // its process does not answer
	PhaseEnded        Phase = "ended"        // there is no tunnel, or none any more
)

// Figure is one line of what is known of a connection. One more of them is a
// kind here, a word for it in the window and a line where they are collected.
type Figure struct {
	Kind FigureKind `json:"kind"`
	// Value is for a person, with its unit; of SessionFrom it is a word of the
	// registry ("link", "api"), for which who draws it has others.
	Value string `json:"value"`
}

// FigureKind says what a figure is about; who draws it has the words.
type FigureKind string

// The kinds of a Figure.
const (
	OpenFor        FigureKind = "open-for"
	Receiving      FigureKind = "receiving" // from the space, a second
	Sending        FigureKind = "sending"   // to the space, a second
	Received       FigureKind = "received"
	Sent           FigureKind = "sent"
	RoundTrip      FigureKind = "round-trip"
	Unacknowledged FigureKind = "unacknowledged"
	SentAgain      FigureKind = "sent-again" // messages
	Reconnects     FigureKind = "reconnects"
	LastReconnect  FigureKind = "last-reconnect" // when, and why
	Tunnels        FigureKind = "tunnels"        // where there are several
	SessionFrom    FigureKind = "session-from"   // who gave the session
	ProcessID      FigureKind = "process"
)
