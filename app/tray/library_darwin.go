//go:build cgo

package tray

import "fyne.io/systray"

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
