package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// OpenDataChannel is the first message of either end, the only one that is
// text. There is no answer to it.
type OpenDataChannel struct {
	MessageSchemaVersion string // "1.0"
	RequestID            UUID   // new with every attempt
	// Token is what StartSession (client) or CreateDataChannel (agent) gave.
	Token secret.String
	// ClientID is the client's name, the same over all reconnects; zero at an
	// agent.
	ClientID UUID
	// ClientVersion is the client's version as dotted numbers; empty at an
	// agent.
	ClientVersion string
	// ClientInstanceID is the agent's instance; empty at a client.
	ClientInstanceID string
}

// openDataChannel is the text's shape. The real type keeps its token from
// printing itself and can therefore not be encoded directly.
type openDataChannel struct {
	MessageSchemaVersion string
	RequestID            string `json:"RequestId"`
	TokenValue           string
	ClientID             string `json:"ClientId,omitempty"`
	ClientVersion        string `json:",omitempty"`
	ClientInstanceID     string `json:"ClientInstanceId,omitempty"`
}

// Text returns the message as it goes to the gateway, token included.
func (o OpenDataChannel) Text() ([]byte, error) {
	out := openDataChannel{
		MessageSchemaVersion: o.MessageSchemaVersion,
		RequestID:            o.RequestID.String(),
		TokenValue:           o.Token.Reveal(),
		ClientVersion:        o.ClientVersion,
		ClientInstanceID:     o.ClientInstanceID,
	}
	if o.ClientID != (UUID{}) {
		out.ClientID = o.ClientID.String()
	}
	return json.Marshal(out)
}

// ParseOpenDataChannel reads the first message of an end. Ids that are no
// UUIDs are errors; the errors never hold the text.
func ParseOpenDataChannel(text []byte) (OpenDataChannel, error) {
	var in openDataChannel
	if err := json.Unmarshal(text, &in); err != nil {
		return OpenDataChannel{}, errors.New("read an open data channel message: not the expected JSON")
	}
	o := OpenDataChannel{
		MessageSchemaVersion: in.MessageSchemaVersion,
		Token:                secret.New(in.TokenValue),
		ClientVersion:        in.ClientVersion,
		ClientInstanceID:     in.ClientInstanceID,
	}
	var err error
	if o.RequestID, err = ParseUUID(in.RequestID); err != nil {
		return OpenDataChannel{}, fmt.Errorf("read an open data channel message: request id: %w", err)
	}
	if in.ClientID != "" {
		if o.ClientID, err = ParseUUID(in.ClientID); err != nil {
			return OpenDataChannel{}, fmt.Errorf("read an open data channel message: client id: %w", err)
		}
	}
	return o, nil
}

// The actions that an agent can request in the handshake.
const (
	ActionSessionType   = "SessionType"
	ActionKMSEncryption = "KMSEncryption"
)

// SessionTypePort is the session type of SSH and of forwarded ports.
const SessionTypePort = "Port"

// HandshakeRequest is the agent's first stream message: who it is and what
// the client has to do before bytes may flow.
type HandshakeRequest struct {
	AgentVersion           string // dotted numbers, "3.3.0.0"
	RequestedClientActions []RequestedClientAction
}

// RequestedClientAction is one thing that the agent wants done.
type RequestedClientAction struct {
	ActionType       string          // ActionSessionType, ActionKMSEncryption
	ActionParameters json.RawMessage // [SessionTypeParameters] for ActionSessionType
}

// SessionTypeParameters tell the client what kind of session this is.
type SessionTypeParameters struct {
	SessionType string // SessionTypePort, "Standard_Stream", "InteractiveCommands", …
	// Properties come from the session document; [PortProperties] for a Port
	// session.
	Properties json.RawMessage `json:",omitempty"`
}

