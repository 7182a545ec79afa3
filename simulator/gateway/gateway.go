// Package gateway is the simulator's Session Manager message gateway: it
// checks tokens and presigned URLs, joins a client's WebSocket with the agent
// of the session's space, keeps a session while its client is away, and breaks
// what it is told to break.
//
// It must not know how sessions are asked for (API, links, pages), what runs
// in a space, or what the bytes of a session mean.
package gateway

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/space"
)

// Space is what a session leads to.
type Space interface {
	// Name tells spaces apart.
	Name() string
	// Attend runs the agent of one session until the session's end and
	// returns the text that the client is told, empty for a normal end.
	Attend(ctx context.Context, session space.Session, channel space.Channel) string
}

// Config is how a gateway runs. Zero values stand for the defaults.
type Config struct {
	// Listen is a loopback address, "127.0.0.1:0" by default. Others are
	// refused.
	Listen string
	// Plain serves ws:// instead of wss://.
	Plain bool
	// CAFile is where the certificate of the gateway's own authority is
	// written, PEM. Empty: it is not written. Close removes it.
	CAFile string
	// Hosts are further names that the gateway's certificate is good for.
	Hosts []string
	// Region stands in presigned URLs; "us-east-1" by default.
	Region string
	// ControlToken opens /control/; empty: there is no such path.
	ControlToken secret.String
	// SessionTTL is how long a session may wait for its first client, one
	// minute by default.
	SessionTTL time.Duration
	// AwayLimit is how long a session outlives the loss of its client, 20
	// minutes by default as Session Manager's idle limit.
	AwayLimit time.Duration
	// ConnectionLimit is how many open sessions a space may have, 10 by
	// default as SageMaker's.
	ConnectionLimit int
	// PingInterval is the time between pings to a client, 50 s by default.
	PingInterval time.Duration
	// Agent gives every session's agent its pace and payload size.
	Agent space.Session
	// Verify checks the signature of an upgrade that is no presigned URL; nil
	// takes none for good. One that is there is always checked.
	Verify func(*http.Request) error
	// Faults are the faults from the start.
	Faults Faults
	Log    *slog.Logger
}

// What a zero Config stands for.
const (
	defaultListen     = "127.0.0.1:0"
	defaultRegion     = "us-east-1"
	defaultTTL        = time.Minute
	defaultAway       = 20 * time.Minute
	defaultLimit      = 10
	defaultPing       = 50 * time.Second
	openTimeout       = 30 * time.Second // from the upgrade to the client's open message
	headerTimeout     = 30 * time.Second
	lastMessagesLimit = 5 * time.Second // what a closing socket has to deliver its queue
)

// Gateway is a running gateway. Its methods may be called concurrently.
type Gateway struct {
	config  Config
	log     *slog.Logger
	network *network
	server  *http.Server
	scheme  string
	host    string // with port
	signKey []byte // of presigned URLs

	ctx     context.Context
	cancel  context.CancelFunc
	working sync.WaitGroup

	faults   atomic.Pointer[Faults]
	counters counters

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
}

// Start listens and serves until Close. ctx is for the start alone.
func Start(ctx context.Context, config Config) (*Gateway, error) {
	config = config.withDefaults()
	if err := checkLoopback(config.Listen); err != nil {
		return nil, err
	}
	g := &Gateway{config: config, log: config.Log, sessions: map[string]*session{}, signKey: make([]byte, 32), scheme: "wss"}
	_, _ = rand.Read(g.signKey) // it never fails
	g.network = newNetwork()
	var lc net.ListenConfig
	raw, err := lc.Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	g.host = raw.Addr().String()
	listener := net.Listener(&shapedListener{Listener: raw, network: g.network, accepted: &g.counters.dials})
	if config.Plain {
		g.scheme = "ws"
	} else {
		certificate, authority, err := newCertificate(append(config.Hosts, "localhost", "127.0.0.1", "::1"))
		if err == nil && config.CAFile != "" {
			err = writeAuthority(config.CAFile, authority)
		}
		if err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		listener = tls.NewListener(listener, serverTLS(certificate))
	}
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	g.SetFaults(config.Faults)
	g.server = &http.Server{
		Handler:           g.handler(),
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return g.ctx },
	}
	g.working.Go(func() {
		if err := g.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("the gateway stopped", "error", err)
		}
	})
	return g, nil
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.Region == "" {
		c.Region = defaultRegion
	}
	if c.SessionTTL == 0 {
		c.SessionTTL = defaultTTL
	}
	if c.AwayLimit == 0 {
		c.AwayLimit = defaultAway
	}
	if c.ConnectionLimit == 0 {
		c.ConnectionLimit = defaultLimit
	}
	if c.PingInterval == 0 {
		c.PingInterval = defaultPing
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// checkLoopback refuses an address that other machines can reach.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read the listen address: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen on %s: only the loopback is allowed", address)
	}
	return nil
}

// Host returns the gateway's host and port.
func (g *Gateway) Host() string { return g.host }

// URL returns the gateway's address, "wss://127.0.0.1:…".
func (g *Gateway) URL() string { return g.scheme + "://" + g.host }

// CAFile returns where the certificate authority is, empty where there is
// none.
func (g *Gateway) CAFile() string {
	if g.config.Plain {
		return ""
	}
	return g.config.CAFile
}

// Close ends every session and connection and waits for all goroutines.
func (g *Gateway) Close() error {
	g.network.abort() // now nothing blocks on a client that does not read, with a lock held or not
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	err := g.server.Close()
	for _, s := range g.sessions {
		s.stop()
	}
	g.working.Wait()
	g.network.wait()
	return errors.Join(err, g.removeAuthority())
}

// enter lets Close wait for the caller, which calls g.working.Done; false after
// Close. The HTTP server does not wait for connections that became WebSockets.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.working.Add(1)
	}
	return !g.closed
}

func (g *Gateway) removeAuthority() error {
	if g.CAFile() == "" {
		return nil
	}
	return removeFile(g.CAFile())
}
