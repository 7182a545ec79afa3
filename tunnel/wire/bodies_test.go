package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
)

func TestAcknowledgementHasTheBytesOfTheGoldenFile(t *testing.T) {
	m := Message{Type: TypeOutputStreamData, SequenceNumber: 5, ID: testID()}
	b := m.Acknowledgement().AppendTo(nil, RandomUUID(1, 2), testDate)
	golden(t, "acknowledge", b)
	back, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"00112233-4455-4677-8899-aabbccddeeff","AcknowledgedMessageSequenceNumber":5,"IsSequentialMessage":true}`
	if string(back.Payload) != want || back.Flags != 3 || back.SequenceNumber != 0 || back.PayloadType != 0 {
		t.Errorf("got %+v\nbody %s", back, back.Payload)
	}
}

func TestAcknowledgeSizeIsRoomForTheLargest(t *testing.T) {
	a := Acknowledge{Type: MessageType(strings.Repeat("x", typeSize)), Sequence: math.MinInt64}
	if n := len(a.AppendTo(nil, UUID{}, 0)); n != AcknowledgeSize {
		t.Errorf("the largest takes %d, AcknowledgeSize is %d", n, AcknowledgeSize)
	}
}

func TestParseAcknowledge(t *testing.T) {
	id := testID().String()
	for _, c := range []struct {
		name, body string
		want       Acknowledge
		fails      bool
	}{
		{"usual", `{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":41,"IsSequentialMessage":true}`,
			Acknowledge{TypeInputStreamData, testID(), 41, true}, false},
		{"not sequential", `{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":0,"IsSequentialMessage":false}`,
			Acknowledge{TypeInputStreamData, testID(), 0, false}, false},
		{"largest number", `{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":9223372036854775807,"IsSequentialMessage":true}`,
			Acknowledge{TypeInputStreamData, testID(), math.MaxInt64, true}, false},
		{"other order and white space", "{ \"AcknowledgedMessageSequenceNumber\" : 7,\n\"AcknowledgedMessageType\":\"x\"}",
			Acknowledge{Type: "x", Sequence: 7}, false},
		{"odd id", `{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"?","AcknowledgedMessageSequenceNumber":3,"IsSequentialMessage":true}`,
			Acknowledge{Type: TypeInputStreamData, Sequence: 3, IsSequential: true}, false},
		{"no number", `{"AcknowledgedMessageType":"input_stream_data"}`, Acknowledge{}, true},
		{"too large a number", `{"AcknowledgedMessageSequenceNumber":9223372036854775808}`, Acknowledge{}, true},
		{"no JSON", `{`, Acknowledge{}, true},
		{"nothing", ``, Acknowledge{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseAcknowledge([]byte(c.body))
			if (err != nil) != c.fails || got != c.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// FuzzParseAcknowledge holds the fast reader against encoding/json.
func FuzzParseAcknowledge(f *testing.F) {
	f.Add([]byte(`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"00112233-4455-4677-8899-aabbccddeeff","AcknowledgedMessageSequenceNumber":5,"IsSequentialMessage":true}`))
	f.Add([]byte(`{"AcknowledgedMessageSequenceNumber":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := parseUsualAcknowledge(b)
		if !ok {
			_, _ = ParseAcknowledge(b)
			return
		}
		var slow map[string]any
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		if err := d.Decode(&slow); err != nil {
			t.Fatalf("read %+v from what is no JSON: %v", fast, err)
		}
		if slow["AcknowledgedMessageSequenceNumber"].(json.Number).String() != fmt.Sprint(fast.Sequence) {
			t.Errorf("number %d, JSON says %v", fast.Sequence, slow)
		}
		if again, ok := parseUsualAcknowledge(fast.appendBody(nil)); !ok || again != fast {
			t.Errorf("written and read again: %+v, was %+v", again, fast)
		}
	})
}

func TestBodiesHaveTheShapeOfTheWire(t *testing.T) {
	open := OpenDataChannel{MessageSchemaVersion: "1.0", RequestID: testID(), Token: secret.New("tok&<en>"),
		ClientID: RandomUUID(0, 0), ClientVersion: "1.3.0.0"}
	text, err := open.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  any
		want string
	}{
		{"open data channel", json.RawMessage(text), `{"MessageSchemaVersion":"1.0","RequestId":"00112233-4455-4677-8899-aabbccddeeff","TokenValue":"tok\u0026\u003cen\u003e","ClientId":"00000000-0000-4000-8000-000000000000","ClientVersion":"1.3.0.0"}`},
		{"handshake request", HandshakeRequest{AgentVersion: "3.3.0.0", RequestedClientActions: []RequestedClientAction{{ActionSessionType,
			mustJSON(SessionTypeParameters{SessionType: SessionTypePort, Properties: mustJSON(PortProperties{PortNumber: "22"})})}}},
			`{"AgentVersion":"3.3.0.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port","Properties":{"portNumber":"22"}}}]}`},
		{"handshake response", HandshakeResponse{ClientVersion: "1.3.0.0", ProcessedClientActions: []ProcessedClientAction{{ActionType: ActionSessionType, ActionStatus: ActionSuccess}}},
			`{"ClientVersion":"1.3.0.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}`},
		{"handshake complete", HandshakeComplete{HandshakeTimeToComplete: 667081 * time.Nanosecond},
			`{"HandshakeTimeToComplete":667081,"CustomerMessage":""}`},
		{"agent session state", AgentSessionState{1, "Connected", "s-1"},
			`{"SchemaVersion":1,"SessionState":"Connected","SessionId":"s-1"}`},
		{"channel closed", ChannelClosed{MessageType: "channel_closed", SchemaVersion: 1, Output: "why"},
			`{"MessageId":"","CreatedDate":"","DestinationId":"","SessionId":"","MessageType":"channel_closed","SchemaVersion":1,"Output":"why"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(mustJSON(c.got)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func TestOpenDataChannelIsReadAndNeverPrintsItsToken(t *testing.T) {
	const canary = "canary-token"
	in := OpenDataChannel{MessageSchemaVersion: "1.0", RequestID: testID(), Token: secret.New(canary), ClientInstanceID: "i-1"}
	text, err := in.Text()
	if err != nil {
		t.Fatal(err)
	}
	out, err := ParseOpenDataChannel(text)
	if err != nil || !reflect.DeepEqual(out, in) {
		t.Errorf("got %+v, %v", out, err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", out, out, out), string(mustJSON(out))} {
		if strings.Contains(s, canary) {
			t.Errorf("the token shows in %s", s)
		}
	}
	for _, bad := range []string{
		``, `{`, canary, `"` + canary + `"`, `{"TokenValue":"` + canary + `"}`,
		`{"RequestId":"` + canary + `"}`, `{"RequestId":"` + testID().String() + `","ClientId":"` + canary + `"}`,
	} {
		if _, err := ParseOpenDataChannel([]byte(bad)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func FuzzParseOpenDataChannel(f *testing.F) {
	f.Add([]byte(`{"MessageSchemaVersion":"1.0","RequestId":"00112233-4455-4677-8899-aabbccddeeff","TokenValue":"t"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOpenDataChannel(b)
		if err != nil {
			return
		}
		text, err := o.Text()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseOpenDataChannel(text); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("got %#v, %v; want %#v", again, err, o)
		}
	})
}

func TestParseChannelClosed(t *testing.T) {
	for _, c := range []struct {
		body, output string
		fails        bool
	}{
		{`{"Output":""}`, "", false},
		{`{"CreatedDate":1,"Output":"why"}`, "why", false},
		{`{"Output":1}`, "", false},
		{`[]`, "", false},
		{``, "", true},
		{`{"Output":"x"`, "", true},
	} {
		got, err := ParseChannelClosed([]byte(c.body))
		if (err != nil) != c.fails || got.Output != c.output {
			t.Errorf("%s: %+v, %v", c.body, got, err)
		}
	}
}

func TestSignal(t *testing.T) {
	b := TerminateSession.AppendTo(nil)
	if string(b) != "\x00\x00\x00\x02" {
		t.Errorf("on the wire % x", b)
	}
	if s, err := ParseSignal(b); err != nil || s != TerminateSession {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := ParseSignal(b[:3]); err == nil {
		t.Error("three bytes are a signal")
	}
}