// PortProperties are a Port session's properties.
type PortProperties struct {
	Host       string `json:"host,omitempty"` // empty: the agent's own machine
	PortNumber string `json:"portNumber"`     // decimal
	Type       string `json:"type,omitempty"` // [TypeLocalPortForwarding]; empty: a plain stream
	// The client's own side, as the session document says: decimal, empty or
	// "0" for any free port; "unix" and a path for a socket in place of one.
	LocalPortNumber     string `json:"localPortNumber,omitempty"`
	LocalConnectionType string `json:"localConnectionType,omitempty"`
	LocalUnixSocket     string `json:"localUnixSocket,omitempty"`
}

// TypeLocalPortForwarding is the type of a port session that carries many
// connections: its stream speaks smux, version 1.
const TypeLocalPortForwarding = "LocalPortForwarding"

// ActionStatus is the outcome of a requested action.
type ActionStatus int

// The outcomes. Anything but ActionSuccess ends the session.
const (
	ActionSuccess     ActionStatus = 1
	ActionFailed      ActionStatus = 2
	ActionUnsupported ActionStatus = 3
)

// HandshakeResponse is the client's first stream message. A second one under
// a new sequence number hangs AWS's agent.
type HandshakeResponse struct {
	ClientVersion          string // dotted numbers, "1.3.0.0"
	ProcessedClientActions []ProcessedClientAction
	Errors                 []string
}

// ProcessedClientAction answers one RequestedClientAction.
type ProcessedClientAction struct {
	ActionType   string
	ActionStatus ActionStatus
	ActionResult json.RawMessage // null where there is none
	Error        string          // empty on success
}

// HandshakeComplete is the agent's second stream message: bytes may flow.
type HandshakeComplete struct {
	// HandshakeTimeToComplete is in nanoseconds on the wire.
	HandshakeTimeToComplete time.Duration
	// CustomerMessage is text for the person; usually empty.
	CustomerMessage string
}

// AgentSessionState is what the agent tells the gateway about itself.
type AgentSessionState struct {
	SchemaVersion int    // 1
	SessionState  string // "Connected", "Terminating"
	SessionID     string `json:"SessionId"`
}

// ChannelClosed is the gateway's last message.
type ChannelClosed struct {
	MessageID     string `json:"MessageId"`
	CreatedDate   string
	DestinationID string `json:"DestinationId"`
	SessionID     string `json:"SessionId"`
	MessageType   string // "channel_closed"
	SchemaVersion int    // 1
	// Output is the reason, for a person; empty where the session ended
	// normally. It is not trusted text: make it printable before showing it.
	Output string
}

// ParseChannelClosed reads the gateway's last message. Fields of an
// unexpected type are left empty: what matters is that the channel is closed.
func ParseChannelClosed(body []byte) (ChannelClosed, error) {
	var c ChannelClosed
	err := json.Unmarshal(body, &c)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = nil
	}
	if err != nil {
		return ChannelClosed{}, fmt.Errorf("read a channel_closed message: %w", err)
	}
	return c, nil
}

// Signal is the payload of a PayloadFlag message.
type Signal uint32

// The signals.
const (
	// DisconnectToPort, client to agent: close the TCP connection. It ends a
	// session that is not multiplexed, as Failed.
	DisconnectToPort Signal = 1
	// TerminateSession, client to agent: end the session, as Success.
	TerminateSession Signal = 2
	// ConnectToPortError, agent to client: the port could not be reached.
	ConnectToPortError Signal = 3
)

// SignalSize is the length of a signal's payload, in bytes.
const SignalSize = 4

// AppendTo appends the signal's payload.
func (s Signal) AppendTo(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(s))
}

// ParseSignal reads a PayloadFlag payload.
func ParseSignal(payload []byte) (Signal, error) {
	if len(payload) != SignalSize {
		return 0, fmt.Errorf("read a flag: %w: %d bytes", ErrShort, len(payload))
	}
	return Signal(binary.BigEndian.Uint32(payload)), nil
}
