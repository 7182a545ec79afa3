// Package wire turns the messages of AWS Session Manager's data channel into
// bytes and back, for both ends: the client and the agent.
//
// It is pure: it must not know sockets, clocks, goroutines, or what a message
// makes anybody do. The layout and the names are those of AWS's published
// session-manager-plugin and amazon-ssm-agent.
package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of a message's parts, in bytes.
const (
	// HeaderSize is what comes before the payload in every message we write.
	HeaderSize = headerLength + lengthSize

	headerLength      = 116 // the value of the HeaderLength field
	shortHeaderLength = 112 // without PayloadType, as the gateway writes channel_closed
	lengthSize        = 4
	typeSize          = 32
)

// Offsets of the fields, in bytes.
const (
	offType        = 4
	offSchema      = 36
	offCreated     = 40
	offSequence    = 48
	offFlags       = 56
	offID          = 64
	offDigest      = 80
	offPayloadType = 112
)

// MessageType names what a message is for; at most 32 bytes of ASCII.
type MessageType string

// The message types of a data channel.
const (
	// TypeInputStreamData goes from client to agent and is sequenced.
	TypeInputStreamData MessageType = "input_stream_data"
	// TypeOutputStreamData goes from agent to client and is sequenced.
	TypeOutputStreamData MessageType = "output_stream_data"
	// TypeAcknowledge answers one sequenced message; see [Acknowledge].
	TypeAcknowledge MessageType = "acknowledge"
	// TypeAgentSessionState goes from agent to gateway; see [AgentSessionState].
	TypeAgentSessionState MessageType = "agent_session_state"
	// TypePausePublication comes from the gateway: stop sending.
	TypePausePublication MessageType = "pause_publication"
	// TypeStartPublication comes from the gateway: sending is welcome again.
	TypeStartPublication MessageType = "start_publication"
	// TypeChannelClosed comes from the gateway at the end; see [ChannelClosed].
	TypeChannelClosed MessageType = "channel_closed"
)

// Flags are the header's flags. No known reader looks at them.
type Flags uint64

// The flags. AWS's plugin sends 0 on stream data and both on acknowledgements;
// AWS's agent sends SYN on sequence 0, both on acknowledgements and states.
const (
	FlagSYN Flags = 1
	FlagFIN Flags = 2
)

// PayloadType says what a stream message carries.
type PayloadType uint32

// The payload types; 0 on messages that are not stream data.
const (
	PayloadOutput               PayloadType = 1 // bytes of the session, in both directions
	PayloadError                PayloadType = 2
	PayloadSize                 PayloadType = 3 // a terminal's size, JSON
	PayloadParameter            PayloadType = 4
	PayloadHandshakeRequest     PayloadType = 5 // see [HandshakeRequest]
	PayloadHandshakeResponse    PayloadType = 6 // see [HandshakeResponse]
	PayloadHandshakeComplete    PayloadType = 7 // see [HandshakeComplete]
	PayloadEncChallengeRequest  PayloadType = 8
	PayloadEncChallengeResponse PayloadType = 9
	PayloadFlag                 PayloadType = 10 // see [Signal]
	PayloadStdErr               PayloadType = 11
	PayloadExitCode             PayloadType = 12
)

// The ways in which bytes can fail to be a message. Errors of [Decode] wrap
// one of them.
var (
	// ErrShort: fewer bytes than the fields need.
	ErrShort = errors.New("message is too short")
	// ErrHeader: a header field has a value that no sender may write.
	ErrHeader = errors.New("message header is wrong")
)

// Message is one AgentMessage: one binary WebSocket message of the channel.
type Message struct {
	Type MessageType
	// SchemaVersion is 1 in all known messages; 0 is written as 1.
	SchemaVersion uint32
	// CreatedDate is in milliseconds since 1970; readers refuse 0.
	CreatedDate uint64
	// SequenceNumber counts stream messages per direction from 0; it is 0 on
	// all other messages.
	SequenceNumber int64
	Flags          Flags
	ID             UUID
	// Digest is the payload's SHA-256 as the sender computed it. AppendTo
	// computes it anew and ignores this field.
	Digest      [sha256.Size]byte
	PayloadType PayloadType
	// Payload aliases the decoded frame: copy what must outlive it.
	Payload []byte
}

// AppendTo appends the message as bytes, digest included, and returns the
// extended buffer. A type longer than 32 bytes loses its tail. It allocates
// only where dst has too little room: HeaderSize plus the payload.
func (m *Message) AppendTo(dst []byte) []byte {
	start := len(dst)
	dst = appendHeaderRoom(dst)
	dst = append(dst, m.Payload...)
	m.putHeader(dst[start:])
	return dst
}

// DigestValid reports whether Digest is the payload's. As in AWS's plugin an
// empty payload needs none.
func (m *Message) DigestValid() bool {
	return len(m.Payload) == 0 || m.Digest == sha256.Sum256(m.Payload)
}

// Sequenced reports whether the message belongs to a stream, which means that
// it is numbered and has to be acknowledged.
func (m *Message) Sequenced() bool {
	return m.Type == TypeInputStreamData || m.Type == TypeOutputStreamData
}

