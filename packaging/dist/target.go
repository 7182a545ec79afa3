package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// target is a system that a release is made for.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"},
}

func (t target) String() string { return t.os + "/" + t.arch }

// windows reports whether the windows can be made here: they take C, and with
// it a compiler and libraries of the system that they are for.
func (t target) windows() bool { return t.os == "linux" && t.arch == runtime.GOARCH }

// exe is what stands behind a program's name.
func (t target) exe() string {
	if t.os == "windows" {
		return ".exe"
	}
	return ""
}

// choose returns the targets of a list with commas, all for an empty one.
func choose(list string) ([]target, error) {
	if list == "" {
		return targets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is none of %v", name, targets)
		}
		chosen = append(chosen, targets[i])
	}
	return chosen, nil
}

// program is a built program.
type program struct {
	name, path string
	info       *buildinfo.BuildInfo
}

func readProgram(path string) (program, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program{}, fmt.Errorf("read what %s is made of: %w", path, err)
	}
	return program{filepath.Base(path), path, info}, nil
}

// setting is one of the build's, such as GOOS.
func (p program) setting(key string) string {
	for _, s := range p.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (p program) system() string { return p.setting("GOOS") + "/" + p.setting("GOARCH") }

func (r release) build(ctx context.Context, t target, name string) (program, error) {
	path := filepath.Join(r.scratch, t.os+"-"+t.arch, "built", name+t.exe())
	r.say("building %s for %s", name, t)
	cgo := "0"
	if name == "spacehatch-desktop" {
		cgo = "1"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", r.ldflags, "-o", path, "./cmd/"+name)
	cmd.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED="+cgo)
	if err := start(cmd); err != nil {
		return program{}, err
	}
	return readProgram(path)
}

// writeManual has the commands describe themselves, below a folder share.
func (r release) writeManual(ctx context.Context, folder string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "^TestManual$", "./cmd/spacehatch",
		"-manual", folder, "-manual-version", packageVersion(r.version), "-manual-date", strconv.FormatInt(r.date.Unix(), 10))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return start(cmd)
}

// start runs a command; its error holds all that it said.
func start(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
