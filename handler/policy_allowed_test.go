package handler

import (
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// TestOnlyWhatAnAdministratorAllows: and what is not known is not allowed.
func TestOnlyWhatAnAdministratorAllows(t *testing.T) {
	const stream = "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1"
	studio := linkTo("aws", "us-east-1", stream)
	unified := studio
	unified.Space.Kind, unified.UnifiedStudio.DomainID = session.UnifiedStudio, "dzd_x"
	hyperPod := studio
	hyperPod.Space.Kind, hyperPod.Space.Account, hyperPod.Space.Domain = session.HyperPod, "", ""
	account, domain := studio.Space.Account, studio.Space.Domain
	many := Policy{Accounts: []string{"100000000001", "100000000002", "100000000003", "100000000004", "100000000005"}}
	for name, c := range map[string]struct {
		policy Policy
		link   Link
		says   string // of the refusal; empty where there is none
	}{
		"nothing restricted":       {Policy{}, studio, ""},
		"all allowed":              {Policy{Accounts: []string{"1", account}, Domains: []string{domain}, Regions: []string{"us-east-1", "eu-west-1"}}, studio, ""},
		"another account":          {Policy{Accounts: []string{"999999999999"}}, studio, `its account is "` + account + `"; your administrator allows 999999999999 only`},
		"many accounts":            {many, studio, "allows 100000000001, 100000000002, 100000000003 and 2 more only"},
		"another region":           {Policy{Regions: []string{"eu-west-1"}}, studio, `its region is "us-east-1"; your administrator allows eu-west-1 only`},
		"another domain":           {Policy{Domains: []string{"d-other"}}, studio, `its domain is "` + domain + `"`},
		"the domain it stands in":  {Policy{Domains: []string{domain}}, unified, ""},
		"the domain of the people": {Policy{Domains: []string{"dzd_x"}}, unified, `its domain is "` + domain + `"`},
		"no domain":                {Policy{Domains: []string{domain}}, hyperPod, "it names no domain"},
		"no account":               {Policy{Accounts: []string{account}}, hyperPod, "it names no account"},
		"part of an account":       {Policy{Accounts: []string{account[:11]}}, studio, "its account is"},
	} {
		err := c.policy.Check(c.link)
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		p := problem.From(err)
		if p == nil || p.Code != problem.LinkRefused || !strings.Contains(p.Sentence, c.says) || !strings.Contains(p.Hint, "administrator") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestSpacesThatAreNamedAreHeldToIt(t *testing.T) {
	s := linkTo("aws", "us-east-1", "").Space
	if err := (Policy{Accounts: []string{s.Account}}).CheckSpace(s); err != nil {
		t.Error(err)
	}
	p := problem.From(Policy{Accounts: []string{"999999999999"}}.CheckSpace(s))
	if p == nil || p.Code != problem.LinkRefused || !strings.HasPrefix(p.Sentence, "The space was refused: its account is") {
		t.Errorf("%v", p)
	}
}

// TestSessionsOfCallersAreHeldToTheRegions: nothing else is known of them.
func TestSessionsOfCallersAreHeldToTheRegions(t *testing.T) {
	s := session.Session{ID: "s-1", StreamURL: secret.New("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1")}
	for _, said := range []string{"us-east-1", ""} {
		if err := (Policy{Regions: []string{"us-east-1"}, Accounts: []string{"1"}}).CheckSession(said, s); err != nil {
			t.Errorf("said %q: %v", said, err)
		}
		p := problem.From(Policy{Regions: []string{"eu-west-1"}}.CheckSession(said, s))
		if p == nil || p.Code != problem.LinkRefused || !strings.Contains(p.Sentence, "eu-west-1 only") {
			t.Errorf("said %q: %v", said, p)
		}
	}
}
