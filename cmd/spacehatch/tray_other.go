//go:build windows || darwin

package main

// hasDesktop: a program here is in a session with a desktop.
func hasDesktop(func(string) (string, bool)) bool { return true }
