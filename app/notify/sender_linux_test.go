package notify

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// newBus starts a session bus for one test and makes it the bus of everybody
// in it.
func newBus(t *testing.T) {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--print-address=1", "--nofork")
	cmd.Env = append(os.Environ(), "XDG_DATA_DIRS="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir()) // nobody is started by name
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("the tests of notifications need dbus-daemon (Debian: dbus-daemon): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
}

// server is a notification server.
type server struct {
	conn *dbus.Conn
	can  []string

	mu  sync.Mutex
	all []notification
}

// shown returns what was asked for so far.
func (s *server) shown() []notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// notification is what the server was asked to show.
type notification struct {
	App           string
	Replaces      uint32
	Title, Body   string
	Actions       []string
	Urgency       byte
	Milliseconds  int32
	Icon, Desktop string
}

func newServer(t *testing.T, can ...string) *server {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &server{conn: conn, can: can}
	if err := conn.Export(s, busPath, busName); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%v, %v", reply, err)
	}
	return s
}

func (s *server) GetCapabilities() ([]string, *dbus.Error) { return s.can, nil }

func (s *server) Notify(app string, replaces uint32, icon, title, body string, actions []string,
	hints map[string]dbus.Variant, milliseconds int32,
) (uint32, *dbus.Error) {
	urgency, _ := hints["urgency"].Value().(byte)
	desktop, _ := hints["desktop-entry"].Value().(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, notification{app, replaces, title, body, actions, urgency, milliseconds, icon, desktop})
	if replaces != 0 {
		return replaces, nil
	}
	return uint32(100 + len(s.all)), nil
}

func (s *server) emit(t *testing.T, signal string, values ...any) {
	t.Helper()
	if err := s.conn.Emit(busPath, busName+"."+signal, values...); err != nil {
		t.Fatal(err)
	}
}

func newSender(t *testing.T) *Sender {
	t.Helper()
	s := New("Spacehatch")
	t.Cleanup(s.Close)
	return s
}

func TestSend(t *testing.T) {
	lost := Message{
		Tag: "a", Title: "The connection to <a> is lost", Body: "R&D said: <b>no</b>.", For: 30 * time.Second,
		Actions: []Action{{Label: "Connect again"}, {Label: "Forget"}},
	}
	urgent := Message{Title: "New key", Urgent: true}
	for name, c := range map[string]struct {
		can  []string
		send Message
		want notification
	}{
		"plain":   {nil, lost, notification{Title: lost.Title, Body: lost.Body, Urgency: 1, Milliseconds: 30000, Actions: []string{}}},
		"markup":  {[]string{"body", "body-markup"}, lost, notification{Title: lost.Title, Body: "R&amp;D said: &lt;b&gt;no&lt;/b&gt;.", Urgency: 1, Milliseconds: 30000, Actions: []string{}}},
		"buttons": {[]string{"actions"}, lost, notification{Title: lost.Title, Body: lost.Body, Urgency: 1, Milliseconds: 30000, Actions: []string{"0", "Connect again", "1", "Forget"}}},
		"urgent":  {[]string{"actions"}, urgent, notification{Title: "New key", Urgency: 2, Actions: []string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			newBus(t)
			server := newServer(t, c.can...)
			if err := newSender(t).Send(t.Context(), c.send); err != nil {
				t.Fatal(err)
			}
			c.want.App, c.want.Icon, c.want.Desktop = "Spacehatch", "spacehatch", "spacehatch"
			if got := server.shown(); len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestLaterMessagesReplaceEarlierOnes(t *testing.T) {
	newBus(t)
	server := newServer(t)
	sender := newSender(t)
	send := func(tag string) {
		t.Helper()
		if err := sender.Send(t.Context(), Message{Tag: tag, Title: tag}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"a", "b", "a", "", ""} {
		send(tag)
	}
	server.emit(t, "NotificationClosed", uint32(101), uint32(2))
	closed := func() bool {
		sender.mu.Lock()
		defer sender.mu.Unlock()
		_, still := sender.tags["a"]
		return !still
	}
	for !closed() { // the signal is on its way; another message makes it sure
		send("c")
	}
	send("a")
	var got []uint32
	for _, n := range server.shown() {
		if n.Title != "c" {
			got = append(got, n.Replaces)
		}
	}
	if fmt.Sprint(got) != "[0 0 101 0 0 0]" {
		t.Errorf("replaced %v", got)
	}
}

func TestChosen(t *testing.T) {
	newBus(t)
	server := newServer(t, "actions")
	sender := newSender(t)
	chosen := make(chan string, 10)
	action := func(label string) Action { return Action{label, func() { chosen <- label }} }
	for _, tag := range []string{"a", "b"} {
		err := sender.Send(t.Context(), Message{Tag: tag, Actions: []Action{action(tag + "0"), action(tag + "1")}})
		if err != nil {
			t.Fatal(err)
		}
	}
	server.emit(t, "ActionInvoked", uint32(999), "0") // another program's
	server.emit(t, "ActionInvoked", uint32(101), "7")
	server.emit(t, "ActionInvoked", uint32(101), "-1")
	server.emit(t, "ActionInvoked", uint32(101), "default")
	server.emit(t, "ActionInvoked", "strange")
	server.emit(t, "ActionInvoked", uint32(101), "1")
	server.emit(t, "ActionInvoked", uint32(101), "1") // once is enough
	server.emit(t, "ActionInvoked", uint32(102), "0")
	if a, b := <-chosen, <-chosen; a != "a1" || b != "b0" {
		t.Errorf("chosen: %s, %s", a, b)
	}
}

func TestWithoutAServer(t *testing.T) {
	newBus(t)
	if err := newSender(t).Send(t.Context(), Message{Title: "x"}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
	if err := newSender(t).Send(t.Context(), Message{Title: "x"}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("without a bus: %v", err)
	}
}
