package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestLicencesOf(t *testing.T) {
	t.Parallel()
	const bsd = "Redistribution and use in source and binary\n\tforms, with or without modification, are permitted. "
	for name, c := range map[string]struct {
		words string
		want  []string
	}{
		"Apache":            {"   Apache License\n   Version 2.0, January 2004", []string{"Apache-2.0"}},
		"BSD, three":        {bsd + "Neither the name of Fyne.io nor the names of its contributors", []string{"BSD-3-Clause"}},
		"BSD, two":          {bsd, []string{"BSD-2-Clause"}},
		"MIT in capitals":   {"PERMISSION IS HEREBY GRANTED, FREE OF CHARGE, TO ANY PERSON OBTAINING A COPY", []string{"MIT"}},
		"two in one file":   {bsd + "\n\nor: This is free and unencumbered software released into the public domain.", []string{"Unlicense", "BSD-2-Clause"}},
		"one nobody agreed": {"GNU GENERAL PUBLIC LICENSE Version 3", nil},
		"nothing":           {"", nil},
	} {
		if got := licencesOf(c.words); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What several say alike stands there once, with the names of all.
func TestLicenceText(t *testing.T) {
	t.Parallel()
	same := text{"LICENSE", "do as you like"}
	got := licenceText(map[string]module{
		"b@v2": {texts: []text{same}},
		"a@v1": {texts: []text{same, {"font/LICENSE", "not the font"}, {"again/LICENSE", same.words}}},
	})
	if n := strings.Count(got, same.words); n != 1 {
		t.Errorf("the same text stands there %d times", n)
	}
	if !strings.Contains(got, "LICENSE of\n  a@v1\n  b@v2\n=") || !strings.Contains(got, "font/LICENSE of\n  a@v1\n=") {
		t.Errorf("the text is\n%s", got)
	}
}

// A program of ours, which this test is, has a licence for everything in it.
func TestModulesOf(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	self, err := readProgram(path)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := modulesOf(t.Context(), []program{self})
	if err != nil {
		t.Fatal(err)
	}
	for key, m := range modules {
		if len(m.texts) == 0 {
			t.Errorf("%s has no text", key)
		}
	}
	for _, m := range modules {
		if m.path == standard && !slices.Equal(m.licences, []string{"BSD-3-Clause"}) {
			t.Errorf("Go's own library has the licences %v", m.licences)
		}
	}
}
