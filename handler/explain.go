package handler

import (
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The verdicts of an [Explanation].
const (
	VerdictAllowed = "allowed"
	VerdictRefused = "refused"
)

// Explanation is what a link would do, for a person or a script. It holds no
// secret and only printable text. Of a link that cannot
// be read it holds the verdict and the reason alone.
type Explanation struct {
	Kind       string `json:"kind"`
	Alias      string `json:"alias"` // empty for a refused link
	SpaceARN   string `json:"space_arn"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	Domain     string `json:"domain"`
	StreamHost string `json:"stream_host"`
	Verdict    string `json:"verdict"` // VerdictAllowed or VerdictRefused
	Reason     string `json:"reason"`  // a sentence, empty for an allowed link
}

// Explain reads the link and asks the policy, and does nothing else: no
// network, no file. alias names the space as the store would; it is asked for
// allowed links only.
func Explain(raw string, policy Policy, alias func(session.Space) string) Explanation {
	link, err := Parse(raw)
	if err != nil {
		return Explanation{Verdict: VerdictRefused, Reason: problem.From(err).Sentence}
	}
	e := Explanation{
		Kind:       string(link.Space.Kind),
		SpaceARN:   printed(link.Space.ARN),
		Account:    printed(link.Space.Account),
		Region:     printed(link.Space.Region),
		Domain:     printed(link.Space.Domain),
		StreamHost: printed(link.StreamHost()),
	}
	if err := policy.Check(link); err != nil {
		e.Verdict, e.Reason = VerdictRefused, problem.From(err).Sentence
		return e
	}
	e.Verdict, e.Alias = VerdictAllowed, printed(alias(link.Space))
	return e
}
