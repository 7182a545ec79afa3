package handler

import (
	"errors"
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

// refusal is why the policy forbids something. The reason may show hosts and
// names, each through [quoted].
type refusal struct {
	reason string
	host   bool // an administrator may know that host better
	ruled  bool // an administrator has decided so
}

// Error implements error.
func (r refusal) Error() string { return r.reason }

func refused(reason string) error { return refusal{reason: reason} }

func refusedHost(reason string) error { return refusal{reason: reason, host: true} }

// privateLink is the end of the hint about a host that is not AWS's.
const privateLink = "a PrivateLink host is allowed only when your administrator gives you its name for trusted_hosts."

// ofLink says that a link asks for what err, a refusal, forbids.
func ofLink(err error) error {
	return told("link", err, "Open the space from Studio itself; if this link did not come from there, close the page that sent it.",
		"If this link did not come from Studio, close the page that sent it; "+privateLink)
}

// ofSession says the same of a session that a program on this machine handed
// over.
func ofSession(err error) error {
	return told("session", err, "Start the session again with the AWS CLI; a response of ssm:StartSession holds no such thing.",
		upperFirst(privateLink))
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// ofSpace says the same of a space that the person named.
func ofSpace(err error) error { return told("space", err, "", "") }

// told makes a refusal a problem; any other error stays what it is.
func told(what string, err error, hint, hostHint string) error {
	r, ok := errors.AsType[refusal](err)
	if !ok {
		return err
	}
	switch {
	case r.ruled:
		hint = "If you need it, ask your administrator."
	case r.host:
		hint = hostHint
	}
	return problem.New(problem.LinkRefused, "The "+what+" was refused: "+r.reason+".", hint, nil)
}

// quoted is printed in quotation marks.
func quoted(s string) string { return `"` + printed(s) + `"` }

// printed is printable.ASCII, cut after [maxShown] bytes.
func printed(s string) string { return printable.ASCII(s, maxShown) }

// plainText reports whether s is UTF-8 without control, format or other
// invisible characters. The ASCII space counts as plain.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
