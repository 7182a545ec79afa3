// Package witness sees what a program has done: which files it changed, how
// often it went to the network. It is for the tests of more than one package.
//
// It must not know the programs, nor what is tried with them.
package witness

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is the only way out for programs that have its Environ, and leads
// nowhere: each connection is counted and closed.
type Proxy struct {
	Environ []string
	count   atomic.Int64
}

// NewProxy starts a proxy that ends with the test.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "http://" + l.Addr().String()
	p := &Proxy{Environ: []string{"HTTPS_PROXY=" + at, "https_proxy=" + at, "HTTP_PROXY=" + at, "http_proxy=" + at}}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed below
			}
			p.count.Add(1)
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wait.Wait()
	})
	return p
}

// Connections is how many have come.
func (p *Proxy) Connections() int64 { return p.count.Load() }
