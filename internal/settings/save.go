package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Set writes one key of the file at path and keeps every other line of it,
// comments and line ends included; a comment behind the value stays too. The
// value is of the kind that [Key.Parse] gives. The file and its folder are made
// where they are missing (0600, 0700); a symbolic link survives. A file that
// [Load] would refuse is left alone, with its Problem.
func Set(path, key string, value any) error {
	k, ok := Find(key)
	if !ok {
		return Unknown(key)
	}
	var s Settings
	if err := k.fit(&s, value); err != nil {
		return k.Refuse(err)
	}
	return edit(path, key, key+" = "+encode(k.get(s)))
}

// Unset removes one key of the file at path, so that its default holds. It
// does what [Set] does in every other respect; a key that is not there is no
// error.
func Unset(path, key string) error {
	if _, ok := Find(key); !ok {
		return Unknown(key)
	}
	return edit(path, key, "")
}

// edit replaces the statement of key by line (no line end), or removes it
// where line is empty, or appends it.
func edit(path, key, line string) error {
	data, err := read(path)
	if err != nil {
		return err
	}
	if _, err := Load(path, func(string) (string, bool) { return "", false }); err != nil {
		return err
	}
	doc, err := parse(path, data)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(doc.statements, func(st statement) bool { return st.key == key })
	var out strings.Builder
	if at < 0 {
		out.Write(data)
		if line != "" {
			if len(data) > 0 && data[len(data)-1] != '\n' {
				out.WriteString(doc.lineEnd())
			}
			out.WriteString(line + doc.lineEnd())
		}
	} else {
		st := doc.statements[at]
		before := strings.Join(doc.lines[:st.line-1], "")
		if st.line == 1 && strings.HasPrefix(doc.lines[0], "\ufeff") {
			before = "\ufeff"
		}
		out.WriteString(before)
		if line != "" {
			out.WriteString(line + doc.comment(st) + doc.lineEnd())
		}
		out.WriteString(strings.Join(doc.lines[st.line-1+st.count:], ""))
	}
	if bytes.Equal([]byte(out.String()), data) {
		return nil
	}
	return write(path, []byte(out.String()))
}

func write(path string, data []byte) error {
	failed := func(err error) error {
		return problem.New(Invalid, fmt.Sprintf("The settings could not be written to %s.", path),
			"Check that the folder belongs to you and that the disk is not full.", err)
	}
	if err := paths.Make(filepath.Dir(path)); err != nil {
		return failed(err)
	}
	perm := fs.FileMode(0o600)
	target := path
	if _, err := os.Lstat(path); err == nil {
		// A link that leads nowhere fails here: it must not become a file.
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return failed(err)
		}
		info, err := os.Stat(target)
		if err != nil {
			return failed(err)
		}
		perm = info.Mode().Perm()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	if err := atomicfile.Write(target, data, perm); err != nil {
		return failed(err)
	}
	return nil
}

// encode writes a value that set has accepted as TOML.
func encode(value any) string {
	quote := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	switch value := value.(type) {
	case string:
		return quote(value)
	case bool:
		return strconv.FormatBool(value)
	}
	list, _ := value.([]string)
	parts := make([]string, len(list))
	for i, text := range list {
		parts[i] = quote(text)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
