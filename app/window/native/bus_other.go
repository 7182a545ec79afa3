//go:build !linux

package native

// StartNoBus has nothing to keep from being started.
func StartNoBus() (leave func()) { return func() {} }
