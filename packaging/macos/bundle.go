package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/packaging/icons"
)

//go:embed Info.plist
var infoPlist string

// file is one of the bundle.
type file struct {
	name string // with slashes
	data []byte
	mode int64
}

// appVersion is what Info.plist may hold: up to three numbers.
var appVersion = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+)`)

// bundle returns the files of Spacehatch.app. spacehatch-desktop is in it where
// it was built, which takes a Mac.
func bundle(built, version string) ([]file, error) {
	number := "0.0.0"
	if m := appVersion.FindStringSubmatch(version); m != nil {
		number = m[1]
	}
	const contents = "Spacehatch.app/Contents/"
	files := []file{
		{contents + "Info.plist", []byte(strings.ReplaceAll(infoPlist, "@VERSION@", number)), 0o644},
		{contents + "PkgInfo", []byte("APPL????"), 0o644},
		{contents + "Resources/spacehatch.icns", icns(), 0o644},
	}
	for _, name := range []string{"spacehatch", "spacehatch-links", "spacehatch-desktop"} {
		both, err := universal(filepath.Join(built, "amd64", name), filepath.Join(built, "arm64", name))
		if errors.Is(err, fs.ErrNotExist) && name == "spacehatch-desktop" {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file{contents + "MacOS/" + name, both, 0o755})
	}
	return files, nil
}

// The head of a universal program (mach-o/fat.h), and the kinds of Mac.
const (
	fatMagic  = 0xcafebabe
	cpuAMD64  = 0x01000007
	cpuARM64  = 0x0100000c
	subAMD64  = 3
	subARM64  = 0
	alignment = 14 // of a slice, as a power of two: a page of arm64
)

// universal makes one program of two, as lipo does.
func universal(amd64, arm64 string) ([]byte, error) {
	slices := []struct {
		path     string
		cpu, sub uint32
		data     []byte
	}{{amd64, cpuAMD64, subAMD64, nil}, {arm64, cpuARM64, subARM64, nil}}
	head := binary.BigEndian.AppendUint32(nil, fatMagic)
	head = binary.BigEndian.AppendUint32(head, uint32(len(slices)))
	var body []byte
	const unit = 1 << alignment
	for i := range slices {
		s := &slices[i]
		var err error
		if s.data, err = os.ReadFile(s.path); err != nil {
			return nil, err
		}
		if len(s.data) > 1<<30 {
			return nil, fmt.Errorf("%s is too large", s.path)
		}
		body = append(body, make([]byte, (unit-len(body)%unit)%unit)...)
		for _, value := range []uint32{s.cpu, s.sub, uint32(unit + len(body)), uint32(len(s.data)), alignment} {
			head = binary.BigEndian.AppendUint32(head, value)
		}
		body = append(body, s.data...)
	}
	return append(append(head, make([]byte, unit-len(head))...), body...), nil
}

// icns makes an icon of PNGs: a head, and each with its kind and length in
// front. The kinds are of Apple's Icon Services.
func icns() []byte {
	var body []byte
	for _, each := range []struct {
		kind string
		side int
	}{{"ic11", 32}, {"ic12", 64}, {"ic07", 128}, {"ic08", 256}} {
		data := icons.PNG(each.side)
		body = append(body, each.kind...)
		body = binary.BigEndian.AppendUint32(body, uint32(8+len(data)))
		body = append(body, data...)
	}
	return append(binary.BigEndian.AppendUint32([]byte("icns"), uint32(8+len(body))), body...)
}

// pack writes an archive, the same bytes from the same files.
func pack(path string, files []file, date time.Time) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(z)
	for _, f := range files {
		head := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: date, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(head); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	if err := errors.Join(archive.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
