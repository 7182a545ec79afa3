package main

import (
	"errors"
	"strings"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// ofMachines turns what a tunnel says of a space into what is true of a machine
// that Session Manager reaches: the longer pieces come first.
var ofMachines = []string{
	"Look in Studio whether the space is running and remote access is on", "Look whether the machine is running and its SSM agent is connected",
	"Look whether the space is running and remote access is on", "Look whether the machine is running and its SSM agent is connected",
	"look whether the space is running and remote access is on", "look whether the machine is running and its SSM agent is connected",
	"Look in Studio whether the space is still running", "Look whether the machine is still running",
	"Open the space again from Studio", "Connect again",
	"Restart the space; its agent may be", "Restart the SSM agent there; it may be",
	"The space", "The machine", "the space", "the machine",
}

// words puts a tunnel's problem into the words of what is at its far end.
func (c *carrier) words(err error) error {
	p, ok := errors.AsType[*problem.Problem](err)
	if !ok || c.space.Kind != session.Instance {
		return err
	}
	other := strings.NewReplacer(ofMachines...)
	said := *p
	said.Sentence, said.Hint = other.Replace(p.Sentence), other.Replace(p.Hint)
	return &said
}
