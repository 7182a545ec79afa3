package ipc

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// Whatever comes, Receive takes one whole message and not a byte more, or
// fails; it never takes more than it may.
func FuzzReceive(f *testing.F) {
	frame := func(body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	for _, seed := range [][]byte{
		nil, {0}, {0, 0, 0, 0}, {0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff}, {0, 0x10, 0, 0}, {0, 0x10, 0, 1},
		frame(`{"op":"attach","alias":"a.hatch"}`), frame(`null`), frame(`[`), frame("{}rest"),
		append(frame(`{"op":"status"}`), "SSH-2.0-x"...),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		var got struct {
			Op    string `json:"op"`
			Alias string `json:"alias"`
		}
		err := Receive(r, &got)
		read := len(data) - r.Len()
		if read > 4+MaxMessage {
			t.Fatalf("%d bytes were read", read)
		}
		if len(data) == 0 && !errors.Is(err, io.EOF) {
			t.Errorf("nothing at all is %v", err)
		}
		if err != nil {
			return
		}
		size := binary.BigEndian.Uint32(data)
		if read != 4+int(size) || !json.Valid(data[4:read]) {
			t.Errorf("%d bytes were read of a message of %d", read, size)
		}
		var again bytes.Buffer
		if err := Send(&again, got); err != nil {
			t.Fatal(err)
		}
		was := got
		if err := Receive(&again, &got); err != nil || got != was || again.Len() != 0 {
			t.Errorf("%+v comes back as %+v: %v", was, got, err)
		}
	})
}

func TestAMessageHasABound(t *testing.T) {
	for size, taken := range map[int]bool{MaxMessage: true, MaxMessage + 1: false} {
		text := strings.Repeat("x", size-2) // and two quotes
		var sent bytes.Buffer
		if err := Send(&sent, text); (err == nil) != taken || !taken && sent.Len() > 0 {
			t.Errorf("Send of %d bytes: %v", size, err)
		}
		frame := append(binary.BigEndian.AppendUint32(nil, uint32(size)), `"`+text+`"`...)
		var got string
		if err := Receive(bytes.NewReader(frame), &got); (err == nil) != taken || taken && got != text {
			t.Errorf("Receive of %d bytes: %v", size, err)
		}
	}
}
