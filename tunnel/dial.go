package tunnel

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// responseLimit bounds what is read of an HTTP answer, in bytes.
const responseLimit = 64 << 10

// dialFailure is why a socket could not be opened.
type dialFailure struct {
	problem *problem.Problem
	// refused: the gateway was reached and did not want this URL or token.
	refused bool
	// passing: the gateway was reached and may want it a little later.
	passing bool
	// busy: it said so itself, not something on the way to it.
	busy bool
	// unsigned: it may want a signature, or another one.
	unsigned bool
}

func (f *dialFailure) Error() string { return f.problem.Error() }
func (f *dialFailure) Unwrap() error { return f.problem }

func unreachable(sentence, hint string, cause error) *dialFailure {
	return &dialFailure{problem: problem.New(problem.Unreachable, sentence, hint, cause)}
}

// endpoint is a stream URL that can be dialled.
type endpoint struct {
	url     *url.URL
	tls     bool
	address string // host:port
}

// parseStreamURL reads a stream URL. Its errors never hold it.
func parseStreamURL(stream secret.String, plainAllowed bool) (endpoint, error) {
	text := stream.Reveal()
	malformed := func(why string) (endpoint, error) {
		return endpoint{}, &dialFailure{problem: problem.New(problem.TunnelRefused,
			"The session's stream URL cannot be used: "+why+".",
			"Open the space again from Studio.", nil)}
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return malformed("it holds a character that no URL may hold")
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return malformed("it is no URL")
	case u.Hostname() == "":
		return malformed("it names no host")
	case u.User != nil:
		return malformed("it names a user")
	}
	e := endpoint{url: u, tls: u.Scheme == "wss"}
	if !e.tls && (u.Scheme != "ws" || !plainAllowed) {
		return malformed("its scheme is not wss")
	}
	port := "443"
	if !e.tls {
		port = "80"
	}
	e.address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	return e, nil
}

// open opens a socket to the stream URL, through the proxy if there is one. An
// upgrade that the gateway refuses is signed and tried once more where that is
// possible. Errors are of type *dialFailure, or the context's.
func (o *Options) open(ctx context.Context, stream secret.String) (socket, error) {
	e, err := parseStreamURL(stream, o.InsecurePlain)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.HandshakeTimeout)
	defer cancel()
	s, err := o.openOnce(ctx, e, nil)
	failure, ok := errors.AsType[*dialFailure](err)
	if !ok || !failure.unsigned || o.Sign == nil || e.presigned() {
		return s, err
	}
	header, signErr := o.Sign(ctx, stream)
	if signErr != nil {
		o.Log.Info("the data channel was refused and cannot be signed", "reason", oneLine(signErr.Error(), textLimit))
		return nil, err
	}
	return o.openOnce(ctx, e, header)
}

// presigned reports whether the URL carries its signature itself.
func (e endpoint) presigned() bool {
	for key := range e.url.Query() {
		if strings.HasPrefix(key, "X-Amz-") {
			return true
		}
	}
	return false
}

