package desktop

import (
	"context"

	"github.com/spacehatch/spacehatch/app/view"
)

// Setup shows s, whose stage is view.Choosing, in a window. Where the person
// chooses to go on it calls carryOut, which shows what has been done so far as
// often as it likes; the last one shown stays in the window when Setup
// returns. The context of carryOut ends when the person cancels. It returns
// whether carryOut was called, and [ErrNoWindow] where no window can be opened.
func Setup(ctx context.Context, program string, s view.Setup,
	carryOut func(ctx context.Context, a view.Answer, show func(view.Setup)),
) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opening, stop := context.WithTimeout(ctx, comeUp)
	defer stop()
	p, err := start(opening, command(program), view.Screen{Setup: &s})
	if err != nil {
		return false, err
	}
	return carrySetup(ctx, cancel, p, s.ID, carryOut)
}

func carrySetup(ctx context.Context, cancel context.CancelFunc, p *Process, id int,
	carryOut func(context.Context, view.Answer, func(view.Setup)),
) (bool, error) {
	var (
		shown   = make(chan view.Setup)
		done    chan struct{}
		acts    = p.Acts()
		started bool
	)
	for {
		select {
		case act, ok := <-acts:
			switch {
			case !ok && done == nil:
				p.End()
				return started, nil
			case !ok:
				acts = nil // what was begun is finished without a window
			case act.Kind == view.CancelAsked:
				cancel()
			case act.Kind == view.Answered && !started && act.Answer != nil && act.Answer.ID == id:
				if act.Answer.Choice != view.Yes {
					p.End()
					return false, nil
				}
				started, done = true, make(chan struct{})
				answer := *act.Answer
				go func() { // ends before this function does
					defer close(done)
					carryOut(ctx, answer, func(s view.Setup) { shown <- s })
				}()
			}
		case s := <-shown:
			p.Show(view.Screen{Setup: &s})
		case <-done:
			p.Leave()
			return true, nil
		case <-ctx.Done():
			if done != nil {
				for running := true; running; {
					select {
					case <-shown:
					case <-done:
						running = false
					}
				}
			}
			p.End()
			return started, ctx.Err()
		}
	}
}
