package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// alias is the simulator's first space.
const alias = "my-space.hatch"

// stepLimit bounds one step of a measurement, and cleaning up.
const stepLimit = 30 * time.Second

// stand is a person in front of a simulator whose network has a round-trip
// time, with everything set up that a first connection sets up.
type stand struct {
	*stage.Person
	*programs
	studio *stage.Studio
	far    farEnd
	rtt    time.Duration
	idle   []int // the processes that run when nothing is open
}

// farEnd is what the program farend tells beside the simulator's words.
type farEnd struct {
	Sessions string `json:"sessions"`
	Direct   string `json:"direct"`
	Relay    string `json:"relay"`
	RelayCA  string `json:"relay_ca"`
}

func newStand(ctx context.Context, p *programs, rtt time.Duration) (made *stand, err error) {
	person, err := stage.NewPerson(ctx, p.dir)
	if err != nil {
		return nil, err
	}
	s := &stand{Person: person, programs: p, rtt: rtt}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	about := filepath.Join(s.Work, "tmp", "far-end")
	if s.studio, err = stage.StartStudio(ctx, func(ctx context.Context) *exec.Cmd {
		return s.Command(ctx, p.farend(), "serve", "-rtt", rtt.String(), "-info", about)
	}); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(about)
	if err == nil {
		err = json.Unmarshal(data, &s.far)
	}
	if err != nil {
		return nil, fmt.Errorf("read what the far end says: %w", err)
	}
	s.Env = append(s.Env, s.studio.Environ()...)
	running, err := s.Processes()
	if err != nil {
		return nil, err
	}
	for _, each := range running {
		s.idle = append(s.idle, each.PID)
	}
	// The first connection sets SSH up and looks at the IDE.
	if _, err := s.open(ctx); err != nil {
		return nil, err
	}
	return s, s.disconnect(ctx)
}

// close ends all that was started, also where ctx is over.
func (s *stand) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	var fails []error
	if s.studio != nil {
		_, closeErr := s.output(s.Command(ctx, s.spacehatch(), "close", "--all"))
		// The simulator takes along what AWS's plugin leaves in its spaces.
		fails = append(fails, s.studio.Close())
		if err := s.quiet(ctx); err != nil {
			fails = append(fails, closeErr, err)
		}
	}
	return errors.Join(append(fails, s.Close())...)
}

// disconnect ends every connection and waits until nothing of it runs, which is
// what counts, whatever close says.
func (s *stand) disconnect(ctx context.Context) error {
	_, closeErr := s.output(s.Command(ctx, s.spacehatch(), "close", "--all"))
	if err := s.quiet(ctx); err != nil {
		return errors.Join(closeErr, err)
	}
	return nil
}

// quiet waits until nothing runs but what runs when nothing is open, and what
// AWS's plugin, which ends no session, leaves in the simulator's spaces.
func (s *stand) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	var left []stage.Process
	if err := stage.Until(ctx, func() (bool, error) {
		all, err := s.Processes()
		left = slices.DeleteFunc(all, func(each stage.Process) bool { return descends(each.PID, s.idle) })
		return len(left) == 0, err
	}); err != nil {
		return fmt.Errorf("still running: %v: %w", left, err)
	}
	return nil
}

// descends reports whether a process is one of these or was started by one.
func descends(pid int, from []int) bool {
	for pid > 1 && !slices.Contains(from, pid) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return true // it has ended
		}
		// pid (name) state parent …: the name may hold anything.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 {
			return false
		}
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			return false
		}
	}
	return slices.Contains(from, pid)
}

// output runs a command; its error holds all that it said, but not the
// arguments, which may hold a link.
func (s *stand) output(cmd *exec.Cmd) (string, error) {
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s%s", cmd.Path, err, out.String(), said.String())
	}
	return out.String(), nil
}

// link is a fresh link to the space.
func (s *stand) link(ctx context.Context) (string, error) {
	return s.studio.Link(ctx, "space=my-space&scheme=vscode")
}

// session is what StartSession gave the Studio page, in the form in which
// AWS's plugin takes it.
func (s *stand) session(ctx context.Context) (string, error) {
	link, err := s.studio.Link(ctx, "space=my-space&scheme=vscode&encoding=once")
	if err != nil {
		return "", err
	}
	at, err := url.Parse(link)
	if err != nil {
		return "", errors.New("the link is no URL")
	}
	q := at.Query()
	answer, err := json.Marshal(struct {
		SessionID  string `json:"SessionId"`
		StreamURL  string `json:"StreamUrl"`
		TokenValue string
	}{q.Get("session"), q.Get("ws_url"), q.Get("token")})
	return string(answer), err
}

// sessionVariable is the environment variable that hands a session to AWS's
// plugin.
const sessionVariable = "AWS_SSM_START_SESSION_RESPONSE"

// pluginArgs are AWS's plugin and its arguments, as the AWS CLI gives them.
func (s *stand) pluginArgs() []string {
	return []string{s.plugin(), sessionVariable, s.studio.Env["AWS_REGION"], "StartSession", "", `{"Target":"my-space"}`, s.studio.SageMaker}
}
