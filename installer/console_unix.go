//go:build unix

package installer

func withoutConsole(program string) string { return program }

func withConsole(program string) string { return program }
