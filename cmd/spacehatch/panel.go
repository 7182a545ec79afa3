package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// panel shows work in a window of that name, until the person closes it. Where
// no window can be opened, instead says which command does it in a terminal.
func (p *program) panel(ctx context.Context, o desktop.PanelOptions, work desktop.Work, instead string) error {
	if p.windows != nil {
		o.Program = p.windows(true)
	}
	var err error
	if o.Program == "" {
		err = desktop.ErrNoWindow
	} else if o.Folder, err = paths.MakeRuntime(); err == nil {
		err = desktop.RunPanel(ctx, o, work)
	}
	switch {
	case errors.Is(err, desktop.ErrOpen):
		_, err = fmt.Fprintln(p.out, "The window is open already; it is in front now.")
		return err
	case errors.Is(err, desktop.ErrNoWindow):
		return problem.New(problem.NotSupported, "No window could be opened.", instead, err)
	}
	return err
}
