//go:build unix

package sshconfig

func programWord(path string) string { return posixWord(path) }

// hostWord is the host name as the user wrote it. In single quotes, with the
// names that hold one taken out by a block of their own, no name can reach the
// shell.
const hostWord = "'%n'"
