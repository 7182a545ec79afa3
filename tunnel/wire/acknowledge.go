package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Acknowledge is the body of an acknowledgement. It stands for one message,
// never for those before it, and receivers match on Sequence alone.
type Acknowledge struct {
	Type         MessageType // of the acknowledged message
	ID           UUID        // of the acknowledged message
	Sequence     int64       // of the acknowledged message, from 0
	IsSequential bool        // true in all known acknowledgements
}

// Acknowledgement returns what m's receiver has to answer.
func (m *Message) Acknowledgement() Acknowledge {
	return Acknowledge{Type: m.Type, ID: m.ID, Sequence: m.SequenceNumber, IsSequential: true}
}

// The body's fixed parts, in the order in which AWS's programs write it.
const (
	ackType       = `{"AcknowledgedMessageType":"`
	ackID         = `","AcknowledgedMessageId":"`
	ackSequence   = `","AcknowledgedMessageSequenceNumber":`
	ackSequential = `,"IsSequentialMessage":`
	ackEnd        = `}`
)

// AcknowledgeSize is room enough for any acknowledgement, in bytes, header
// included.
const AcknowledgeSize = HeaderSize + len(ackType) + typeSize + len(ackID) + uuidText +
	len(ackSequence) + 20 + len(ackSequential) + len("false") + len(ackEnd)

// AppendTo appends a whole acknowledgement message with the given id and
// creation date (milliseconds since 1970). It allocates only where dst has
// less room than AcknowledgeSize.
func (a Acknowledge) AppendTo(dst []byte, id UUID, created uint64) []byte {
	start := len(dst)
	dst = a.appendBody(appendHeaderRoom(dst))
	m := Message{Type: TypeAcknowledge, CreatedDate: created, Flags: FlagSYN | FlagFIN, ID: id}
	m.putHeader(dst[start:])
	return dst
}

func (a Acknowledge) appendBody(dst []byte) []byte {
	dst = append(dst, ackType...)
	dst = append(dst, a.Type...)
	dst = append(dst, ackID...)
	dst = a.ID.append(dst)
	dst = append(dst, ackSequence...)
	dst = strconv.AppendInt(dst, a.Sequence, 10)
	dst = append(dst, ackSequential...)
	dst = strconv.AppendBool(dst, a.IsSequential)
	return append(dst, ackEnd...)
}

// ParseAcknowledge reads the body of an acknowledgement. The form that AWS's
// programs write is read without allocating, any other through encoding/json;
// an id that is no UUID is read as zero, since nobody needs it.
func ParseAcknowledge(body []byte) (Acknowledge, error) {
	if a, ok := parseUsualAcknowledge(body); ok {
		return a, nil
	}
	var loose struct {
		AcknowledgedMessageType           MessageType
		AcknowledgedMessageId             string //nolint:staticcheck,revive // the name on the wire
		AcknowledgedMessageSequenceNumber *int64
		IsSequentialMessage               bool
	}
	if err := json.Unmarshal(body, &loose); err != nil {
		return Acknowledge{}, fmt.Errorf("read an acknowledgement: %w", err)
	}
	if loose.AcknowledgedMessageSequenceNumber == nil {
		return Acknowledge{}, fmt.Errorf("read an acknowledgement: %w: no sequence number", ErrHeader)
	}
	id, _ := parseUUID([]byte(loose.AcknowledgedMessageId))
	return Acknowledge{
		Type:         loose.AcknowledgedMessageType,
		ID:           id,
		Sequence:     *loose.AcknowledgedMessageSequenceNumber,
		IsSequential: loose.IsSequentialMessage,
	}, nil
}

func parseUsualAcknowledge(b []byte) (a Acknowledge, ok bool) {
	if b, ok = bytes.CutPrefix(b, []byte(ackType)); !ok {
		return a, false
	}
	kind, b, ok := bytes.Cut(b, []byte(ackID))
	if !ok || len(b) < uuidText {
		return a, false
	}
	switch {
	case string(kind) == string(TypeOutputStreamData):
		a.Type = TypeOutputStreamData
	case string(kind) == string(TypeInputStreamData):
		a.Type = TypeInputStreamData
	default:
		return a, false
	}
	if a.ID, ok = parseUUID(b[:uuidText]); !ok {
		return a, false
	}
	if b, ok = bytes.CutPrefix(b[uuidText:], []byte(ackSequence)); !ok {
		return a, false
	}
	digits, b, ok := bytes.Cut(b, []byte(ackSequential))
	if !ok {
		return a, false
	}
	if a.Sequence, ok = parseDigits(digits); !ok {
		return a, false
	}
	a.IsSequential = string(b) == "true}"
	return a, a.IsSequential || string(b) == "false}"
}

// parseDigits reads a number that has no sign and no leading zero, as JSON
// writes it.
func parseDigits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
