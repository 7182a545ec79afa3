package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func testID() UUID {
	u, err := ParseUUID("00112233-4455-4677-8899-aabbccddeeff")
	if err != nil {
		panic(err)
	}
	return u
}

const testDate = 0x0000019a0b0c0d0e

func goldenMessages() map[string]Message {
	return map[string]Message{
		"input-data": {Type: TypeInputStreamData, SchemaVersion: 1, CreatedDate: testDate, SequenceNumber: 1,
			ID: testID(), PayloadType: PayloadOutput, Payload: []byte("SSH-2.0-x\r\n")},
		"terminate": {Type: TypeInputStreamData, SchemaVersion: 1, CreatedDate: testDate, SequenceNumber: 0x0102030405,
			ID: testID(), PayloadType: PayloadFlag, Payload: TerminateSession.AppendTo(nil)},
		"empty": {Type: TypeOutputStreamData, SchemaVersion: 1, CreatedDate: testDate, Flags: FlagSYN,
			ID: testID(), PayloadType: PayloadOutput, Payload: []byte{}},
		"state": {Type: TypeAgentSessionState, SchemaVersion: 1, CreatedDate: testDate, Flags: FlagSYN | FlagFIN,
			ID: testID(), Payload: []byte(`{"SchemaVersion":1,"SessionState":"Connected","SessionId":"s-1"}`)},
		"pause": {Type: TypePausePublication, SchemaVersion: 1, CreatedDate: testDate, ID: testID(), Payload: []byte{}},
		"unknown": {Type: "a_type_of_thirty_two_characters!", SchemaVersion: 7, CreatedDate: 1, SequenceNumber: -1,
			Flags: 1 << 63, ID: testID(), PayloadType: 99, Payload: []byte{0}},
	}
}

// golden compares b with a hex dump that can be checked by hand.
func golden(t *testing.T, name string, b []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	got := hex.Dump(b)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", name, got, want)
	}
}

func TestMessagesHaveTheBytesOfTheGoldenFiles(t *testing.T) {
	for name, m := range goldenMessages() {
		t.Run(name, func(t *testing.T) {
			b := m.AppendTo(nil)
			golden(t, name, b)
			back, err := Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if !back.DigestValid() {
				t.Error("the digest is not the payload's")
			}
			m.Digest = back.Digest
			if !reflect.DeepEqual(back, m) {
				t.Errorf("decoded\n%+v\nwant\n%+v", back, m)
			}
		})
	}
}

func TestAppendToKeepsWhatTheBufferHolds(t *testing.T) {
	m := goldenMessages()["input-data"]
	b := m.AppendTo([]byte("before"))
	if !bytes.Equal(b, append([]byte("before"), m.AppendTo(nil)...)) {
		t.Error("the bytes before the message changed, or the message did")
	}
}

func TestDigestOfAnotherPayloadIsInvalid(t *testing.T) {
	m := goldenMessages()["input-data"]
	b := m.AppendTo(nil)
	b[len(b)-1] ^= 1
	back, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.DigestValid() {
		t.Error("a changed payload passes")
	}
}

func TestDecodeRefusesHeadersThatLie(t *testing.T) {
	input := goldenMessages()["input-data"]
	state := goldenMessages()["state"]
	good, service := input.AppendTo(nil), state.AppendTo(nil)
	change := func(b []byte, off int, with ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[off:], with)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"no type":                     good[:20],
		"cut in the header":           good[:100],
		"cut before the length":       good[:117],
		"cut in the payload":          good[:len(good)-1],
		"longer than it says":         append(bytes.Clone(good), 0),
		"payload length says more":    change(good, 116, 0xff, 0xff, 0xff, 0xff),
		"header length 0":             change(good, 0, 0, 0, 0, 0),
		"header length beyond":        change(good, 0, 0, 0, 1, 0),
		"header length huge":          change(good, 0, 0xff, 0xff, 0xff, 0xff),
		"data with the short header":  change(good, 0, 0, 0, 0, 112),
		"type of blanks":              change(good, 4, bytes.Repeat([]byte(" "), 32)...),
		"type of zeros":               change(good, 4, make([]byte, 32)...),
		"no date":                     change(good, 40, make([]byte, 8)...),
		"service header length":       change(service, 0, 0, 0, 0, 113),
		"service header length huge":  change(service, 0, 0x7f, 0xff, 0xff, 0xff),
		"service message, cut header": service[:110],
		"service message, cut length": service[:118],
	} {
		t.Run(name, func(t *testing.T) {
			if m, err := Decode(b); err == nil {
				t.Errorf("decoded %+v", m)
			}
		})
	}
}

