package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"encoding/xml"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// value is one of a property list: text, true or false, a list or a dictionary.
type value struct {
	text string
	list []value
	dict map[string]value
}

// readPlist reads a property list in XML.
func readPlist(t *testing.T, d *xml.Decoder, start *xml.StartElement) value {
	t.Helper()
	v := value{text: start.Name.Local}
	if start.Name.Local == "dict" {
		v.dict = map[string]value{}
	}
	key := ""
	for {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			if start.Name.Local == "string" || start.Name.Local == "key" {
				v.text = string(token)
			}
		case xml.StartElement:
			inner := readPlist(t, d, &token)
			switch {
			case token.Name.Local == "key":
				key = inner.text
			case v.dict != nil:
				v.dict[key] = inner
			default:
				v.list = append(v.list, inner)
			}
		case xml.EndElement:
			return v
		}
	}
}

// build builds a small program for both kinds of Mac under each of the names.
func build(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(1) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, name := range names {
			cmd := exec.Command("go", "build", "-o", filepath.Join(folder, arch, name), source)
			cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH="+arch, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	}
	return folder
}

func TestBundle(t *testing.T) {
	built := build(t, "spacehatch", "spacehatch-links")
	files, err := bundle(built, "v1.2.3-4-gabcdef")
	if err != nil {
		t.Fatal(err)
	}
	data := func(name string) []byte {
		i := slices.IndexFunc(files, func(f file) bool { return f.name == "Spacehatch.app/Contents/"+name })
		if i < 0 {
			t.Fatalf("there is no %s", name)
		}
		return files[i].data
	}
	d := xml.NewDecoder(bytes.NewReader(data("Info.plist")))
	var root value
	for root.list == nil {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			root = readPlist(t, d, &start)
		}
	}
	info := root.list[0].dict
	for key, want := range map[string]string{
		"CFBundleIdentifier": "io.github.spacehatch", "CFBundleShortVersionString": "1.2.3", "CFBundleVersion": "1.2.3",
		"CFBundlePackageType": "APPL", "LSUIElement": "true",
	} {
		if info[key].text != want {
			t.Errorf("%s is %q, want %q", key, info[key].text, want)
		}
	}
	if types := info["CFBundleURLTypes"].list; len(types) != 1 || len(types[0].dict["CFBundleURLSchemes"].list) != 1 ||
		types[0].dict["CFBundleURLSchemes"].list[0].text != "spacehatch" {
		t.Errorf("the links are %+v", types)
	}
	data("Resources/" + info["CFBundleIconFile"].text)
	for _, name := range []string{"MacOS/spacehatch", "MacOS/" + info["CFBundleExecutable"].text} {
		program, err := macho.NewFatFile(bytes.NewReader(data(name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(program.Arches) != 2 || program.Arches[0].Cpu != macho.CpuAmd64 || program.Arches[1].Cpu != macho.CpuArm64 {
			t.Errorf("%s is for %v", name, program.Arches)
		}
		for _, arch := range program.Arches {
			if arch.Offset%(1<<alignment) != 0 || arch.Type != macho.TypeExec {
				t.Errorf("%s: a part is %+v", name, arch.FatArchHeader)
			}
		}
	}
}

func TestBundleNeedsItsPrograms(t *testing.T) {
	if _, err := bundle(build(t, "spacehatch"), "x"); err == nil || !strings.Contains(err.Error(), "spacehatch-links") {
		t.Errorf("without spacehatch-links: %v", err)
	}
}

func TestIcon(t *testing.T) {
	data := icns()
	if string(data[:4]) != "icns" || int(binary.BigEndian.Uint32(data[4:])) != len(data) {
		t.Fatalf("the head is %q", data[:8])
	}
	count := 0
	for rest := data[8:]; len(rest) > 0; count++ {
		size := binary.BigEndian.Uint32(rest[4:])
		if _, err := png.Decode(bytes.NewReader(rest[8:size])); err != nil {
			t.Errorf("%s: %v", rest[:4], err)
		}
		rest = rest[size:]
	}
	if count != 4 {
		t.Errorf("it has %d pictures", count)
	}
}
