package installer

import (
	"context"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func notYet() error {
	return problem.New(problem.NotSupported, "Spacehatch cannot register its links on Windows yet.",
		"Copy the link's address and run `spacehatch open` with it in a terminal.", nil)
}

func (s Scheme) status(context.Context) (Status, error) { return Status{Scheme: s.name}, notYet() }

func (Scheme) plan(context.Context, string) ([]Change, error) { return nil, notYet() }

func (Scheme) install(context.Context, string) ([]Change, error) { return nil, notYet() }

func (Scheme) uninstall(context.Context) ([]Change, error) { return nil, notYet() }

// checkWritable: every path can be written down here.
func checkWritable(string) error { return nil }
