package tunnel

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// Options say where to open a data channel and how. The zero value of each
// field but StreamURL and Token means its default.
type Options struct {
	// StreamURL is what StartSession gave, wss://…, dialled untouched,
	// presigned or not. It is not checked against any policy: the caller must
	// have pinned its host.
	StreamURL secret.String
	// Token is what StartSession gave.
	Token secret.String
	// ClientVersion is what the agent is told, as dotted numbers. Default
	// "1.3.0.0". For SSH nothing depends on it.
	ClientVersion string
	// Forward also takes a session whose document forwards a port, whose stream
	// carries many connections at once: [Tunnel.Port] tells. Without it such a
	// session is NotSupported.
	Forward bool
	// Refresh is asked for a fresh stream URL and token of the same session
	// when a channel that was open has been lost and the old token was
	// refused, three times at most and each time for 30 s at most. A token of
	// another session would reach another agent, which knows nothing of the
	// bytes so far. An error that wraps [ErrSessionLost] ends the tunnel at
	// once; the hint of a Problem in it, with what that speaks of, becomes the
	// hint of the end.
	// Default: none.
	Refresh func(ctx context.Context) (streamURL, token secret.String, err error)
	// Sign is asked for the headers that sign the upgrade of a stream URL that
	// is not presigned, when the gateway has refused it without them (401 or
	// 403). The result goes to the stream's host alone. Default: none.
	Sign func(ctx context.Context, streamURL secret.String) (http.Header, error)
	// Notice is called with texts for the person, such as the message that an
	// administrator has put into the session document: printable, one line,
	// at most about 1 KiB. They belong on stderr. It is called by one
	// goroutine at a time, holds the tunnel up until it returns, and must not
	// call Close. Default:
	// they go to Log.
	Notice func(text string)

	// Changed is called when [Stats].State has become another one. The tunnel
	// is locked meanwhile: return at once and do not call it. Default: nobody
	// is told.
	Changed func()

	// RootCAs are the certificate authorities to trust. Default: what
	// [RootCAs] returns.
	RootCAs *x509.CertPool
	// Proxy returns the proxy for a request to the stream's host (scheme
	// https or http, no path, no query), or nil. http and https proxies are
	// spoken to with CONNECT. Default:
	// [http.ProxyFromEnvironment] (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
	Proxy func(*http.Request) (*url.URL, error)
	// InsecurePlain allows the scheme ws, without TLS. For a simulator only.
	InsecurePlain bool

	// Profile says how hard the gateway is pushed. Default [ProfileSafe]; an
	// unknown one is that, too.
	Profile Profile
	// PayloadSize is the largest payload of a message, in bytes, at most
	// 64 KiB. Default: the profile's.
	PayloadSize int
	// Window bounds the bytes that are sent and not acknowledged. Default: the
	// profile's.
	Window int
	// EarlyResponse answers the agent's handshake before it has asked, as if it
	// asked for a port session, which saves a round trip. For sessions that are
	// known to be of that kind.
	EarlyResponse bool

	// HandshakeTimeout bounds the opening of a socket, and the handshake with
	// the agent. Default 30 s.
	HandshakeTimeout time.Duration
	// PingInterval is the time between WebSocket pings. Default 15 s.
	PingInterval time.Duration
	// DeadAfter is how long a socket may be silent, pongs included, or refuse
	// to take bytes, before it counts as lost. Default 45 s.
	DeadAfter time.Duration
	// ReconnectLimit bounds the time without a working socket after which the
	// tunnel ends. Default 2 min.
	ReconnectLimit time.Duration
	// PauseLimit bounds a pause that the gateway asked for, after which the
	// tunnel ends. Default 1 min.
	PauseLimit time.Duration
	// CloseTimeout bounds what [Tunnel.Close] waits for. Default 5 s.
	CloseTimeout time.Duration

	// Log takes what is for a developer; it never gets a secret. Default:
	// nothing is logged.
	Log *slog.Logger

	// dial opens the TCP connection, to the proxy or the stream's host; for
	// tests.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	// wall returns what the clock on the wall says now; it goes on while the
	// computer sleeps. For tests.
	wall func(now time.Time) time.Time
}

// maxPayloadSize is the largest payload that has been tried against AWS's
// agent, in bytes.
const maxPayloadSize = 64 << 10

// withDefaults returns the options with every field set.
func (o Options) withDefaults() Options {
	if o.ClientVersion == "" {
		o.ClientVersion = "1.3.0.0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Notice == nil {
		log := o.Log
		o.Notice = func(text string) { log.Info("message from the session", "text", text) }
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	o.PayloadSize = min(o.PayloadSize, maxPayloadSize)
	for _, d := range []struct {
		value   *time.Duration
		initial time.Duration
	}{
		{&o.HandshakeTimeout, 30 * time.Second},
		{&o.PingInterval, 15 * time.Second},
		{&o.DeadAfter, 45 * time.Second},
		{&o.ReconnectLimit, 2 * time.Minute},
		{&o.PauseLimit, time.Minute},
		{&o.CloseTimeout, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.initial
		}
	}
	if o.dial == nil {
		var dialer net.Dialer
		o.dial = dialer.DialContext
	}
	if o.wall == nil {
		o.wall = func(now time.Time) time.Time { return now.Round(0) }
	}
	return o
}
