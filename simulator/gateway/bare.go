package gateway

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// Network is the gateway's simulated network without a gateway, for whoever
// compares what a data channel carries with what the same line carries bare.
type Network struct{ network *network }

// NewNetwork makes a network with a round-trip time and a bandwidth as in
// [Faults].
func NewNetwork(rtt time.Duration, bandwidth int64) *Network {
	n := &Network{newNetwork()}
	n.network.shape(rtt/2, bandwidth, false)
	return n
}

// Listener puts the network before a listener.
func (n *Network) Listener(raw net.Listener) net.Listener {
	return &shapedListener{Listener: raw, network: n.network, accepted: new(atomic.Int64)}
}

// SecureListener puts the network, and TLS as the gateway has it, before a
// listener. authority is the certificate to trust, PEM.
func (n *Network) SecureListener(raw net.Listener) (secured net.Listener, authority []byte, err error) {
	certificate, authority, err := newCertificate([]string{"localhost", "127.0.0.1", "::1"})
	if err != nil {
		return nil, nil, err
	}
	return tls.NewListener(n.Listener(raw), serverTLS(certificate)), authority, nil
}

// Close resets all connections and waits for their ends. The listeners are
// their owner's to close.
func (n *Network) Close() {
	n.network.abort()
	n.network.wait()
}

// serverTLS is how the gateway speaks TLS.
func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
}
