package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestCommandLineIsWiped(t *testing.T) {
	line := func() string { return windows.UTF16PtrToString(windows.GetCommandLine()) }
	if before := line(); !strings.Contains(before, ".test.exe") {
		t.Fatalf("the command line is %q", before)
	}
	wipeCommandLine()
	if after := line(); strings.Trim(after, "x") != "" {
		t.Errorf("the command line is %q", after)
	}
}
