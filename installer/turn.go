package installer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/turn"
)

// turnTimeout bounds the wait for another process: each has the turn for as long
// as the system's own tools need to look.
const turnTimeout = 30 * time.Second

// inTurn makes changes while no other process makes any: all of them read one
// record and some files, and write them anew.
func inTurn(ctx context.Context, change func() ([]Change, error)) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := paths.MakeRuntime()
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	over, err := turn.Take(bounded, filepath.Join(dir, "installer.lock"))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, problem.New(Failed, fmt.Sprintf("Another Spacehatch process has been changing what is installed for %s.", turnTimeout),
			"End it, then try again.", err)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for other processes that change what is installed: %w", err)
	}
	defer over()
	return change()
}
