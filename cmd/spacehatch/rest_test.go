package main

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acted atomic.Int64
		r := newRest(func() { acted.Add(1) })
		defer r.stop()
		after := func(d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := acted.Load(); got != want {
				t.Errorf("memory was given back %d times, want %d", got, want)
			}
		}
		out := r.writer(io.Discard)
		move := func(n int) {
			if _, err := out.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		after(restAfter-1, 0)
		move(2 * restWorth) // a transfer at once
		after(1, 1)
		move(1)
		after(restAfter, 1)
		after(2*restAfter, 2)
		acted.Store(1)
		move(100) // keys
		after(time.Hour, 1)
		for range 10 { // a transfer
			move(restWorth / 4)
			after(restAfter/2, 1)
		}
		after(2*restAfter, 2)
		after(time.Hour, 2)
	})
}

func TestRestSeesBothWays(t *testing.T) {
	r := newRest(func() {})
	defer r.stop()
	r.moved.Store(0)
	var out bytes.Buffer
	if _, err := io.Copy(r.writer(&out), r.reader(strings.NewReader("12345"))); err != nil || out.String() != "12345" {
		t.Fatal(out.String(), err)
	}
	if n := r.moved.Load(); n != 10 {
		t.Errorf("%d bytes have passed", n)
	}
}
