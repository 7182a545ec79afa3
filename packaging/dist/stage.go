package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/packaging/icons"
)

// stage lays out what goes into an archive or a package, as it stands below a
// prefix such as /usr where that is possible, and returns the folder. What is
// for the windows comes along where they do.
func (r release) stage(ctx context.Context, t target, purpose, manual string, programs []program) (string, error) {
	tree := filepath.Join(r.scratch, t.os+"-"+t.arch, purpose)
	put := func(name string, data []byte, mode fs.FileMode) error {
		path := filepath.Join(tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, mode); err != nil {
			return err
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			return err
		}
		return os.Chtimes(path, r.date, r.date)
	}
	copied := func(from, name string, mode fs.FileMode) error {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return put(name, data, mode)
	}
	modules, err := modulesOf(ctx, programs)
	if err != nil {
		return "", err
	}
	if err := put(licencesFile, []byte(licenceText(modules)), 0o644); err != nil {
		return "", err
	}
	for _, name := range []string{"LICENSE", "CHANGELOG.md"} {
		if err := copied(name, name, 0o644); err != nil {
			return "", err
		}
	}
	bin := "bin/"
	if t.os == "windows" {
		bin = ""
	}
	for _, p := range programs {
		if err := copied(p.path, bin+p.name, 0o755); err != nil {
			return "", err
		}
	}
	if err := r.stageManual(t, manual, put); err != nil {
		return "", err
	}
	if t.os != "linux" {
		return tree, nil
	}
	for from, mode := range map[string]fs.FileMode{"install.sh": 0o755, "uninstall.sh": 0o755, "refresh.sh": 0o644} {
		if err := copied(filepath.Join("packaging/linux", from), from, mode); err != nil {
			return "", err
		}
	}
	if len(programs) > 1 {
		if err := r.stageDesktop(put); err != nil {
			return "", err
		}
	}
	policies, err := filepath.Glob("packaging/policies/*")
	if err != nil {
		return "", err
	}
	for _, path := range policies {
		if err := copied(path, "policies/"+filepath.Base(path), 0o644); err != nil {
			return "", err
		}
	}
	return tree, nil
}

type put func(name string, data []byte, mode fs.FileMode) error

// stageManual: systems with man get pages and the completions of their shells,
// Windows those of PowerShell.
func (r release) stageManual(t target, manual string, put put) error {
	return filepath.WalkDir(manual, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(manual, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch powershell := strings.HasSuffix(name, ".ps1"); {
		case powershell != (t.os == "windows"):
			return nil
		case powershell:
			name = "completion.ps1"
		case strings.HasSuffix(name, ".1"):
			name += ".gz"
			if data, err = zipped(data); err != nil {
				return err
			}
		}
		return put(name, data, 0o644)
	})
}

// stageDesktop puts in what a desktop reads.
func (r release) stageDesktop(put put) error {
	files := map[string][]byte{"share/icons/hicolor/scalable/apps/spacehatch.svg": icons.SVG()}
	for _, side := range []int{16, 24, 32, 48, 64, 128, 256} {
		files[fmt.Sprintf("share/icons/hicolor/%dx%[1]d/apps/spacehatch.png", side)] = icons.PNG(side)
	}
	of := strings.NewReplacer("@DATE@", r.date.Format(time.DateOnly), "@VERSION@", packageVersion(r.version))
	for _, name := range []string{desktopEntry, metainfo, "spacehatch-desktop.1"} {
		data, err := os.ReadFile(filepath.Join("packaging/linux", name))
		if err != nil {
			return err
		}
		files[name] = []byte(of.Replace(string(data)))
	}
	page, err := zipped(files["spacehatch-desktop.1"])
	if err != nil {
		return err
	}
	delete(files, "spacehatch-desktop.1")
	files["share/man/man1/spacehatch-desktop.1.gz"] = page
	for name, data := range files {
		if err := put(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// What a desktop reads in a package; an archive's own install.sh has
// `spacehatch setup` write the like for the user.
const (
	desktopEntry = "spacehatch.desktop"
	metainfo     = "io.github.spacehatch.spacehatch.metainfo.xml"
)

// zipped compresses, without a time or a name.
func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
