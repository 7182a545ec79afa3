//go:build windows || darwin

package main

import "runtime/debug"

// letGo gives back the memory that only the start needed.
func letGo() { debug.FreeOSMemory() }
