//go:build !linux

package main

import "os"

// shorten does nothing: here nobody but a pipe's maker says how long it is.
func shorten(*os.File, int) {}
