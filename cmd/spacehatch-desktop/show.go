//go:build cgo

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pkg/browser"

	"github.com/spacehatch/spacehatch/app/window"
	"github.com/spacehatch/spacehatch/app/window/native"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// linger is how long a window stays after all went well.
const linger = 1500 * time.Millisecond

// show shows the screens that come on standard input and writes what the
// person does to standard output.
func show() (code int) {
	// Whatever a library prints must not get into the stream of acts.
	acts := os.Stdout
	os.Stdout = os.Stderr
	browser.Stdout = os.Stderr

	if err := native.Probe(context.Background(), os.LookupEnv); err != nil {
		return noWindow(err)
	}
	defer func() {
		// The toolkit knows no errors for a display that it cannot use: it
		// panics, or ends the program with exit code 1. Either way the first
		// act does not come, and that is what spacehatch goes by.
		if fault := recover(); fault != nil {
			code = noWindow(problem.New(native.NoDisplay, "No window can be opened on this display.",
				"Run spacehatch in a terminal; it asks there.", fmt.Errorf("%v", fault)))
		}
	}()
	defer native.Tidy()()
	sizes := kept("windows.json")
	leaveCache, remove := native.UseCache(kept("cache"))
	defer remove()
	leaveBus := native.StartNoBus()
	leave := func() {
		leaveCache()
		leaveBus()
	}
	if err := window.Translate(); err != nil {
		return failed(err)
	}
	a := native.App()
	a.Settings().SetTheme(window.Theme())
	if err := window.Show(a, window.Options{
		In: os.Stdin, Out: acts, Sizes: sizes, Linger: linger,
		Browse: func(address string) error {
			leave()
			return browser.OpenURL(address)
		},
		Folder: func(path string) error {
			leave()
			return browser.OpenFile(path)
		},
	}); err != nil {
		return failed(err)
	}
	return exitOK
}

// kept is the place of what the windows remember: in the state folder.
func kept(name string) string {
	state, err := paths.State()
	if err != nil {
		return ""
	}
	return filepath.Join(state, name)
}

func failed(err error) int {
	fmt.Fprintf(os.Stderr, "spacehatch-desktop: %v\n", err)
	return exitFailed
}

func noWindow(err error) int {
	p := problem.From(err)
	fmt.Fprintf(os.Stderr, "spacehatch-desktop: %s\n  %s\n", p.Sentence, p.Hint)
	return exitNoDisplay
}
