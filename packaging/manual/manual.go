// Package manual writes a command line down for those who are not running it:
// man pages and the completions of shells, the same bytes each time.
//
// It must not know what a command does: it says what the command says of itself.
package manual

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Manual is a command line with what its pages say beside its own words.
type Manual struct {
	Root *cobra.Command
	// Version and Date are those of the release.
	Version string
	Date    time.Time
	// ExitStatus explains the exit codes, on the first page: a code and its
	// sentence each.
	ExitStatus [][2]string
}

// Files returns everything by its path below a prefix such as /usr. The
// pages are not compressed.
func (m Manual) Files() (map[string][]byte, error) {
	m.Root.InitDefaultCompletionCmd()
	files := map[string][]byte{}
	m.pages(m.Root, files)
	name := m.Root.Name()
	for place, write := range map[string]func(io.Writer) error{
		"share/bash-completion/completions/" + name:          func(w io.Writer) error { return m.Root.GenBashCompletionV2(w, true) },
		"share/zsh/site-functions/_" + name:                  m.Root.GenZshCompletion,
		"share/fish/vendor_completions.d/" + name + ".fish":  func(w io.Writer) error { return m.Root.GenFishCompletion(w, true) },
		"share/powershell/Completions/" + name + "-comp.ps1": m.Root.GenPowerShellCompletionWithDesc,
	} {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			return nil, fmt.Errorf("write %s: %w", place, err)
		}
		files[place] = text.Bytes()
	}
	return files, nil
}

// cobras are the commands that come with the library and explain themselves.
func cobras(c *cobra.Command) bool { return c.Name() == "completion" || c.Name() == "help" }

func (m Manual) pages(c *cobra.Command, files map[string][]byte) {
	files[path.Join("share/man/man1", pageName(c)+".1")] = m.page(c)
	for _, sub := range c.Commands() {
		if !cobras(sub) && !sub.Hidden {
			m.pages(sub, files)
		}
	}
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page writes in the macros of man(7), which every reader of pages has.
func (m Manual) page(c *cobra.Command) []byte {
	c.InitDefaultHelpFlag()
	var p roff
	p.line(fmt.Sprintf(`.TH "%s" 1 "%s" "%s %s" "Commands"`,
		escape(strings.ToUpper(pageName(c))), m.Date.UTC().Format(time.DateOnly), escape(m.Root.Name()), escape(m.Version)))
	p.section("NAME")
	p.text(pageName(c) + " - " + c.Short)
	p.section("SYNOPSIS")
	p.line(`\fB` + escape(c.CommandPath()) + `\fR` + escape(strings.TrimPrefix(c.UseLine(), c.CommandPath())))
	p.section("DESCRIPTION")
	if c.Long == "" {
		p.prose(c.Short + ".")
	} else {
		p.prose(c.Long)
	}
	m.commands(&p, c)
	options(&p, "OPTIONS", c.NonInheritedFlags())
	options(&p, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c == m.Root && len(m.ExitStatus) > 0 {
		p.section("EXIT STATUS")
		for _, each := range m.ExitStatus {
			p.item(`\fB`+escape(each[0])+`\fR`, each[1])
		}
	}
	also(&p, c)
	return p.Bytes()
}

// commands lists what is below c, in c's own groups.
func (m Manual) commands(p *roff, c *cobra.Command) {
	list := func(title, group string) {
		begun := false
		for _, sub := range c.Commands() {
			if sub.Hidden || sub.GroupID != group {
				continue
			}
			if !begun {
				p.section(title)
				begun = true
			}
			p.item(`\fB`+escape(strings.TrimPrefix(sub.CommandPath(), m.Root.Name()+" "))+`\fR`, sub.Short)
		}
	}
	for _, group := range c.Groups() {
		list(strings.ToUpper(strings.TrimSuffix(group.Title, ":")), group.ID)
	}
	list("COMMANDS", "")
}

func options(p *roff, title string, flags *pflag.FlagSet) {
	begun := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if !begun {
			p.section(title)
			begun = true
		}
		value, usage := pflag.UnquoteUsage(f)
		name := `\fB` + escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + name
		}
		if value != "" {
			name += ` \fI` + escape(value) + `\fR`
		}
		p.item(name, usage)
	})
}

func also(p *roff, c *cobra.Command) {
	var pages []string
	if c.HasParent() {
		pages = append(pages, pageName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if !cobras(sub) && !sub.Hidden {
			pages = append(pages, pageName(sub))
		}
	}
	if len(pages) == 0 {
		return
	}
	p.section("SEE ALSO")
	for i, page := range pages {
		comma := ","
		if i == len(pages)-1 {
			comma = ""
		}
		p.line(`.BR "` + escape(page) + `" (1)` + comma)
	}
}
