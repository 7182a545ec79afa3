package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// variableAsk names the socket on which `spacehatch open` answers questions of
// the `spacehatch proxy` that its ssh has started: the proxy has no terminal.
const variableAsk = "SPACEHATCH_ASK"

// decision is the answer to a handler.Proposal.
type decision struct {
	Yes bool `json:"yes"`
}

// asker asks whoever started our ssh, if somebody listens. It implements
// handler.Person.
type asker struct{ socket string }

func (p *program) asker() asker {
	socket, _ := p.lookup(variableAsk)
	return asker{socket}
}

// Consent implements handler.Person; a proxy never needs it.
func (a asker) Consent(context.Context, handler.Link) (handler.Answer, error) {
	return handler.Cancel, nobodyThere(nil)
}

// Approve implements handler.Person.
func (a asker) Approve(ctx context.Context, proposal handler.Proposal) (bool, error) {
	if a.socket == "" {
		return false, nobodyThere(nil)
	}
	conn, err := ipc.Dial(ctx, a.socket)
	if err != nil {
		return false, nobodyThere(err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := ipc.Send(conn, proposal); err != nil {
		return false, nobodyThere(err)
	}
	var d decision
	if err := ipc.Receive(conn, &d); err != nil {
		return false, nobodyThere(err)
	}
	return d.Yes, nil
}

func nobodyThere(cause error) error {
	return problem.New(problem.NeedsPerson, "A question has to be answered, and nobody is there to ask.",
		"Open the space from Studio again, or with `spacehatch connect` in a terminal.", cause)
}

// relay answers the questions of proxies by asking the person, until stop is
// called. It returns the variable for the environment of ssh.
func relay(ctx context.Context, person handler.Person) (variable string, stop func(), err error) {
	runtime, err := paths.MakeRuntime()
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(runtime, fmt.Sprintf("ask-%d.sock", os.Getpid()))
	l, err := ipc.Listen(socket)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed below, or out of descriptors: nobody is asked
			}
			relayOne(ctx, conn, person)
		}
	})
	return variableAsk + "=" + socket, func() {
		cancel()
		_ = l.Close()
		wait.Wait()
	}, nil
}

// relayOne answers one proxy. One that goes away takes its question along.
func relayOne(ctx context.Context, conn *ipc.Conn, person handler.Person) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var proposal handler.Proposal
	if err := ipc.Receive(conn, &proposal); err != nil {
		return
	}
	go func() { // ends when the connection is closed
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	}()
	yes, err := person.Approve(ctx, proposal)
	if err != nil && !errors.Is(err, &problem.Problem{Code: problem.NeedsPerson}) {
		return // the terminal is gone, or Ctrl-C
	}
	_ = ipc.Send(conn, decision{Yes: yes && err == nil})
}
