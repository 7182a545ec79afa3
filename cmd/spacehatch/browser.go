package main

import (
	"os"

	"github.com/pkg/browser"
)

// findBrowser returns what opens a page in the person's browser, or nil where
// there is no display for one.
func findBrowser(lookup func(string) (string, bool)) func(address string) error {
	if !hasDisplay(lookup) {
		return nil
	}
	return openBrowser
}

// openBrowser returns when the browser has the page, which may be when the
// browser ends. What it prints goes to standard error: standard output may
// belong to ssh.
func openBrowser(address string) error {
	browser.Stdout = os.Stderr
	return browser.OpenURL(address)
}
