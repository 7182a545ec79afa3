package gateway

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// serviceMessage is a message of the gateway's own.
func serviceMessage(kind wire.MessageType, payload []byte) []byte {
	m := wire.Message{
		Type: kind, CreatedDate: uint64(time.Now().UnixMilli()), Flags: wire.FlagSYN | wire.FlagFIN,
		ID: newID(), Payload: payload,
	}
	return m.AppendTo(nil)
}

func pauseMessage() []byte { return serviceMessage(wire.TypePausePublication, nil) }

func startMessage() []byte { return serviceMessage(wire.TypeStartPublication, nil) }

// closedMessage tells a client of the end. The caller holds s.mu.
func (s *session) closedMessage() []byte {
	body, err := json.Marshal(wire.ChannelClosed{
		MessageID: newID().String(), CreatedDate: strconv.FormatInt(time.Now().UnixMilli(), 10),
		DestinationID: s.id, SessionID: s.id, MessageType: string(wire.TypeChannelClosed), SchemaVersion: 1, Output: s.reason,
	})
	if err != nil {
		s.gateway.log.Error("a message cannot be encoded", "error", err) // strings and numbers: it can
	}
	return serviceMessage(wire.TypeChannelClosed, body)
}

func newID() wire.UUID { return wire.RandomUUID(rand.Uint64(), rand.Uint64()) }
