//go:build !cgo

package tray

import "context"

// Supported says that this build can have a tray.
const Supported = false

// Run returns [ErrUnsupported]: the tray of macOS is reached through cgo, and
// this build has none.
func (t *Tray) Run(context.Context) error { return ErrUnsupported }
