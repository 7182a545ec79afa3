package main

import (
	"io"
	"sync/atomic"
	"time"
)

const (
	// restAfter is how long a connection is silent before it counts as at rest.
	restAfter = 2 * time.Second
	// restWorth is how many bytes have to pass before another rest is worth what
	// giving memory back costs.
	restWorth = 1 << 20
)

// rest gives memory back: soon after the start what only that needed, and when a
// connection comes to rest what a transfer did. At rest it does nothing, and has
// no timer.
type rest struct {
	act     func()
	timer   *time.Timer
	started bool         // the start is over; the timer's alone
	armed   atomic.Bool  // the timer runs
	moved   atomic.Int64 // bytes since the last time
	stir    atomic.Bool  // some since the timer was set
}

// newRest begins with a start. act gives the memory back.
func newRest(act func()) *rest {
	r := &rest{act: act}
	r.armed.Store(true)
	r.timer = time.AfterFunc(restAfter, r.look)
	return r
}

// look is called when the time may be over.
func (r *rest) look() {
	switch {
	case !r.started:
		r.started = true
		r.act()
	case r.stir.Swap(false):
		r.timer.Reset(restAfter)
		return
	case r.moved.Swap(0) >= restWorth:
		r.act()
	}
	r.armed.Store(false)
}

// passed says that bytes have passed.
func (r *rest) passed(n int) {
	r.stir.Store(true)
	if r.moved.Add(int64(n)) >= restWorth && r.armed.CompareAndSwap(false, true) {
		r.timer.Reset(restAfter)
	}
}

func (r *rest) stop() { r.timer.Stop() }

// reader and writer tell r what passes through them.
func (r *rest) reader(of io.Reader) io.Reader { return restReader{of, r} }
func (r *rest) writer(of io.Writer) io.Writer { return restWriter{of, r} }

type restReader struct {
	io.Reader
	rest *rest
}

func (r restReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.rest.passed(n)
	return n, err
}

type restWriter struct {
	io.Writer
	rest *rest
}

func (w restWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.rest.passed(n)
	return n, err
}
