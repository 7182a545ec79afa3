package tray

import (
	"context"
	"os/exec"
)

// terminal opens a terminal with an ssh in it. An alias has no character that
// AppleScript or a shell could act on: [a-z0-9.-].
func (p Programs) terminal(alias string) error {
	return p.start(exec.Command("/usr/bin/osascript",
		"-e", `tell application "Terminal" to do script "ssh `+alias+`"`,
		"-e", `tell application "Terminal" to activate`))
}

// copy puts text on the clipboard.
func (p Programs) copy(ctx context.Context, text string) error {
	_, err := p.run(ctx, text, "/usr/bin/pbcopy")
	return err
}
