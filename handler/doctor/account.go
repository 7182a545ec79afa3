package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Credentials looks which AWS credentials a new session would be asked for
// with. Only online it uses them: AWS is asked whose they are
// (sts:GetCallerIdentity), and accounts, those of the known spaces, are
// compared. Without any a link from Studio still opens a space, so nothing
// here is an error.
func Credentials(region string, online bool, accounts []string) Check {
	return Check{ID: "credentials", Title: "Credentials", Look: func(ctx context.Context) ([]Finding, error) {
		who := caller.Request{Action: "sts:GetCallerIdentity", Resource: "*", Thing: "the caller", Purpose: "open spaces with"}
		c, err := caller.Load(ctx, who, caller.Options{Region: region})
		switch {
		case err != nil:
			return unusable(err), nil
		case !online && !c.Configured():
			return noCredentials(), nil
		case !online:
			return fine("New sessions are asked for with %s.", named(c)), nil
		}
		err = c.Retrieve(ctx, who)
		if errors.Is(err, caller.ErrNone) {
			return noCredentials(), nil
		}
		if err != nil {
			return unusable(err), nil
		}
		identity, err := c.Identity(ctx, who)
		if err != nil {
			return unusable(err), nil
		}
		return []Finding{whose(c, identity, accounts)}, nil
	}}
}

func noCredentials() []Finding {
	return one(Info, "No AWS credentials are set up on this computer. Links from Studio need none.", "")
}

// unusable: the problem has no word of an answer that may quote the request.
func unusable(err error) []Finding {
	p := problem.From(err)
	return one(Warning, p.Sentence, p.Hint)
}

// named names the credentials, in the middle of a sentence.
func named(c *caller.Caller) string {
	if kind := c.Kind(); kind != "" {
		return c.String() + " (" + kind + ")"
	}
	return c.String()
}

// whose tells whose the credentials are, and whether any space is in reach.
func whose(c *caller.Caller, identity string, accounts []string) Finding {
	account := "that AWS did not name"
	if parsed, err := arn.Parse(identity); err == nil {
		account = printable.Text(parsed.AccountID, 32)
	}
	words := named(c)
	f := Finding{Severity: OK, Sentence: fmt.Sprintf("%s%s: %s in the account %s.", strings.ToUpper(words[:1]), words[1:], printable.Text(identity, 300), account)}
	if len(accounts) > 0 && !slices.Contains(accounts, account) {
		f.Severity = Warning
		f.Sentence += " None of the spaces that you opened before is in that account."
		f.Hint = "Choose another profile with AWS_PROFILE, or open spaces by their links from Studio."
	}
	return f
}
