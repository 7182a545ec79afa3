package refresh

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// callbackPath is the path that the page calls.
const callbackPath = "/refresh_token"

// What a caller may cost.
const (
	maxHeader = 80 << 10 // bytes of a request: a link's bound, and a browser's headers
	callLimit = 10 * time.Second
	portTries = 20
)

// listener is both loopback addresses at one port: a browser takes either for
// "localhost", and whoever held the other one would get what is meant for us.
type listener struct {
	all  []net.Listener
	port string
}

func listen(ctx context.Context) (*listener, error) {
	var err error
	for range portTries {
		var l *listener
		if l, err = listenOnce(ctx); err == nil {
			return l, nil
		}
	}
	return nil, problem.New(problem.NotSupported, "No port of this computer could be had on which Studio would bring a new session.",
		"Close programs that use many ports, or open the space again from Studio.", err)
}

func listenOnce(ctx context.Context) (*listener, error) {
	var config net.ListenConfig
	four, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &listener{all: []net.Listener{four}}
	if _, l.port, err = net.SplitHostPort(four.Addr().String()); err != nil {
		return nil, errors.Join(err, four.Close())
	}
	other := net.JoinHostPort("::1", l.port)
	six, err := config.Listen(ctx, "tcp6", other)
	if err == nil {
		l.all = append(l.all, six)
		return l, nil
	}
	// No IPv6 on this computer, or somebody else's port.
	var dialer net.Dialer
	taken, dialErr := dialer.DialContext(ctx, "tcp6", other)
	if dialErr == nil {
		_ = taken.Close()
	} else if !errors.Is(err, syscall.EADDRINUSE) {
		return l, nil
	}
	return nil, errors.Join(errors.New("somebody else has the port"), err, four.Close())
}

// host is what a browser must call us.
func (l *listener) host() string { return "localhost:" + l.port }

// serve answers calls until stop is called, which hangs up on whoever is still
// there.
func (l *listener) serve(handler http.Handler) (stop func()) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: callLimit, ReadTimeout: callLimit, WriteTimeout: callLimit,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	server.SetKeepAlivesEnabled(false)
	var serving sync.WaitGroup
	for _, each := range l.all {
		serving.Go(func() { _ = server.Serve(ownUser{each}) }) // it says that the server was closed
	}
	return func() {
		_ = server.Close() // the ports are free whatever it says
		serving.Wait()
	}
}

// ownUser hangs up on other users of this computer, where the system tells:
// they may have seen the address that the browser was started with.
type ownUser struct{ net.Listener }

// Accept implements net.Listener.
func (l ownUser) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !isStranger(conn) {
			return conn, err
		}
		_ = conn.Close()
	}
}

// call waits for one call. It is an http.Handler.
type call struct {
	host, identifier, id string
	read                 func(string) (Callback, error)
	log                  *slog.Logger

	done  atomic.Bool
	found chan session.Session // holds one
}

func newCall(host, identifier string, read func(string) (Callback, error), log *slog.Logger) *call {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	return &call{
		host: host, identifier: identifier, id: hex.EncodeToString(id), read: read, log: log,
		found: make(chan session.Session, 1),
	}
}

// ServeHTTP takes the session from the page that we opened, once. Everybody else
// reads the same, whatever was wrong.
func (c *call) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text, brought := c.answer(r)
	body := fmt.Sprintf(answerPage, text)
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a browser that went away is its own business
	if brought != nil {
		// The port closes with what follows, so the answer is on its way first.
		_ = http.NewResponseController(w).Flush()
		c.found <- *brought
	}
}

// What a browser reads. No text from outside is in it.
const (
	answerPage = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">" +
		"<title>Spacehatch</title></head><body><p>%s</p></body></html>\n"

	textDone    = "Spacehatch has the new session. You can close this tab."
	textNotOurs = "Spacehatch does not wait for this."
)

// answer says what a caller reads, and what was brought where it was the one.
func (c *call) answer(r *http.Request) (status int, text string, brought *session.Session) {
	refused := func(status int, why string) (int, string, *session.Session) {
		// Nothing of the call: it may hold somebody's secrets.
		c.log.Debug("a call to the waiting port was refused", "why", why)
		return status, textNotOurs, nil
	}
	switch {
	case r.Host != c.host:
		return refused(http.StatusMisdirectedRequest, "host")
	case r.URL.Path != callbackPath:
		return refused(http.StatusNotFound, "path")
	case r.Method != http.MethodGet:
		return refused(http.StatusMethodNotAllowed, "method")
	}
	back, err := c.read(r.URL.RawQuery)
	switch {
	case err != nil:
		return refused(http.StatusForbidden, "query")
	case !same(back.RequestID, c.id):
		return refused(http.StatusForbidden, "request id")
	case !same(back.Identifier, c.identifier):
		return refused(http.StatusForbidden, "space")
	case c.done.Swap(true):
		return refused(http.StatusForbidden, "repeated")
	}
	return http.StatusOK, textDone, &back.Session
}

// same compares in a time that tells nothing of where two texts differ.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
