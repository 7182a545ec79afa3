//go:build unix

package main

// wipeCommandLine has nothing to do: os.Args are the system's own copy.
func wipeCommandLine() {}
