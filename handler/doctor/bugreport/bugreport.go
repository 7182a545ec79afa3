// Package bugreport packs what helps to find a fault into one zip file that a
// person can look at before sending it.
//
// It must not know where its texts come from; everything that gets into the
// file passes one redactor, once.
package bugreport

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Redactor takes out of a text what must not leave the machine.
type Redactor interface {
	Text(string) string
}

// Report is what will be in the file.
type Report struct {
	redactor Redactor
	entries  []Entry
}

// Entry is one file of the report.
type Entry struct {
	Name  string `json:"name"`
	What  string `json:"what"` // what it holds, in a few words
	Bytes int    `json:"bytes"`
	data  []byte
}

// New returns an empty report.
func New(redactor Redactor) *Report { return &Report{redactor: redactor} }

// Add adds a text under a name, which is not redacted.
func (r *Report) Add(name, what, text string) {
	r.add(name, what, []byte(r.redactor.Text(text)))
}

// AddJSON adds a value as JSON. Its strings and keys are redacted one by one,
// so that it stays JSON.
func (r *Report) AddJSON(name, what string, value any) error {
	plain, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r.redacted(tree)); err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	r.add(name, what, out.Bytes())
	return nil
}

func (r *Report) redacted(tree any) any {
	switch node := tree.(type) {
	case string:
		return r.redactor.Text(node)
	case json.Number:
		if text := r.redactor.Text(node.String()); text != node.String() {
			return text
		}
		return node
	case []any:
		for i := range node {
			node[i] = r.redacted(node[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(node))
		for key, value := range node {
			clean[r.redactor.Text(key)] = r.redacted(value)
		}
		return clean
	}
	return tree
}

func (r *Report) add(name, what string, data []byte) {
	r.entries = append(r.entries, Entry{Name: name, What: what, Bytes: len(data), data: data})
}

// Entries returns what is in the report, in the order of the file.
func (r *Report) Entries() []Entry { return r.entries }

// Zip returns the file: a README that lists the others, and those. The same
// report gives the same bytes.
func (r *Report) Zip() ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	put := func(name string, data []byte) error {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
		return nil
	}
	if err := put("README.txt", []byte(r.readme())); err != nil {
		return nil, err
	}
	for _, e := range r.entries {
		if err := put(e.Name, e.data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return out.Bytes(), nil
}

func (r *Report) readme() string {
	var b strings.Builder
	b.WriteString("A report about Spacehatch on one machine, made by `spacehatch bugreport`.\n\n" +
		"Taken out of every file: tokens, keys, AWS accounts, names of spaces and of their\n" +
		"domains, the user's name, the machine's name and addresses, the home folder (~).\n" +
		"What was taken out shows as *** or as a name that says what stood there. A program\n" +
		"cannot know everything: look at it before you send it.\n\n")
	for _, e := range r.entries {
		fmt.Fprintf(&b, "%-20s %s\n", e.Name, e.What)
	}
	return b.String()
}
