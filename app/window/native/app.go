//go:build cgo

package native

import (
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
)

// App returns the toolkit on the real display. Call [Probe] first: without a
// display the toolkit ends the program in its own way.
func App() fyne.App {
	// No id: with one, the toolkit makes folders of its own at once.
	return app.NewWithID("")
}

// Tidy returns a function that takes away the folder that the toolkit makes
// beside our settings to look for its own, and the folders above it that were
// missing, unless somebody has put something into them.
func Tidy() func() {
	config, err := os.UserConfigDir()
	if err != nil {
		return func() {}
	}
	var made []string
	for folder := filepath.Join(config, "fyne"); ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		made = append(made, folder)
	}
	return func() {
		for _, folder := range made {
			_ = os.Remove(folder) // only if it is empty
		}
	}
}
