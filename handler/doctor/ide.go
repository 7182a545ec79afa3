package doctor

import (
	"context"
	"fmt"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// IDE is an installed IDE that can be asked.
type IDE interface {
	Version(context.Context) (string, error)
	// Extension returns the version of the extension for SSH, empty where it
	// is built in.
	Extension(context.Context) (version string, installed bool, err error)
	// Check is nil where it can open a space.
	Check(context.Context) error
}

// IDEReady looks whether an IDE can open a space. name is its command, title
// what people call it; complete reports whether its settings hold what the
// connection needs. What is missing is offered, with a question, by the next
// `spacehatch open`, so nothing is mended here.
func IDEReady(name, title string, ide IDE, complete func() (bool, error)) Check {
	return Check{ID: "ide-" + name, Title: title, Look: func(ctx context.Context) ([]Finding, error) {
		return []Finding{ideFinding(ctx, title, ide), ideSettings(name, title, complete)}, nil
	}}
}

func ideFinding(ctx context.Context, title string, ide IDE) Finding {
	if err := ide.Check(ctx); err != nil {
		if ctx.Err() != nil {
			return Finding{Severity: Warning, Sentence: title + " did not answer in time.", Hint: "Start it once by yourself and see whether it works."}
		}
		return Told(Warning, err)
	}
	version, err := ide.Version(ctx)
	if err != nil {
		return Told(Warning, err)
	}
	extension, _, err := ide.Extension(ctx)
	if err != nil {
		return Told(Warning, err)
	}
	with := "its extension for SSH is built in"
	if extension != "" {
		with = "its extension for SSH is " + printable.Text(extension, 64)
	}
	return Finding{Severity: OK, Sentence: fmt.Sprintf("Version %s; %s.", printable.Text(version, 64), with)}
}

func ideSettings(name, title string, complete func() (bool, error)) Finding {
	f := Finding{Severity: OK, Sentence: "Its settings fit."}
	if done, err := complete(); err != nil {
		f = Told(Warning, err)
	} else if !done {
		f = Finding{Severity: Info, Sentence: "Its settings lack what a slow space needs.", Hint: "The next `spacehatch open` shows the change and asks."}
	}
	f.ID, f.Title = "ide-"+name+".settings", title
	return f
}

// NoIDE tells that no IDE was found; preferred is the one the settings name,
// or empty.
func NoIDE(preferred string) Check {
	return Check{ID: "ide", Title: "IDE", Look: func(context.Context) ([]Finding, error) {
		if preferred != "" {
			return one(Warning, fmt.Sprintf("The IDE %s, which the settings name, was not found.", printable.Quoted(preferred)),
				"Install it, put its command into a folder of your PATH, or change the setting editor."), nil
		}
		return one(Info, "No IDE was found; ssh to a space works without one.",
			"Install one, or put its command into a folder of your PATH."), nil
	}}
}
