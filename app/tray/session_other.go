//go:build windows || (darwin && cgo)

package tray

import "context"

// session is the desktop we run in: the system ends us with it.
type session struct{}

func joinSession() (*session, error) { return &session{}, nil }

func (*session) hasHost() bool { return true }

// stayShown has nothing to do.
func (*session) stayShown(context.Context, chan<- struct{}) error { return nil }

// over is never closed.
func (*session) over() <-chan struct{} { return nil }

func (*session) leave() {}

// nameItem does nothing: macOS would write the name beside the icon.
func nameItem(string) {}
