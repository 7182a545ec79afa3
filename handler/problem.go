package handler

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// maxShown is how many bytes of a value from a link a sentence may repeat.
const maxShown = 120

// malformed says that the link cannot be read. The reason names parameters and
// never their values: a value may be a token.
func malformed(reason string, cause error) error {
	return problem.New(problem.LinkMalformed, "The link cannot be read: "+reason+".",
		"Go back to Studio and open the space again; a copied link must be copied whole.", cause)
}

// refused says that the link asks for something the policy forbids. The reason
// may show hosts and names, each through [quoted].
func refused(reason string) error {
	return problem.New(problem.LinkRefused, "The link was refused: "+reason+".",
		"Open the space from Studio itself; if this link did not come from there, close the page that sent it.", nil)
}

// refusedHost is refused for a host that an administrator may know better.
func refusedHost(reason string) error {
	return problem.New(problem.LinkRefused, "The link was refused: "+reason+".",
		"If this link did not come from Studio, close the page that sent it; a PrivateLink host is allowed only when your administrator gives you its name for trusted_hosts.", nil)
}

// quoted is printed in quotation marks, cut after [maxShown] bytes.
func quoted(s string) string {
	if len(s) > maxShown {
		return `"` + printed(s[:maxShown]) + `..."`
	}
	return `"` + printed(s) + `"`
}

// printed is printable.ASCII, cut after [maxShown] bytes.
func printed(s string) string { return printable.ASCII(s, maxShown) }

// plainText reports whether s is UTF-8 without control, format or other
// invisible characters. The ASCII space counts as plain.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
