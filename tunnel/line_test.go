package tunnel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// recorder is a connection that gives canned bytes and keeps each write.
type recorder struct {
	net.Conn
	reads  [][]byte
	writes []string
}

func (r *recorder) Read(p []byte) (int, error) {
	if len(r.reads) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.reads[0])
	r.reads = r.reads[1:]
	return n, nil
}

func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func TestALineWritesManyRecordsAtOnce(t *testing.T) {
	r := &recorder{}
	l := newLine(r)
	write := func(s string) {
		if n, err := l.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	write("at once")
	for range 2 {
		l.cork()
		write("one ")
		write("two")
		if err := l.uncork(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.uncork(); err != nil {
		t.Fatal(err)
	}
	write("again")
	want := []string{"at once", "one two", "one two", "again"}
	if len(r.writes) != len(want) {
		t.Fatalf("written %q", r.writes)
	}
	for i, each := range want {
		if r.writes[i] != each {
			t.Errorf("written %q, want %q", r.writes[i], each)
		}
	}
}

func TestALineSaysBeforeItWaits(t *testing.T) {
	r := &recorder{reads: [][]byte{[]byte("abc"), []byte("de")}}
	l := newLine(r)
	var told []int
	l.waiting = func(last arrival) { told = append(told, last.bytes) }
	var got bytes.Buffer
	for range 5 {
		p := make([]byte, 1)
		if _, err := l.Read(p); err != nil {
			t.Fatal(err)
		}
		got.Write(p)
	}
	if got.String() != "abcde" {
		t.Errorf("read %q", got.String())
	}
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if len(told) != 3 || told[0] != 0 || told[1] != 3 || told[2] != 2 {
		t.Errorf("told %v", told)
	}
}
