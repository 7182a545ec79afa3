package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Interception is the scheme of an IDE whose links the user wants to come to
// Spacehatch first.
type Interception struct {
	Scheme  string
	Program string // what is to get them
	Next    string // the name of who gets the others, empty where nobody does
	Taken   bool   // another program has taken the scheme since
	Warning string // a sentence about what does not work, or empty
	// Forbidden: an administrator does not allow it. Missing: one wants it, and
	// it is not so.
	Forbidden, Missing bool
}

// Interceptions looks whether links still come to the program at this path
// where the user has asked for it. A scheme that an IDE has taken back is
// said, and left to it. mend makes the program get the links of a scheme, or an
// administrator's decision so; it is called only where ours is what is missing,
// or that decision.
func Interceptions(program string, status func(context.Context) ([]Interception, error), mend func(context.Context, string) error) Check {
	return Check{ID: "intercept", Title: "Interception", Look: func(ctx context.Context) ([]Finding, error) {
		all, err := status(ctx)
		if errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
			return nil, nil // then nobody can have asked for it
		}
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return fine("Links of Studio's buttons go to their IDE."), nil
		}
		var found []Finding
		for _, i := range all {
			f := i.finding(program)
			f.ID = "intercept." + i.Scheme
			if i.Forbidden || i.Missing || !present(i.Program) {
				f.Mend = func(ctx context.Context) (string, error) {
					done := "They come to this program now."
					if i.Forbidden {
						done = "They go to the IDE again."
					}
					return done, mend(ctx, i.Scheme)
				}
			}
			found = append(found, f)
		}
		return found, nil
	}}
}

func (i Interception) finding(program string) Finding {
	on, off := "`spacehatch intercept enable "+i.Scheme+"`", "`spacehatch intercept disable "+i.Scheme+"`"
	next := printable.Text(i.Next, 60)
	switch {
	case i.Forbidden:
		return Finding{Severity: Warning, Hint: off + " takes the interception back.",
			Sentence: fmt.Sprintf("%s:// links come here first, which your administrator does not allow.", i.Scheme)}
	case i.Missing:
		return Finding{Severity: Warning, Hint: "`spacehatch setup` sees to it.",
			Sentence: fmt.Sprintf("%s:// links go to %s, and your administrator wants them to come here first.", i.Scheme, next)}
	case i.Warning != "":
		return Finding{Severity: Warning, Sentence: i.Warning, Hint: off + " takes the interception back."}
	case i.Taken:
		return Finding{Severity: Warning,
			Sentence: fmt.Sprintf("%s:// links go to %s again, which has taken them back; an update of it may do that.", i.Scheme, next),
			Hint:     on + " has them come here once more, " + off + " leaves it at that."}
	case !sameFile(i.Program, program):
		return Finding{Severity: Info, Hint: "To bring them to this program, run " + on + ".",
			Sentence: fmt.Sprintf("%s:// links come to %s, and not to the program that runs now.", i.Scheme, printable.Text(i.Program, 300))}
	case next == "":
		return Finding{Severity: OK, Sentence: fmt.Sprintf("%s:// links to a space come here; no program has the others.", i.Scheme)}
	}
	return Finding{Severity: OK, Sentence: fmt.Sprintf("%s:// links to a space come here, the others go to %s.", i.Scheme, next)}
}
