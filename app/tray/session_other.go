//go:build windows || (darwin && cgo)

package tray

import (
	"context"

	"fyne.io/systray"
)

// session is the desktop we run in: the system ends us with it.
type session struct{}

func joinSession() (*session, error) { return &session{}, nil }

func (*session) hasHost() bool { return true }

// stayShown has nothing to do.
func (*session) stayShown(context.Context, chan<- struct{}) error { return nil }

// over is never closed.
func (*session) over() <-chan struct{} { return nil }

func (*session) leave() {}

// runLibrary runs the library until over is closed, in the main goroutine. draw
// is called once, before somebody sees the icon; started is closed when the
// library takes changes of it.
func runLibrary(draw func(), started chan<- struct{}, over <-chan struct{}) {
	systray.Run(func() {
		draw()
		close(started)
		go func() { // ends before this function
			<-over
			systray.Quit()
		}()
	}, nil)
}

// nameItem does nothing: macOS would write the name beside the icon.
func nameItem(string) {}
