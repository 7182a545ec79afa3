package notify

import (
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// The interface of the Desktop Notifications Specification 1.2.
const (
	busName = "org.freedesktop.Notifications"
	busPath = "/org/freedesktop/Notifications"

	urgencyNormal   = byte(1)
	urgencyCritical = byte(2)
)

// answerIn bounds a call: the server may be started by it.
const answerIn = 10 * time.Second

// Sender shows messages through the session's notification server. It is not
// connected before the first message. Methods may be called by any goroutine.
type Sender struct {
	name string

	mu    sync.Mutex
	conn  *dbus.Conn
	wait  sync.WaitGroup
	shown map[uint32]shown  // what the server may still call us about
	tags  map[string]uint32 // the message that a tag's next one replaces
}

// shown is a message on the screen.
type shown struct {
	tag     string
	actions []Action
}

// New returns a sender that calls itself name.
func New(name string) *Sender {
	return &Sender{name: name, shown: map[uint32]shown{}, tags: map[string]uint32{}}
}

// Send shows a message and returns when the server has it. It returns
// [ErrUnsupported] where the session has no such server.
func (s *Sender) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	// Held during the calls: an answer must not come before the message is in
	// the table, and messages of one tag follow each other.
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(); err != nil {
		return err
	}
	server := s.conn.Object(busName, busPath)
	var can []string
	if err := server.CallWithContext(ctx, busName+".GetCapabilities", 0).Store(&can); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	body := m.Body
	if slices.Contains(can, "body-markup") {
		body = html.EscapeString(body)
	}
	// Each action is an identifier and a label.
	actions := []string{}
	if slices.Contains(can, "actions") {
		for i, a := range m.Actions {
			actions = append(actions, strconv.Itoa(i), a.Label)
		}
	}
	urgency := urgencyNormal
	if m.Urgent {
		urgency = urgencyCritical
	}
	hints := map[string]dbus.Variant{
		"urgency":       dbus.MakeVariant(urgency),
		"category":      dbus.MakeVariant("network"),
		"desktop-entry": dbus.MakeVariant("spacehatch"),
	}
	milliseconds := int32(min(m.For.Milliseconds(), math.MaxInt32)) // 0: it does not expire
	var id uint32
	replaces := s.tags[m.Tag]
	if m.Tag == "" {
		replaces = 0
	}
	err := server.CallWithContext(ctx, busName+".Notify", 0, s.name, replaces, "spacehatch",
		m.Title, body, actions, hints, milliseconds).Store(&id)
	if err != nil {
		return fmt.Errorf("show a notification: %w", err)
	}
	delete(s.shown, replaces)
	s.shown[id] = shown{m.Tag, m.Actions}
	if m.Tag != "" {
		s.tags[m.Tag] = id
	}
	return nil
}

// connect joins the session bus and listens to the server; the lock is held.
// It starts no bus.
func (s *Sender) connect() error {
	if s.conn != nil && s.conn.Connected() {
		return nil
	}
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	failed := func(err error) error {
		_ = conn.Close()
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err := conn.Auth(nil); err != nil {
		return failed(err)
	}
	if err := conn.Hello(); err != nil {
		return failed(err)
	}
	err = conn.AddMatchSignal(dbus.WithMatchInterface(busName), dbus.WithMatchObjectPath(busPath),
		dbus.WithMatchSender(busName))
	if err != nil {
		return failed(err)
	}
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	s.conn = conn
	s.wait.Go(func() { // ends with the connection, which closes the channel
		for signal := range signals {
			s.heard(signal)
		}
	})
	return nil
}

// heard handles a signal of the server.
func (s *Sender) heard(signal *dbus.Signal) {
	if len(signal.Body) < 2 {
		return
	}
	id, ok := signal.Body[0].(uint32)
	if !ok {
		return
	}
	s.mu.Lock()
	message, ours := s.shown[id]
	var chosen func()
	switch signal.Name {
	case busName + ".ActionInvoked":
		key, _ := signal.Body[1].(string)
		if i, err := strconv.Atoi(key); ours && err == nil && i >= 0 && i < len(message.actions) {
			chosen = message.actions[i].Chosen
			message.actions = nil // once
			s.shown[id] = message
		}
	case busName + ".NotificationClosed":
		if ours {
			delete(s.shown, id)
			if s.tags[message.tag] == id {
				delete(s.tags, message.tag)
			}
		}
	}
	s.mu.Unlock()
	if chosen != nil {
		chosen()
	}
}

// Close lets go of the session; messages stay on the screen, their buttons no
// longer do anything.
func (s *Sender) Close() {
	s.mu.Lock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}
