package terminal

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/handler"
)

// patience is how long a step may take before a line says that it is under
// way.
const patience = 500 * time.Millisecond

// repeat is how often a line says that the same is still waited for.
const repeat = 15 * time.Second

// Progress shows the events of a connection as lines.
type Progress struct {
	Out io.Writer

	mu      sync.Mutex
	running []handler.Step // started, not ended, in that order
	waiting handler.Event  // the last one that was shown as a line
	timer   *time.Timer    // tells of running; nil where nothing runs
}

// Show takes the next event.
func (p *Progress) Show(e handler.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	switch e.Progress {
	case handler.Started:
		p.running = append(p.running, e.Step)
	case handler.Asking:
		return // the question says it all
	case handler.Answered: // what goes on may take its time
	case handler.Waiting:
		if e.Detail != p.waiting.Detail || e.Elapsed-p.waiting.Elapsed >= repeat {
			p.waiting = e
			_, _ = fmt.Fprintln(p.Out, line(e))
		}
		return // it tells often enough by itself
	default:
		for i, step := range p.running {
			if step == e.Step {
				p.running = append(p.running[:i:i], p.running[i+1:]...)
				break
			}
		}
		_, _ = fmt.Fprintln(p.Out, line(e)) // who no longer looks does not stop a connection
		if e.Progress == handler.Failed {
			p.running = nil // what is left ends without a word
		}
	}
	if len(p.running) > 0 {
		latest := p.running[len(p.running)-1]
		p.timer = time.AfterFunc(patience, func() { p.tell(latest) })
	}
}

// tell says that a step is still under way.
func (p *Progress) tell(step handler.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, running := range p.running {
		if running == step {
			_, _ = fmt.Fprintf(p.Out, "..  %-10s %6s  %s\n", names[step], "", underway[step])
		}
	}
}

// names are the steps as a person reads them.
var names = map[handler.Step]string{
	handler.StepLink:      "Link",
	handler.StepSpace:     "Space",
	handler.StepTunnel:    "Tunnel",
	handler.StepConsent:   "Consent",
	handler.StepSSHConfig: "SSH config",
	handler.StepSSH:       "SSH",
	handler.StepEditor:    "IDE",
}

// underway is what a step does while it takes its time.
var underway = map[handler.Step]string{
	handler.StepLink:      "looking for a session",
	handler.StepSpace:     "looking at the space",
	handler.StepTunnel:    "connecting to AWS",
	handler.StepConsent:   "looking for an earlier answer",
	handler.StepSSHConfig: "looking at the SSH config",
	handler.StepSSH:       "connecting to the space",
	handler.StepEditor:    "setting up and starting the IDE",
}

var marks = map[handler.Progress]string{
	handler.Waiting: "..",
	handler.Done:    "ok",
	handler.Skipped: "--",
	handler.Failed:  "!!",
}

// line is an event that ends a step, as one line for a person. A problem is
// marked here and told by Explain, at the end.
func line(e handler.Event) string {
	return strings.TrimRight(fmt.Sprintf("%s  %-10s %6s  %s", marks[e.Progress], names[e.Step], duration(e.Elapsed), e.Detail), " ")
}

func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
