package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-7f3a"

func TestNoWayOfPrintingShowsTheValue(t *testing.T) {
	type holder struct {
		Token  String
		Nested *String
		Many   []String
		hidden String
		deeper struct{ hidden []String }
	}
	s := New(canary)
	h := holder{Token: s, Nested: &s, Many: []String{s}, hidden: s}
	h.deeper.hidden = []String{s}

	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", h)
	}
	fmt.Fprintln(&out, errors.New("with "+s.String()))
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", s, "holder", h)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "token", s, "holder", h)
	out.Write(logged.Bytes())

	hex := fmt.Sprintf("%x", canary)
	for _, leak := range []string{canary, hex, strings.ToUpper(hex)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the value shows as %q in:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), Mask) {
		t.Error("nothing shows the mask")
	}
}

func TestRevealAndEmpty(t *testing.T) {
	if got := New(canary).Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
	if !New("").Empty() || New("x").Empty() {
		t.Error("Empty() is wrong")
	}
	if got := New("").String(); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}
