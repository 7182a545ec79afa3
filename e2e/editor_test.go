//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/proxy"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// editorName is the name under which this test binary is VS Code.
const editorName = "code"

// visit is what the stand-in editor did, written next to the program so that
// the test can read it. The path of the page to fetch comes the same way.
type visit struct {
	Args    []string
	Environ []string
	Uname   string // what the space's shell said
	Body    string // what came through the SOCKS port
	Log     string // ssh -v
	Error   string
}

const (
	visitFile = "visit.json"
	pageFile  = "page.url"
)

// standInEditor is VS Code as far as Spacehatch can tell: it lists its
// extensions, and on --remote does what the Remote-SSH extension does.
func standInEditor(args []string) int {
	switch {
	case slices.Contains(args, "--version"):
		fmt.Print("1.104.0\n0123456789abcdef0123456789abcdef01234567\nx64\n")
	case slices.Contains(args, "--list-extensions"):
		if slices.Contains(args, "--show-versions") {
			fmt.Println("ms-vscode-remote.remote-ssh@0.120.0")
		} else {
			fmt.Println("ms-vscode-remote.remote-ssh")
		}
	case slices.Contains(args, "--remote"):
		v := visit{Args: args, Environ: os.Environ()}
		if err := v.remote(args[slices.Index(args, "--remote")+1]); err != nil {
			v.Error = err.Error()
		}
		if err := v.write(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	default:
		fmt.Fprintln(os.Stderr, "the stand-in editor knows no", args)
		return 1
	}
	return 0
}

func beside(name string) string { return filepath.Join(filepath.Dir(os.Args[0]), name) }

// write is atomic, so that whoever waits for the file finds all of it.
func (v *visit) write() error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(beside(visitFile+".part"), data, 0o600); err != nil {
		return err
	}
	return os.Rename(beside(visitFile+".part"), beside(visitFile))
}

// remote starts a shell on the host with a SOCKS port, as Remote-SSH does to
// install and reach its server, and fetches a page through that port.
func (v *visit) remote(target string) error {
	host, ok := strings.CutPrefix(target, "ssh-remote+")
	if !ok {
		return fmt.Errorf("no ssh-remote target: %q", target)
	}
	page, err := os.ReadFile(beside(pageFile))
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var log stage.Buffer
	defer func() { v.Log = log.String() }()
	ssh := exec.CommandContext(ctx, "ssh", "-v", "-T", "-D", port, "-o", "ConnectTimeout=60", host, "bash")
	ssh.Stderr = &log
	in, err := ssh.StdinPipe()
	if err != nil {
		return err
	}
	out, err := ssh.StdoutPipe()
	if err != nil {
		return err
	}
	if err := ssh.Start(); err != nil {
		return err
	}
	err = v.script(ctx, in, out, port, string(page))
	return errors.Join(err, in.Close(), ssh.Wait())
}

// script speaks with the shell; the shell runs on until its input ends.
func (v *visit) script(ctx context.Context, in io.Writer, out io.Reader, port, page string) error {
	if _, err := io.WriteString(in, "echo \"ready:$(uname):\"\n"); err != nil {
		return err
	}
	ready := regexp.MustCompile(`ready:(\w+):`)
	var said []byte
	for buf := make([]byte, 1024); ; {
		n, err := out.Read(buf)
		said = append(said, buf[:n]...)
		if found := ready.FindSubmatch(said); found != nil {
			v.Uname = string(found[1])
			break
		}
		if err != nil {
			return fmt.Errorf("the shell said %q: %w", said, err)
		}
	}
	socks, err := proxy.SOCKS5("tcp", net.JoinHostPort("127.0.0.1", port), nil, proxy.Direct)
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: socks.(proxy.ContextDialer).DialContext}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	v.Body = string(body)
	return errors.Join(err, response.Body.Close())
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// installEditor gives the person the stand-in editor, first on the PATH, and a
// page for it to fetch.
func (p *person) installEditor(t *testing.T, page *url.URL) {
	t.Helper()
	bin := filepath.Join(p.Work, "bin")
	p.own(t, bin)
	p.Env = append(p.Env, "PATH="+bin+":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin") // the last counts
	data, err := os.ReadFile(filepath.Join(built, editorName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, editorName), data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, pageFile), []byte(page.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// visited waits for the stand-in editor to have been where it was sent.
func (p *person) visited(t *testing.T) visit {
	t.Helper()
	file := filepath.Join(p.Work, "bin", visitFile)
	var v visit
	eventually(t, func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		return true
	}, func() string { return "the editor was not started, or never came back" })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if v.Error != "" {
		t.Fatalf("the editor's connection: %s\n%s", v.Error, v.Log)
	}
	return v
}
