package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// onlyInPackages stands beside an archive's files for nfpm alone.
var onlyInPackages = map[string]bool{"refresh.sh": true, desktopEntry: true, metainfo: true, "share/icons": true}

// archive packs a folder in the form that its system opens without help, with
// everything in one folder, in the order of names, by nobody in particular.
func (r release) archive(t target, tree string) error {
	system := map[string]string{"darwin": "macos"}[t.os]
	if system == "" {
		system = t.os
	}
	name := "spacehatch-" + fileVersion(r.version) + "-" + system + "-" + t.arch
	end := ".tar.gz"
	if t.os == "windows" {
		end = ".zip"
	}
	r.say("packing %s%s", name, end)
	f, err := os.Create(filepath.Join(r.out, name+end))
	if err != nil {
		return err
	}
	pack := tarred
	if t.os == "windows" {
		pack = zippedUp
	}
	return errors.Join(pack(f, tree, name, r.date), f.Close())
}

// each calls do for the files below tree in the order of their names.
func each(tree string, do func(name string, mode fs.FileMode, data []byte) error) error {
	return filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		if onlyInPackages[filepath.ToSlash(name)] {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if e.IsDir() {
			return do(filepath.ToSlash(name)+"/", 0o755, nil)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return do(filepath.ToSlash(name), mode, data)
	})
}

func tarred(out io.Writer, tree, folder string, date time.Time) error {
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	err = each(tree, func(name string, mode fs.FileMode, data []byte) error {
		h := &tar.Header{Name: folder + "/" + name, Mode: int64(mode), ModTime: date, Size: int64(len(data)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if data == nil {
			h.Typeflag = tar.TypeDir
		}
		if name == "./" {
			h.Name = folder + "/"
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	})
	return errors.Join(err, w.Close(), z.Close())
}

func zippedUp(out io.Writer, tree, folder string, date time.Time) error {
	w := zip.NewWriter(out)
	err := each(tree, func(name string, mode fs.FileMode, data []byte) error {
		if data == nil {
			return nil // folders come with what is in them
		}
		h := &zip.FileHeader{Name: folder + "/" + name, Method: zip.Deflate, Modified: date}
		h.SetMode(mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	})
	return errors.Join(err, w.Close())
}
