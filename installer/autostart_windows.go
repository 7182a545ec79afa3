package installer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	runKey   = `Software\Microsoft\Windows\CurrentVersion\Run`
	runValue = "Spacehatch"
	// approvedKey holds what the person switched off in the Task Manager.
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
	// maxRun is the most characters of a command under the Run key, by
	// Microsoft's documentation of it.
	maxRun = 260
)

func (a Autostart) status() (AutostartStatus, error) {
	st := AutostartStatus{Place: `HKEY_CURRENT_USER\` + runKey + `\` + runValue}
	command, err := readRun()
	if err != nil || command == "" {
		return st, err
	}
	if args, err := windows.DecomposeCommandLine(command); err == nil && len(args) > 0 {
		st.Program = args[0]
	}
	st.Ours, st.Enabled = true, !switchedOff()
	return st, nil
}

func (a Autostart) enable(program string) ([]Change, error) {
	if err := checkProgram(program); err != nil {
		return nil, noAutostart(program, err)
	}
	command := windows.ComposeCommandLine([]string{withoutConsole(program), "tray"})
	if len(command) > maxRun {
		return nil, noAutostart(program, errors.New("its path is too long for Windows' Run key"))
	}
	st, err := a.status()
	if err != nil {
		return nil, err
	}
	old, err := readRun()
	if err != nil || st.Enabled && old == command {
		return nil, err
	}
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return nil, cannotChangeRun(err)
	}
	defer func() { _ = key.Close() }()
	if err := key.SetStringValue(runValue, command); err != nil {
		return nil, cannotChangeRun(err)
	}
	if err := deleteValue(approvedKey); err != nil {
		return nil, err
	}
	action := Created
	if old != "" {
		action = Changed
	}
	return []Change{{action, st.Place, whatAutostart}}, nil
}

func (a Autostart) disable() ([]Change, error) {
	st, err := a.status()
	if err != nil || !st.Ours {
		return nil, err
	}
	if err := deleteValue(runKey); err != nil {
		return nil, err
	}
	return []Change{{Removed, st.Place, whatAutostart}}, deleteValue(approvedKey)
}

// readRun returns the command that is there, or nothing.
func readRun() (string, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what starts at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	command, _, err := key.GetStringValue(runValue)
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return "", fmt.Errorf("read what starts at login: %w", err)
	}
	return command, nil
}

// switchedOff: the Task Manager marks what may not start by an odd first byte.
func switchedOff() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer func() { _ = key.Close() }()
	mark, _, err := key.GetBinaryValue(runValue)
	return err == nil && len(mark) > 0 && mark[0]&1 == 1
}

func deleteValue(path string) error {
	key, err := registry.OpenKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err == nil {
		defer func() { _ = key.Close() }()
		err = key.DeleteValue(runValue)
	}
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return cannotChangeRun(err)
	}
	return nil
}

func cannotChangeRun(err error) error {
	return problem.New(Failed, "What starts at login cannot be changed in the registry.",
		"Your administrator may have forbidden it.", err)
}

// foldersMade: nothing is put into files here.
func foldersMade(string) ([]string, error) { return nil, nil }
