package tray

import (
	"runtime"
	"sync"

	"fyne.io/systray"
	"golang.org/x/sys/windows"
)

var postThreadMessage = windows.NewLazySystemDLL("user32.dll").NewProc("PostThreadMessageW")

// runLibrary runs the library until over is closed, in the main goroutine. draw
// is called once, before somebody sees the icon; started is closed when the
// library takes changes of it. Where nobody can be shown anything, as in a
// session over ssh, the library waits for ever for its window: its loop is ended
// by the message that ends loops.
func runLibrary(draw func(), started chan<- struct{}, over <-chan struct{}) {
	const quit = 0x0012 // WM_QUIT, Windows SDK
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := windows.GetCurrentThreadId()
	var ending sync.WaitGroup
	defer ending.Wait()
	ready := make(chan struct{})
	ending.Go(func() {
		<-over
		select {
		case <-ready:
			systray.Quit()
		default:
			_, _, _ = postThreadMessage.Call(uintptr(thread), quit, 0, 0)
		}
	})
	systray.Run(func() {
		draw()
		close(ready)
		close(started)
	}, nil)
}
