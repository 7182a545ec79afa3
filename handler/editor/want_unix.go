//go:build unix

package editor

// systemWants are the settings that this system needs on top: none.
func systemWants(Editor) []want { return nil }
