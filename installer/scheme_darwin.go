package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// macOS gives links to bundles, by what their Info.plist says, and keeps the
// list itself (Launch Services). Nothing here has run on a Mac yet.

const (
	whatScheme = "registration of our links"

	// lsregister has Launch Services read a bundle anew, or forget it.
	lsregister = "/System/Library/Frameworks/CoreServices.framework/Frameworks/LaunchServices.framework/Support/lsregister"

	// whoOpens prints the bundle that gets a link of ours, or nothing.
	whoOpens = `ObjC.import("AppKit");
const bundle = $.NSWorkspace.sharedWorkspace.URLForApplicationToOpenURL($.NSURL.URLWithString("` + Name + `://x"));
bundle.isNil() ? "" : ObjC.unwrap(bundle.path)`

	// toolTime bounds a run of the system's tools.
	toolTime = 20 * time.Second
)

func (s Scheme) status(ctx context.Context) (Status, error) {
	st := Status{Scheme: s.name}
	bundle, err := tool(ctx, "/usr/bin/osascript", "-l", "JavaScript", "-e", whoOpens)
	if err != nil {
		return st, fmt.Errorf("ask macOS who opens our links: %w", err)
	}
	if bundle == "" {
		return st, nil
	}
	st.Handler, st.Entry = filepath.Base(bundle), bundle
	if st.Program = filepath.Join(bundle, "Contents", "MacOS", Name); !exists(st.Program) {
		st.Program = bundle // somebody else's
	}
	self, err := os.Executable()
	st.Ours = err == nil && bundleOf(self) == bundle
	return st, nil
}

// edit returns the bundle to register, empty where it gets the links already.
func (s Scheme) edit(ctx context.Context, program string) (bundle string, err error) {
	if err := checkProgram(program); err != nil {
		return "", noLinks(program, err)
	}
	if bundle = bundleOf(program); bundle == "" {
		return "", problem.New(problem.NotSupported, "On macOS links are brought to Spacehatch.app, and not to a program that stands by itself.",
			"Put Spacehatch.app into Applications and run its `setup`.", nil)
	}
	st, err := s.status(ctx)
	if err != nil || st.Entry == bundle {
		return "", err
	}
	return bundle, nil
}

func (s Scheme) plan(ctx context.Context, program string) ([]Change, error) {
	bundle, err := s.edit(ctx, program)
	if err != nil || bundle == "" {
		return nil, err
	}
	return []Change{{Created, bundle, whatScheme}}, nil
}

func (s Scheme) install(ctx context.Context, program string) ([]Change, error) {
	bundle, err := s.edit(ctx, program)
	if err != nil || bundle == "" {
		return nil, err
	}
	if _, err := tool(ctx, lsregister, "-f", bundle); err != nil {
		return nil, noLinks(program, err)
	}
	st, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	if st.Entry != bundle {
		// Registered twice, the newer one wins; what wins here is for the person
		// to say, by taking it out.
		_, err := tool(ctx, lsregister, "-u", bundle)
		return nil, errors.Join(problem.New(Failed, "macOS opens spacehatch:// links with "+printable.Text(st.Entry, 300)+".",
			"Remove that one, or run its `uninstall`, and try again.", nil), err)
	}
	return []Change{{Created, bundle, whatScheme}}, nil
}

func (s Scheme) uninstall(ctx context.Context) ([]Change, error) {
	st, err := s.status(ctx)
	if err != nil || !st.Ours {
		return nil, err
	}
	if _, err := tool(ctx, lsregister, "-u", st.Entry); err != nil {
		return nil, fmt.Errorf("take our links back: %w", err)
	}
	return []Change{{Removed, st.Entry, whatScheme}}, nil
}

// tool runs a program of the system and returns what it says, without the end
// of the line.
func tool(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, printable.Text(string(failed.Stderr), 300))
	}
	return strings.TrimRight(string(out), "\n"), err
}

func noLinks(program string, why error) error {
	return problem.New(Failed, "Links cannot be opened with "+printable.Quoted(program)+": "+why.Error()+".",
		"Put Spacehatch.app into Applications and try again.", nil)
}

// checkWritable: every path can be written down here.
func checkWritable(string) error { return nil }
