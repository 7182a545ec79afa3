package tunnel

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// startHold is how long client bytes wait for the agent's first output after
// the handshake. The agent acknowledges and discards what comes before it is
// ready; an SSH server speaks first, so its banner shows that it is.
const startHold = time.Second

// earlyGrace is how long an early response may go unacknowledged after the agent
// has asked for it: if it was kept, the acknowledgement follows the request.
const earlyGrace = 25 * time.Millisecond

// multiplexedHold is the same where the client has to speak first.
const multiplexedHold = 200 * time.Millisecond

var errDigest = errors.New("the payload does not match its digest")

// answerEarly answers a handshake request that has not come yet as if it
// asked for a port session.
func (c *channel) answerEarly() {
	c.setResponse([]wire.ProcessedClientAction{{ActionType: wire.ActionSessionType, ActionStatus: wire.ActionSuccess}})
}

// answer answers the agent's handshake request, once and never again: a
// second response under a new number hangs the agent.
func (c *channel) answer(now time.Time, payload []byte) {
	c.asked = true
	var request wire.HandshakeRequest
	if err := json.Unmarshal(payload, &request); err != nil {
		c.end(problem.New(problem.TunnelRefused,
			"The space's agent began with something that is no handshake.",
			"Restart the space; its agent may be damaged or of an unknown kind.", err))
		return
	}
	c.port.AgentVersion = oneLine(request.AgentVersion, 32)
	done := make([]wire.ProcessedClientAction, 0, len(request.RequestedClientActions))
	for _, action := range request.RequestedClientActions {
		done = append(done, c.process(action))
	}
	switch {
	case !c.answered:
		c.setResponse(done)
	case c.refusal != nil:
		// The early answer promised what cannot be kept.
		c.end(c.refusal)
	default:
		c.againAt = now.Add(earlyGrace)
	}
}

// early reports whether there is an answer to what nobody has asked. It goes
// once: a gateway that does not keep it until the agent is there gets it again
// when the agent asks, and one that has closed the socket over it, or for
// whatever other reason, first hears the agent ask.
func (c *channel) early() bool {
	return c.phase == shaking && !c.asked && (c.patient || !c.out.idle())
}

// repeatEarly sends an early response again that seems to be lost.
func (c *channel) repeatEarly() {
	c.againAt = time.Time{}
	if !c.out.idle() && c.out.oldest().kind == wire.PayloadHandshakeResponse {
		c.out.markLost(c.out.head)
	}
}

func (c *channel) setResponse(done []wire.ProcessedClientAction) {
	response, err := json.Marshal(wire.HandshakeResponse{
		ClientVersion: c.o.ClientVersion, ProcessedClientActions: done,
	})
	if err != nil {
		c.end(problem.New(problem.Internal, "The handshake with the space could not be written.", "", err))
		return
	}
	c.answered = true
	c.response = response
}

// process does what one requested action asks for, or says why not.
func (c *channel) process(action wire.RequestedClientAction) wire.ProcessedClientAction {
	done := wire.ProcessedClientAction{ActionType: action.ActionType, ActionStatus: wire.ActionSuccess}
	refuse := func(status wire.ActionStatus, text, sentence string) {
		done.ActionStatus = status
		done.Error = text
		if c.refusal == nil {
			c.refusal = problem.New(problem.NotSupported, sentence,
				"Ask the administrator to use a session document for SSH, as SageMaker does.", nil)
		}
	}
	switch action.ActionType {
	case wire.ActionSessionType:
		if text, why := c.sessionType(action.ActionParameters); why != nil {
			done.ActionStatus, done.Error = wire.ActionUnsupported, text
			c.refusal = cmp.Or(c.refusal, why)
		}
	case wire.ActionKMSEncryption:
		refuse(wire.ActionFailed, "KMS encryption is not supported by this client",
			"The session asks for encryption with an AWS KMS key, which Spacehatch does not do.")
	default:
		refuse(wire.ActionUnsupported, "unknown action",
			"The session asks for something that Spacehatch does not know: "+oneLine(action.ActionType, 64)+".")
	}
	return done
}

// complete takes in the end of the handshake.
func (c *channel) complete(now time.Time, payload []byte) {
	if c.phase != shaking {
		return
	}
	c.phase = holding
	c.holdUntil = now.Add(startHold)
	if c.port.Multiplexed {
		c.holdUntil = now.Add(multiplexedHold)
	}
	if c.in.taken > 0 {
		c.phase = flowing
	}
	var done wire.HandshakeComplete
	if json.Unmarshal(payload, &done) == nil && done.CustomerMessage != "" {
		c.notice(done.CustomerMessage)
	}
}

func (c *channel) handshakeTimedOut() {
	if c.refusal != nil {
		c.end(c.refusal)
		return
	}
	c.end(problem.New(problem.TunnelRefused,
		"AWS accepted the data channel, but the space did not answer within "+c.o.HandshakeTimeout.String()+".",
		"Look in Studio whether the space is running and remote access is on, then connect again.", nil))
}
