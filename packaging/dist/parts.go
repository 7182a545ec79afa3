package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The list of parts in the form of CycloneDX 1.5, as far as it is used here:
// https://cyclonedx.org/docs/1.5/json/
type (
	bill struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licences   []licence  `json:"licenses,omitempty"`
		Address    string     `json:"purl,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licence struct {
		Licence struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn"`
	}
)

// ours is the licence of this repository.
const ours = "Apache-2.0"

// writeParts writes the list of parts of a release: its programs, each with its
// checksum, and the modules that each is made of.
func (r release) writeParts(programs []program, modules map[string]module) error {
	version := packageVersion(r.version)
	whole := component{Type: "application", Ref: "spacehatch", Name: "spacehatch", Version: version, Licences: licencesNamed(ours)}
	b := bill{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata:     metadata{Timestamp: r.date.Format(time.RFC3339), Component: whole},
		Dependencies: []dependency{{Ref: whole.Ref}},
	}
	for _, p := range programs {
		sum, err := sumOf(p.path)
		if err != nil {
			return err
		}
		ref := p.name + " for " + p.system()
		if slices.ContainsFunc(b.Components, func(c component) bool { return c.Ref == ref }) {
			ref += ", from " + filepath.ToSlash(filepath.Dir(p.path)) // made by others
		}
		b.Components = append(b.Components, component{
			Type: "application", Ref: ref, Name: p.name, Version: version, Licences: licencesNamed(ours),
			Hashes:     []hash{{"SHA-256", sum}},
			Properties: []property{{"spacehatch:system", p.system()}},
		})
		on := dependency{Ref: ref}
		for _, m := range p.modules() {
			on.On = append(on.On, m.address())
		}
		b.Dependencies[0].On = append(b.Dependencies[0].On, ref)
		b.Dependencies = append(b.Dependencies, on)
	}
	for _, key := range slices.Sorted(maps.Keys(modules)) {
		m := modules[key]
		c := component{Type: "library", Ref: m.address(), Name: m.path, Version: m.version, Address: m.address(), Licences: licencesNamed(m.licences...)}
		if m.sum != "" {
			c.Properties = []property{{"go:sum", m.sum}}
		}
		b.Components = append(b.Components, c)
		b.Dependencies = append(b.Dependencies, dependency{Ref: c.Ref, On: []string{}})
	}
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "spacehatch-"+fileVersion(r.version)+".cdx.json"), append(data, '\n'), 0o644)
}

// address is the module's package URL.
func (m module) address() string { return "pkg:golang/" + m.key() }

func licencesNamed(names ...string) []licence {
	all := make([]licence, len(names))
	for i, name := range names {
		all[i].Licence.ID = name
	}
	return all
}
