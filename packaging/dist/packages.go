package main

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// packages has nfpm make the package of that name for dpkg and for rpm, of what
// stands in tree. asks is the program that asks most of the system.
func (r release) packages(ctx context.Context, t target, name, tree string, asks program) error {
	config, err := filepath.Abs(filepath.Join("packaging", "linux", name+".yaml"))
	if err != nil {
		return err
	}
	glibc, err := glibcOf(asks.path)
	if err != nil {
		return err
	}
	made, err := os.MkdirTemp(r.scratch, "packages-")
	if err != nil {
		return err
	}
	for _, form := range []string{"deb", "rpm"} {
		r.say("packing %s for %s (%s)", name, t, form)
		cmd := exec.CommandContext(ctx, r.nfpm, "package", "--config", config, "--packager", form, "--target", made+string(os.PathSeparator))
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "ARCH="+t.arch, "PACKAGE_VERSION="+packageVersion(r.version),
			"GLIBC="+glibc, "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.date.Unix(), 10))
		if err := start(cmd); err != nil {
			return err
		}
	}
	packed, err := os.ReadDir(made)
	if err != nil {
		return err
	}
	for _, p := range packed {
		name := strings.ReplaceAll(p.Name(), packageVersion(r.version), fileVersion(r.version))
		if err := copyTo(filepath.Join(r.out, name), filepath.Join(made, p.Name())); err != nil {
			return err
		}
	}
	return nil
}

// copyTo copies a file; the scratch folder may be on another disk.
func copyTo(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// glibcOf returns the oldest version of the C library that has all that a
// program asks for, nothing for one that asks for none.
func glibcOf(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", nil // a static program has no table of them
	}
	var newest []int
	for _, s := range symbols {
		number, ok := strings.CutPrefix(s.Version, "GLIBC_")
		if !ok {
			continue
		}
		var version []int
		for part := range strings.SplitSeq(number, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				return "", fmt.Errorf("%s asks for %s", path, s.Version)
			}
			version = append(version, n)
		}
		if slices.CompareFunc(version, newest, cmp.Compare[int]) > 0 {
			newest = version
		}
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(newest), " ", "."), "[]"), nil
}
