//go:build linux || windows

package native

import (
	"os"
	"path/filepath"
)

const ownCache = "spacehatch-cache-"

// UseCache has the toolkit and the graphics below it keep in folder what they
// would else put into the person's cache folder, each at a place of its own
// that no uninstall knows. Where the folder above it is missing, as before the
// first connection, they get one that goes with this process.
//
// What is started after leave has the person's own folder again. remove takes
// away what is of no use at the next start.
func UseCache(folder string) (leave, remove func()) {
	remove = func() { _ = os.RemoveAll(filepath.Join(folder, "fyne")) }
	if _, err := os.Stat(filepath.Dir(folder)); err != nil {
		passing, err := os.MkdirTemp("", ownCache)
		if err != nil {
			return func() {}, func() {}
		}
		folder, remove = passing, func() { _ = os.RemoveAll(passing) }
	}
	return set(variableCache, folder), remove
}

// set sets a variable of the environment until back is called.
func set(name, value string) (back func()) {
	before, was := os.LookupEnv(name)
	_ = os.Setenv(name, value) // fails for no name that is a constant
	return func() {
		if was {
			_ = os.Setenv(name, before)
		} else {
			_ = os.Unsetenv(name)
		}
	}
}
