package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Registration is who gets spacehatch:// links.
type Registration struct {
	Handler string // what the system calls it, empty where there is none
	Program string // what it starts
	Ours    bool   // we put it there, for this user
	Warning string // a sentence about what may not work, or empty
}

// Links looks whether links from Studio reach the program at this path.
// install makes them reach it.
func Links(program string, status func(context.Context) (Registration, error), install func(context.Context) error) Check {
	return Check{ID: "links", Title: "Links", Look: func(ctx context.Context) ([]Finding, error) {
		r, err := status(ctx)
		if errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
			return []Finding{Told(Info, err)}, nil
		}
		if err != nil {
			return nil, err
		}
		f := linkFinding(r, program)
		if f.Severity == Warning && (r.Handler == "" || r.Ours && !present(r.Program)) {
			f.Mend = func(ctx context.Context) (string, error) {
				return "It is registered again.", install(ctx)
			}
		}
		return []Finding{f}, nil
	}}
}

func linkFinding(r Registration, program string) Finding {
	const again = "Run `spacehatch setup`."
	switch {
	case r.Handler == "":
		return Finding{Severity: Warning, Sentence: "No program opens spacehatch:// links on this machine.", Hint: again}
	case !present(r.Program):
		return Finding{Severity: Warning, Hint: again, Sentence: fmt.Sprintf(
			"spacehatch:// links start %s, which is not there any more.", printable.Text(r.Program, 300))}
	case !sameFile(r.Program, program):
		return Finding{Severity: Warning, Hint: "To bring the links to this program, run its `setup`.", Sentence: fmt.Sprintf(
			"spacehatch:// links start %s, and not the program that runs now.", printable.Text(r.Program, 300))}
	case r.Warning != "":
		return Finding{Severity: Warning, Sentence: r.Warning, Hint: "Move Spacehatch to a folder such as ~/.local/bin and run `spacehatch setup` there."}
	}
	return Finding{Severity: OK, Sentence: "spacehatch:// links start this program."}
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