// openOnce opens a socket with further headers for the gateway.
func (o *Options) openOnce(ctx context.Context, e endpoint, header http.Header) (socket, error) {
	conn, err := o.connect(ctx, e)
	if err != nil {
		return nil, err
	}
	s, err := o.upgrade(ctx, conn, e, header)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

// connect returns a connection on which the gateway expects HTTP.
func (o *Options) connect(ctx context.Context, e endpoint) (net.Conn, error) {
	proxy, err := o.proxyFor(e)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if proxy == nil {
		conn, err = o.dial(ctx, "tcp", e.address)
		if err != nil {
			return nil, unreachable("AWS could not be reached at "+e.address+".",
				"Check the network, the VPN and the firewall; if a proxy is needed, set HTTPS_PROXY.", err)
		}
	} else if conn, err = o.throughProxy(ctx, proxy, e.address); err != nil {
		return nil, err
	}
	conn = newLine(conn)
	if !e.tls {
		return conn, nil
	}
	secured, err := o.secure(ctx, conn, e.url.Hostname())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// secure starts TLS for the host.
func (o *Options) secure(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	secured := tls.Client(conn, &tls.Config{
		RootCAs:    o.RootCAs,
		ServerName: host,
		NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12,
		// Batches of messages are worth whole records.
		DynamicRecordSizingDisabled: true,
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		hint := "Check the network, the VPN and the firewall, then connect again."
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			hint = "If your company inspects TLS, put its CA certificate into a file and name it in AWS_CA_BUNDLE; otherwise check the computer's clock, and do not go on from this network."
		}
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			hint = "Something between this computer and AWS answers in its place: do not go on from this network before you know what."
		}
		return nil, unreachable("No trusted connection to "+host+" could be made.", hint, err)
	}
	return secured, nil
}

// upgrade turns the connection into a web socket.
func (o *Options) upgrade(ctx context.Context, conn net.Conn, e endpoint, header http.Header) (socket, error) {
	release := bindDeadline(ctx, conn)
	var status int
	var kind string
	dialer := ws.Dialer{
		ReadBufferSize: 16 << 10,
		Header:         ws.HandshakeHeaderHTTP(header),
		OnStatusError: func(code int, _ []byte, response io.Reader) {
			status = code
			kind = errorType(response)
		},
	}
	buffered, _, err := dialer.Upgrade(conn, e.url)
	if release(); err == nil {
		err = ctx.Err()
	}
	host := e.url.Hostname()
	switch {
	case status != 0:
		return nil, refusedByStatus(host, status, kind)
	case err != nil:
		return nil, unreachable(host+" did not open a web socket.",
			"A proxy or firewall may not let web sockets through: try another network.", err)
	}
	var rest io.Reader
	if buffered != nil {
		first, _ := buffered.Peek(buffered.Buffered())
		rest = io.MultiReader(strings.NewReader(string(first)), conn)
		ws.PutReader(buffered)
	}
	return newWebSocket(conn, rest, o.DeadAfter), nil
}

// refusedByStatus says what an HTTP status in place of the web socket means.
func refusedByStatus(host string, status int, kind string) *dialFailure {
	cause := fmt.Errorf("HTTP status %d", status)
	if kind != "" {
		cause = fmt.Errorf("HTTP status %d, %s", status, kind)
	}
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		onTheWay := status == http.StatusBadGateway || status == http.StatusGatewayTimeout
		return &dialFailure{passing: true, busy: !onTheWay, problem: problem.New(problem.Unreachable,
			"AWS cannot open the data channel at the moment.", "Connect again in a minute.", cause)}
	case status >= 300 && status < 400, status < 300:
		return &dialFailure{problem: problem.New(problem.Unreachable,
			host+" answered with something that is no web socket.",
			"A proxy or a network log-in page may answer in AWS's place: open a web page in the browser, then connect again.", cause)}
	}
	unsigned := status == http.StatusUnauthorized || status == http.StatusForbidden
	return &dialFailure{refused: true, unsigned: unsigned, problem: problem.New(problem.TunnelRefused,
		"AWS refused the data channel: the session has been used already, or its minute is over.",
		"Open the space again from Studio.", cause)}
}

// errorType returns the AWS error type of an HTTP answer, if it has one that
// can be shown. The body is not used: it may repeat the signed request.
func errorType(response io.Reader) string {
	r, err := http.ReadResponse(bufio.NewReader(io.LimitReader(response, responseLimit)), nil)
	if err != nil {
		return ""
	}
	_ = r.Body.Close()
	kind, _, _ := strings.Cut(r.Header.Get("X-Amzn-Errortype"), ":")
	for _, c := range kind {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	if len(kind) > 64 {
		return ""
	}
	return kind
}

// bindDeadline ends the connection's reads and writes with the context. After
// release it has no deadline again.
func bindDeadline(ctx context.Context, conn net.Conn) (release func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-ended
		}
		_ = conn.SetDeadline(time.Time{})
	}
}
