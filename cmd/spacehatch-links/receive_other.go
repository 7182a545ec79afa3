//go:build !darwin

package main

import "errors"

// receive returns an error: elsewhere a link is an argument.
func receive(func(link string), func()) error {
	return errors.New("this program is for macOS; elsewhere links come to `spacehatch open`")
}
