package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReceiveRefusesLies(t *testing.T) {
	huge := binary.BigEndian.AppendUint32(nil, MaxMessage+1)
	for name, bytesIn := range map[string][]byte{
		"a length beyond the bound": huge,
		"a short body":              {0, 0, 0, 9, '{'},
		"a short head":              {0, 0},
		"no JSON":                   {0, 0, 0, 1, '{'},
	} {
		var v any
		if err := Receive(bytes.NewReader(bytesIn), &v); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	var v any
	if err := Receive(strings.NewReader(""), &v); !errors.Is(err, io.EOF) {
		t.Errorf("an empty stream: %v", err)
	}
}
