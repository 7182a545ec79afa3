package tunnel

import (
	"fmt"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// forwarding is a bench whose agent asks for the port forwarding of
// properties, and whose client takes that.
func forwarding(t *testing.T, properties string) *bench {
	o := testOptions()
	o.Forward = true
	b := newBench(t, o)
	b.requests(wire.ActionSessionType, `{"SessionType":"Port","Properties":`+properties+`}`)
	return b
}

func TestForwardingSessionTellsItsPort(t *testing.T) {
	for _, c := range []struct {
		version, properties string
		want                Port
	}{
		{"3.3.0.0", `{"portNumber":"80","localPortNumber":"8080","type":"LocalPortForwarding","host":"db"}`,
			Port{Host: "db", Number: "80", Multiplexed: true, LocalNumber: "8080"}},
		{"3.1.1511.0", `{"portNumber":"80","type":"LocalPortForwarding"}`, Port{Number: "80", Multiplexed: true, KeepAlive: true}},
		{"3.0.196.1", `{"portNumber":"80","type":"LocalPortForwarding"}`, Port{Number: "80", Multiplexed: true, KeepAlive: true}},
		{"3.3.0.0", `{"portNumber":"22"}`, Port{Number: "22"}},
		{"2.0", `{"portNumber":"22"}`, Port{Number: "22"}},
		{"3.3.0.0", `{"localConnectionType":"unix","localUnixSocket":"/tmp/s","type":"LocalPortForwarding"}`,
			Port{Multiplexed: true, LocalConnectionType: "unix", LocalUnixSocket: "/tmp/s"}},
	} {
		b := forwarding(t, c.properties)
		b.agent.version = c.version
		b.open()
		c.want.AgentVersion = c.version
		if got := b.c.port; got != c.want {
			t.Errorf("%s %s: %+v", c.version, c.properties, got)
		}
	}
}

// An agent from before multiplexing would wait for bytes of one connection.
func TestOldAgentForwardsNothing(t *testing.T) {
	for _, version := range []string{"3.0.196.0", "3.0.196", "2.9", "x.y"} {
		b := forwarding(t, `{"type":"LocalPortForwarding"}`)
		b.agent.version = version
		b.agent.begin(b.now)
		b.settle()
		if code(b.c.err) != problem.NotSupported {
			t.Errorf("%q: ended %v with %v", version, b.c.ended, b.c.err)
		}
	}
}

// A connection that the agent cannot make is one of many.
func TestPortErrorDoesNotEndAMultiplexedSession(t *testing.T) {
	b := forwarding(t, `{"portNumber":"80","type":"LocalPortForwarding"}`)
	b.open()
	b.agent.send(b.now, wire.PayloadFlag, wire.ConnectToPortError.AppendTo(nil))
	b.settle()
	if b.c.ended || fmt.Sprint(b.c.notices) != "[The agent could not connect to the port 80.]" {
		t.Errorf("ended %v with %v; notices %q", b.c.ended, b.c.err, b.c.notices)
	}
}

// Nobody speaks first at the other end, so the wait for it is short.
func TestMultiplexedBytesWaitForTheAgentOnlyShortly(t *testing.T) {
	forwarding(t, `{"type":"LocalPortForwarding"}`).holds(multiplexedHold)
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"3.3.0.0", "3.0.196.0", true}, {"3.0.196.0", "3.0.196.0", false}, {"3.0.197", "3.0.196.0", true},
		{"3.0.196", "3.0.196.0", false}, {"3.0.196.0.1", "3.0.196.0", true}, {"10.0", "9.9", true}, {"", "0", false},
		{"-1", "0", false}, {"4294967296", "1", false},
	} {
		if got := newer(c.version, c.than); got != c.want {
			t.Errorf("newer(%q, %q) is %v", c.version, c.than, got)
		}
	}
}
