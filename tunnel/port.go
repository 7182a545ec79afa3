package tunnel

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// Port is what the session's document and the agent say of the port at the far
// end. It is their word: check it before anything on this machine follows it.
type Port struct {
	// Host is the machine that the agent connects to; empty is its own.
	Host string
	// Number is the port there, decimal.
	Number string
	// Multiplexed says that the stream is not the port's bytes but smux,
	// version 1, with one stream for each connection.
	Multiplexed bool
	// KeepAlive says that the agent ends a multiplexed session when it hears
	// no NOP of smux for 30 s.
	KeepAlive bool
	// LocalNumber, LocalConnectionType and LocalUnixSocket say where the
	// client is to listen: a port, "unix" and a path. They may be empty.
	LocalNumber, LocalConnectionType, LocalUnixSocket string
	// AgentVersion is dotted numbers.
	AgentVersion string
}

// The agents that can what AWS's client expects of newer ones only
// (session-manager-plugin 1.3, version/versionutil.go).
const (
	lastWithoutMultiplexing = "3.0.196.0"
	lastWithKeepAlive       = "3.1.1511.0"
)

// Port tells what kind of session Open has opened.
func (t *Tunnel) Port() Port {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.port
}

// Over reports whether the gateway has said that the session is over. Where it
// has not, the session may go on without us until it has been idle for too
// long.
func (t *Tunnel) Over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.over
}

// sessionType takes in what kind of session the agent wants. Where that is
// none for us, it returns what the agent and what the person is told.
func (c *channel) sessionType(parameters json.RawMessage) (text string, why *problem.Problem) {
	refuse := func(text, sentence, hint string) (string, *problem.Problem) {
		return text, problem.New(problem.NotSupported, sentence, hint, nil)
	}
	var session wire.SessionTypeParameters
	if json.Unmarshal(parameters, &session) != nil || session.SessionType == "" {
		return refuse("the session type cannot be read", "The agent began a session of a kind that cannot be read.",
			"Update the SSM agent at the other end.")
	}
	if session.SessionType != wire.SessionTypePort {
		return refuse("only port sessions are supported",
			"This is a session with a terminal ("+oneLine(session.SessionType, 64)+"); Spacehatch carries SSH and forwarded ports only.",
			"Use ssh (with the document AWS-StartSSHSession), or AWS's own session-manager-plugin for this session.")
	}
	// Properties of another shape do not ask for multiplexing.
	var properties wire.PortProperties
	_ = json.Unmarshal(session.Properties, &properties)
	c.port.Host, c.port.Number = oneLine(properties.Host, 255), oneLine(properties.PortNumber, 16)
	c.port.LocalNumber, c.port.LocalConnectionType, c.port.LocalUnixSocket =
		properties.LocalPortNumber, properties.LocalConnectionType, properties.LocalUnixSocket
	if properties.Type != wire.TypeLocalPortForwarding {
		return "", nil
	}
	switch {
	case !c.o.Forward:
		return refuse("only port sessions that are not multiplexed are supported here",
			"The session forwards a port and is not one that SSH can use.",
			"Use the session document AWS-StartSSHSession, or have `aws ssm start-session` forward the port.")
	case !newer(c.port.AgentVersion, lastWithoutMultiplexing):
		return refuse("only multiplexed forwarding is supported",
			"The SSM agent at the other end ("+c.port.AgentVersion+") is too old to forward a port through Spacehatch.",
			"Update the agent to one newer than "+lastWithoutMultiplexing+" (the document AWS-UpdateSSMAgent does that).")
	}
	c.port.Multiplexed = true
	c.port.KeepAlive = !newer(c.port.AgentVersion, lastWithKeepAlive)
	return "", nil
}

// newer reports whether a version of dotted numbers is above another. What is
// no number counts as zero.
func newer(version, than string) bool {
	left, right := strings.Split(version, "."), strings.Split(than, ".")
	for i := range max(len(left), len(right)) {
		a, b := numberAt(left, i), numberAt(right, i)
		if a != b {
			return a > b
		}
	}
	return false
}

func numberAt(parts []string, i int) uint64 {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.ParseUint(parts[i], 10, 32)
	if err != nil {
		return 0
	}
	return n
}
