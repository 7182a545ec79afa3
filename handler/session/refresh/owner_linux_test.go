package refresh

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Lines of the kernel, of a machine with least significant bytes first.
const (
	four = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     7        0 3 1 0 20 4 30 10 -1
`
	six = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:D432 00000000000000000000000001000000:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4 1 0 20 4 30 10 -1
   1: 0000000000000000FFFF00000100007F:D433 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 5 1 0 20 4 30 10 -1
`
)

func TestTheOwnerOfAConnection(t *testing.T) {
	table := filepath.Join(t.TempDir(), "tcp")
	for _, test := range []struct {
		text, from, to string
		uid            int
		ok             bool
	}{
		{four, "127.0.0.1:54321", "127.0.0.1:8080", 1000, true},
		{four, "127.0.0.1:54322", "127.0.0.1:8080", 0, false},
		{four, "127.0.0.2:54321", "127.0.0.1:8080", 0, false},
		{six, "[::1]:54322", "[::1]:8080", 1001, true},
		{six, "127.0.0.1:54323", "127.0.0.1:8080", 1002, true}, // a browser's socket for both families
		{"x\n\n0: : : : : : : :\n1: ZZ:1 0:1 2 3 4 5 6 7\n", "127.0.0.1:54321", "127.0.0.1:8080", 0, false},
	} {
		if err := os.WriteFile(table, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		uid, ok := ownerIn(table, netip.MustParseAddrPort(test.from), netip.MustParseAddrPort(test.to))
		if uid != test.uid || ok != test.ok {
			t.Errorf("%s: the owner is %d, %v", test.from, uid, ok)
		}
	}
}

// Another user of this computer, who has seen the address that the browser was
// started with, is not heard. It takes root to be another user.
func TestAnotherUserIsNotHeard(t *testing.T) {
	o, b := options(t)
	ended := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	at, err := url.Parse(opened.call(func(q url.Values) { q.Set("session", "evil") }))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		cmd := exec.Command("/bin/bash", "-c", `exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.1\r\nHost: %s\r\n\r\n' "$3" "$4" >&3 && cat <&3`,
			"bash", host, at.Port(), at.RequestURI(), at.Host)
		cmd.Dir = "/"
		if os.Getuid() != 0 {
			t.Log("not root: nobody else to be")
			break
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if said, _ := cmd.Output(); len(said) != 0 {
			t.Errorf("another user at %s reads %s", host, said)
		}
	}
	get(t, opened.call(nil))
	if got := <-ended; got.err != nil || got.session.ID != "s-1" {
		t.Errorf("Session = %+v", got)
	}
}

// Whoever had the other loopback address at the same port would get what the
// page brings.
func TestBothAddressesAreOurs(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this computer has no IPv6: %v", err)
		return
	}
	_ = probe.Close()
	l, err := listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := newCall(l.host(), arn, plainRead, discard())
	defer l.serve(c)()
	if second, err := net.Listen("tcp6", net.JoinHostPort("::1", l.port)); err == nil {
		_ = second.Close()
		t.Error("the port is free at ::1")
	}
	if len(l.all) != 2 {
		t.Errorf("%d listeners", len(l.all))
	}
}
