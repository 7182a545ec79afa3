package terminal

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/printable"
)

// SignIn shows a sign-in as lines. It implements signin.Screen.
type SignIn struct {
	Out io.Writer
	// Browse opens a page in the person's browser; nil where there is none.
	Browse func(address string) error
}

// Show implements signin.Screen. Nobody gives up here but by the end of ctx.
func (s SignIn) Show(ctx context.Context, code signin.Code) error {
	how := "Your browser opens a page of AWS. Confirm there that it shows this code:"
	if s.Browse == nil {
		how = "Open this page in a browser, on this computer or another, and confirm that it\nshows this code:"
	}
	_, _ = fmt.Fprintf(s.Out, "\nSign in to AWS, profile %s. %s\n\n    %s\n    %s\n\n", printable.Quoted(code.Profile), how, code.Code, code.Address)
	opened := make(chan error, 1)
	if s.Browse != nil {
		// It may last as long as the browser does, and nobody needs its end.
		go func() { opened <- s.Browse(code.Address) }()
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	s.waits(code)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-opened:
			if err != nil {
				_, _ = fmt.Fprintln(s.Out, "No browser could be started: open the page yourself.")
			}
		case <-tick.C:
			s.waits(code)
		}
	}
}

func (s SignIn) waits(code signin.Code) {
	left := max(0, time.Until(code.Expires)).Round(time.Minute)
	_, _ = fmt.Fprintf(s.Out, "Waiting for the page in the browser, %d min at most. Ctrl-C gives up.\n", int(left.Minutes()))
}