// appendHeaderRoom appends HeaderSize zero bytes.
func appendHeaderRoom(dst []byte) []byte {
	var room [HeaderSize]byte
	return append(dst, room[:]...)
}

// putHeader fills the header of frame, which holds the payload already.
func (m *Message) putHeader(frame []byte) {
	be := binary.BigEndian
	payload := frame[HeaderSize:]
	be.PutUint32(frame, headerLength)
	field := frame[offType : offType+typeSize]
	for i := copy(field, m.Type); i < len(field); i++ {
		field[i] = ' '
	}
	schema := m.SchemaVersion
	if schema == 0 {
		schema = 1
	}
	be.PutUint32(frame[offSchema:], schema)
	be.PutUint64(frame[offCreated:], m.CreatedDate)
	be.PutUint64(frame[offSequence:], uint64(m.SequenceNumber))
	be.PutUint64(frame[offFlags:], uint64(m.Flags))
	m.ID.put(frame[offID:])
	digest := sha256.Sum256(payload)
	copy(frame[offDigest:], digest[:])
	be.PutUint32(frame[offPayloadType:], uint32(m.PayloadType))
	be.PutUint32(frame[headerLength:], uint32(len(payload)))
}

// Decode reads one message. The payload aliases frame, nothing is allocated
// for known types, and the digest is not checked: see [Message.DigestValid].
//
// Stream messages and acknowledgements must be exact. The gateway's own
// messages are read as AWS's readers do: start_publication and
// pause_publication may have any header after the type, the others may lack
// the PayloadType field (HeaderLength 112, seen on channel_closed), and their
// payload is the rest of the frame whatever PayloadLength says.
func Decode(frame []byte) (Message, error) {
	var m Message
	if len(frame) < offType+typeSize {
		return m, fmt.Errorf("%w: %d bytes", ErrShort, len(frame))
	}
	m.Type = intern(bytes.Trim(frame[offType:offType+typeSize], "\x00 \t\r\n\v\f"))
	if m.Type == TypeStartPublication || m.Type == TypePausePublication {
		decodeLeniently(&m, frame)
		return m, nil
	}
	if len(frame) < shortHeaderLength+lengthSize {
		return m, fmt.Errorf("%w: %d bytes", ErrShort, len(frame))
	}
	if m.Type == "" {
		return m, fmt.Errorf("%w: no message type", ErrHeader)
	}
	m.decodeFields(frame)
	if m.CreatedDate == 0 {
		return m, fmt.Errorf("%w: no creation date", ErrHeader)
	}
	strict := m.Sequenced() || m.Type == TypeAcknowledge
	size := binary.BigEndian.Uint32(frame)
	if size != headerLength && (strict || size != shortHeaderLength) {
		return m, fmt.Errorf("%w: header length %d", ErrHeader, size)
	}
	if len(frame) < int(size)+lengthSize {
		return m, fmt.Errorf("%w: %d bytes", ErrShort, len(frame))
	}
	if size == headerLength {
		m.PayloadType = PayloadType(binary.BigEndian.Uint32(frame[offPayloadType:]))
	}
	m.Payload = frame[size+lengthSize:]
	if n := binary.BigEndian.Uint32(frame[size:]); strict && int64(n) != int64(len(m.Payload)) {
		return m, fmt.Errorf("%w: payload length %d in a frame that holds %d", ErrHeader, n, len(m.Payload))
	}
	return m, nil
}

// decodeLeniently takes from a publication message what can be had.
func decodeLeniently(m *Message, frame []byte) {
	if len(frame) < HeaderSize || binary.BigEndian.Uint32(frame) != headerLength {
		return
	}
	m.decodeFields(frame)
	m.PayloadType = PayloadType(binary.BigEndian.Uint32(frame[offPayloadType:]))
	m.Payload = frame[HeaderSize:]
}

// decodeFields reads what stands between the type and the payload type.
func (m *Message) decodeFields(frame []byte) {
	be := binary.BigEndian
	m.SchemaVersion = be.Uint32(frame[offSchema:])
	m.CreatedDate = be.Uint64(frame[offCreated:])
	m.SequenceNumber = int64(be.Uint64(frame[offSequence:]))
	m.Flags = Flags(be.Uint64(frame[offFlags:]))
	m.ID = swappedUUID(frame[offID:])
	m.Digest = [sha256.Size]byte(frame[offDigest:])
}

// intern returns the constant for a known type, so that decoding it does not
// allocate.
func intern(b []byte) MessageType {
	switch MessageType(b) {
	case TypeInputStreamData:
		return TypeInputStreamData
	case TypeOutputStreamData:
		return TypeOutputStreamData
	case TypeAcknowledge:
		return TypeAcknowledge
	case TypeAgentSessionState:
		return TypeAgentSessionState
	case TypePausePublication:
		return TypePausePublication
	case TypeStartPublication:
		return TypeStartPublication
	case TypeChannelClosed:
		return TypeChannelClosed
	}
	return MessageType(b)
}