func TestDecodeReadsOddHeadersOfTheGateway(t *testing.T) {
	pause := goldenMessages()["pause"]
	pauseFrame := pause.AppendTo(nil)
	for n := 36; n <= len(pauseFrame); n++ {
		m, err := Decode(pauseFrame[:n])
		if err != nil || m.Type != TypePausePublication {
			t.Fatalf("%d bytes: %q, %v", n, m.Type, err)
		}
	}
	body := []byte(`{"Output":"x"}`)
	closed := Message{Type: TypeChannelClosed, CreatedDate: 1, Payload: body}
	long := closed.AppendTo(nil)
	short := append(bytes.Clone(long[:112]), 0, 0, 0, byte(len(body)))
	short = append(short, body...)
	short[3] = 112
	lying := bytes.Clone(long)
	lying[119]++
	for name, b := range map[string][]byte{"usual": long, "without a payload type": short, "with a wrong payload length": lying} {
		m, err := Decode(b)
		if err != nil || m.Type != TypeChannelClosed || string(m.Payload) != string(body) || !m.DigestValid() {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestTypesAreTrimmed(t *testing.T) {
	m := Message{Type: TypeInputStreamData, CreatedDate: 1}
	b := m.AppendTo(nil)
	copy(b[4:36], append([]byte(TypeOutputStreamData), make([]byte, 32)...))
	got, err := Decode(b)
	if err != nil || got.Type != TypeOutputStreamData {
		t.Errorf("%q, %v", got.Type, err)
	}
}

func TestUUIDHalvesAreSwapped(t *testing.T) {
	m := goldenMessages()["input-data"]
	b := m.AppendTo(nil)
	if got, want := hex.EncodeToString(b[64:80]), "8899aabbccddeeff"+"0011223344554677"; got != want {
		t.Errorf("on the wire %s, want %s", got, want)
	}
}

func TestUUIDText(t *testing.T) {
	const text = "00112233-4455-4677-8899-aabbccddeeff"
	if got := testID().String(); got != text {
		t.Errorf("String() = %s", got)
	}
	if u, err := ParseUUID(strings.ToUpper(text)); err != nil || u != testID() {
		t.Errorf("upper case: %v, %v", u, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.ReplaceAll(text, "-", "0"), "g" + text[1:]} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("ParseUUID(%q) gives no error", bad)
		}
	}
	u := RandomUUID(^uint64(0), ^uint64(0))
	if got := u.String(); got != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
		t.Errorf("RandomUUID of ones = %s", got)
	}
	if got := RandomUUID(0, 0).String(); got != "00000000-0000-4000-8000-000000000000" {
		t.Errorf("RandomUUID of zeros = %s", got)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	data := goldenMessages()["input-data"]
	data.Payload = make([]byte, 1024)
	frame := data.AppendTo(nil)
	ack := data.Acknowledgement()
	ackFrame := ack.AppendTo(nil, testID(), testDate)
	dst := make([]byte, 0, 4096)
	for name, f := range map[string]func(){
		"encode data": func() { dst = data.AppendTo(dst[:0]) },
		"encode ack":  func() { dst = ack.AppendTo(dst[:0], testID(), testDate) },
		"decode data": func() {
			m, err := Decode(frame)
			if err != nil || !m.DigestValid() {
				t.Fatal(err)
			}
		},
		"decode ack": func() {
			m, err := Decode(ackFrame)
			if err != nil {
				t.Fatal(err)
			}
			if a, err := ParseAcknowledge(m.Payload); err != nil || a != ack {
				t.Fatal(a, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range goldenMessages() {
		f.Add(m.AppendTo(nil))
	}
	m := goldenMessages()["input-data"]
	f.Add(m.Acknowledgement().AppendTo(nil, testID(), testDate))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		again := m.AppendTo(nil)
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if back.SchemaVersion == 1 && m.SchemaVersion == 0 {
			back.SchemaVersion = 0
		}
		if !back.DigestValid() {
			t.Error("the digest written is wrong")
		}
		back.Digest = m.Digest
		if fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", m) {
			t.Errorf("got\n%+v\nwant\n%+v", back, m)
		}
		if !bytes.Equal(back.AppendTo(nil), again) {
			t.Error("written twice, two different messages")
		}
	})
}
