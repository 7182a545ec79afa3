// Package problem holds the error type that is made for a person: what
// happened, why, and what to do next.
//
// It must not know which part of the program failed, how a problem is shown
// (terminal, window, JSON) or which language the user reads.
package problem

import "errors"

// Code names a kind of problem. Codes are stable: scripts and windows choose
// by them, translations are found by them.
type Code string

// The problems that more than one package speaks of. A package may declare
// further codes beside the code that gives them.
const (
	// LinkMalformed: the text is not a link we can read.
	LinkMalformed Code = "link-malformed"
	// LinkRefused: the link asks for something that the policy forbids.
	LinkRefused Code = "link-refused"
	// Cancelled: the person said no.
	Cancelled Code = "cancelled"
	// NeedsPerson: a question had to be asked and nobody could be asked.
	NeedsPerson Code = "needs-person"
	// NoSession: no source had a session for the space.
	NoSession Code = "no-session"
	// UnknownAlias: no space is known under that alias.
	UnknownAlias Code = "unknown-alias"
	// AccessDenied: AWS refused the caller.
	AccessDenied Code = "access-denied"
	// CredentialsExpired: the caller has to sign in again.
	CredentialsExpired Code = "credentials-expired"
	// NoCredentials: there are no AWS credentials for the account.
	NoCredentials Code = "no-credentials"
	// TooManyConnections: the space has its ten connections already.
	TooManyConnections Code = "too-many-connections"
	// SpaceNotFound: the space is gone or its remote access is off.
	SpaceNotFound Code = "space-not-found"
	// Throttled: AWS asked to be called less often.
	Throttled Code = "throttled"
	// Rejected: AWS found the request invalid and said why.
	Rejected Code = "rejected"
	// SpaceStarting: the space may still be starting.
	SpaceStarting Code = "space-starting"
	// Unreachable: the network, a proxy or a certificate stood in the way.
	Unreachable Code = "unreachable"
	// TunnelRefused: the data channel was refused or ended by the other side.
	TunnelRefused Code = "tunnel-refused"
	// SSHConfigUnsafe: the SSH config cannot be changed without risk.
	SSHConfigUnsafe Code = "ssh-config-unsafe"
	// SSHConfigIneffective: OpenSSH does not see what was written.
	SSHConfigIneffective Code = "ssh-config-ineffective"
	// SSHFailed: OpenSSH could not connect through the tunnel.
	SSHFailed Code = "ssh-failed"
	// NoEditor: no supported IDE was found.
	NoEditor Code = "no-editor"
	// EditorFailed: the IDE or its extension could not be started or set up.
	EditorFailed Code = "editor-failed"
	// NotSupported: this system or this link kind has no such thing.
	NotSupported Code = "not-supported"
	// Internal: a fault of ours.
	Internal Code = "internal"
)

// Problem is an error for a person. Sentence says what happened and why, Hint
// what to do next. Both are whole sentences, hold no secret and no text that
// was not made printable, and never tell of Go. Cause is for the log and the
// folded details.
type Problem struct {
	Code     Code
	Sentence string
	Hint     string
	Cause    error
	// SignIn is the profile of the AWS configuration that `spacehatch signin`
	// would mend it for, as its file has it: not made printable; mostly empty.
	SignIn string
	// Paste is text that the hint speaks of, to be handed on as it is, such as
	// a statement for an administrator: whole lines without an end, as
	// printable as the rest; mostly empty.
	Paste string
}

// New returns a Problem; hint and cause may be empty.
func New(code Code, sentence, hint string, cause error) *Problem {
	return &Problem{Code: code, Sentence: sentence, Hint: hint, Cause: cause}
}

// Error returns the sentence, followed by the cause where there is one.
func (p *Problem) Error() string {
	if p.Cause == nil {
		return p.Sentence
	}
	return p.Sentence + " (" + p.Cause.Error() + ")"
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Is reports whether target is a Problem of the same code, so that
// errors.Is(err, &Problem{Code: …}) asks for a kind.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Code == p.Code && t.Sentence == ""
}

// From returns the first Problem in err's chain, or an [Internal] one around
// err, or nil where err is nil.
func From(err error) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return New(Internal, "Something went wrong that Spacehatch did not expect.",
		"Run the command again with SPACEHATCH_LOG=debug and look at the log.", err)
}
