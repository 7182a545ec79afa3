package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is a module that a program is made of, Go's own library among them.
type module struct {
	path, version, sum string
	// licences are the names that SPDX has for what its texts say.
	licences []string
	texts    []text
}

// text is a file that goes along with what is made of its module.
type text struct{ name, words string }

// standard is how the list of parts calls Go's own library.
const standard = "std"

// modulesOf returns what programs are made of, by path and version. It fails for
// a module without a licence that we know: somebody has to read that one.
func modulesOf(ctx context.Context, programs []program) (map[string]module, error) {
	found := map[string]module{}
	for _, p := range programs {
		for _, m := range p.modules() {
			found[m.key()] = m
		}
	}
	folders, err := foldersOf(ctx, found)
	if err != nil {
		return nil, err
	}
	for key, m := range found {
		if m.texts, err = textsIn(folders[key], m.path != standard); err != nil {
			return nil, err
		}
		for _, t := range m.texts {
			for _, name := range licencesOf(t.words) {
				if !slices.Contains(m.licences, name) {
					m.licences = append(m.licences, name)
				}
			}
		}
		if len(m.licences) == 0 {
			return nil, fmt.Errorf("%s, from %s, has no licence that is known here: read it", key, folders[key])
		}
		slices.Sort(m.licences)
		found[key] = m
	}
	return found, nil
}

func (m module) key() string { return m.path + "@" + m.version }

// modules are those of a program, without texts.
func (p program) modules() []module {
	all := []module{{path: standard, version: strings.TrimPrefix(p.info.GoVersion, "go")}}
	for _, d := range p.info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		all = append(all, module{path: d.Path, version: d.Version, sum: d.Sum})
	}
	return all
}

// foldersOf asks Go where the modules' sources are; those that are not on this
// machine are fetched.
func foldersOf(ctx context.Context, modules map[string]module) (map[string]string, error) {
	folders := map[string]string{}
	args := []string{"mod", "download", "-json"}
	for key, m := range modules {
		if m.path == standard {
			out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
			if err != nil {
				return nil, err
			}
			folders[key] = strings.TrimSpace(string(out))
			continue
		}
		args = append(args, key)
	}
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("look for the modules' sources: %w: %s", err, out)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var m struct{ Path, Version, Dir string }
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		folders[m.Path+"@"+m.Version] = m.Dir
	}
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)([-_.].*)?$`)
	// source is what only looks like a text.
	source = regexp.MustCompile(`(?i)\.(go|ya?ml|json|py|sh)$`)
)

// textsIn returns the licences and notices in a folder, in the order of their
// names; with all those below it, too: of code and fonts that a module took over.
func textsIn(folder string, all bool) ([]text, error) {
	var texts []text
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if path != folder && (!all || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !licenceFile.MatchString(name) || source.MatchString(name) {
			return nil
		}
		words, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(folder, path)
		texts = append(texts, text{filepath.ToSlash(below), strings.TrimSpace(strings.ReplaceAll(string(words), "\r\n", "\n"))})
		return err
	})
	return texts, err
}

// marks are words that stand in no other licence, in the order of asking. What
// is not here is a licence that nobody has agreed to.
var marks = []struct{ licence, words string }{
	{"Apache-2.0", `apache license,? version 2\.0`},
	{"MPL-2.0", `mozilla public license,? (version|v\.) ?2\.0`},
	{"OFL-1.1", `sil open font license,? version 1\.1`},
	{"Zlib", `this software is provided 'as-is', without any express or implied warranty`},
	{"Unlicense", `this is free and unencumbered software released into the public domain`},
	{"ISC", `permission to use, copy, modify, and(/or)? distribute this software for any purpose`},
	{"MIT", `permission is hereby granted, free of charge, to any person obtaining a copy`},
	{"BSD-3-Clause", `redistribution and use in source and binary forms.*(neither the name|the names? of .* may not be used|names of its contributors may)`},
	{"BSD-2-Clause", `redistribution and use in source and binary forms`},
}

// licencesOf returns the licences that a text is, by their names in SPDX.
func licencesOf(words string) []string {
	plain := strings.ToLower(strings.Join(strings.Fields(words), " "))
	var found []string
	for _, m := range marks {
		if m.licence == "BSD-2-Clause" && slices.Contains(found, "BSD-3-Clause") {
			continue
		}
		if regexp.MustCompile(m.words).MatchString(plain) {
			found = append(found, m.licence)
		}
	}
	return found
}

// licencesFile goes along with the programs.
const licencesFile = "THIRD-PARTY-LICENSES.txt"

// licenceText is the file that goes along with programs. Modules that say the
// same share one text.
func licenceText(modules map[string]module) string {
	type said struct {
		name string
		by   []string
	}
	texts := map[string]*said{}
	var order []string
	for _, key := range slices.Sorted(maps.Keys(modules)) {
		for _, t := range modules[key].texts {
			if texts[t.words] == nil {
				texts[t.words] = &said{name: t.name}
				order = append(order, t.words)
			}
			if by := &texts[t.words].by; !slices.Contains(*by, key) {
				*by = append(*by, key)
			}
		}
	}
	var out strings.Builder
	out.WriteString("Spacehatch is made with the work of others. These are their licences and notices.\n")
	line := strings.Repeat("=", 78)
	for _, words := range order {
		s := texts[words]
		out.WriteString("\n" + line + "\n" + s.name + " of\n")
		for _, key := range s.by {
			out.WriteString("  " + strings.Replace(key, standard+"@", "Go's own library, ", 1) + "\n")
		}
		out.WriteString(line + "\n\n" + words + "\n")
	}
	return out.String()
}
