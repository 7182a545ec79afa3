package handler

import (
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

type hostile struct {
	Name     string
	Link     string
	Code     problem.Code
	Sentence string
	Pad      string
	PadCount int `json:"pad_count"`
}

// hostileLinks reads testdata/hostile.json, padding filled in.
func hostileLinks(tb testing.TB) []hostile {
	tb.Helper()
	var all []hostile
	readJSON(tb, "hostile.json", &all)
	for i, h := range all {
		all[i].Link = strings.ReplaceAll(h.Link, "{PAD}", strings.Repeat(h.Pad, h.PadCount))
	}
	return all
}

func TestHostileLinksAreRefused(t *testing.T) {
	for _, h := range hostileLinks(t) {
		t.Run(h.Name, func(t *testing.T) {
			l, err := Parse(h.Link)
			if err == nil {
				err = Policy{}.Check(l)
			}
			if err == nil {
				t.Fatalf("allowed:\n%s", show(l))
			}
			checkSentence(t, err, h.Code)
			if p := problem.From(err); !strings.Contains(p.Sentence, h.Sentence) {
				t.Errorf("got  %q\nwant %q in it", p.Sentence, h.Sentence)
			}
		})
	}
}

func TestBytesThatAreNoTextAreRefused(t *testing.T) {
	_, err := Parse(documented(t)[0].Link + "&x=\xff")
	checkSentence(t, err, problem.LinkMalformed)
}

// regions is what the endpoint metadata of AWS's SDKs lists (July 2026).
var regions = map[string]string{
	"aws": `af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
		ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
		ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2
		eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2`,
	"aws-cn":     "cn-north-1 cn-northwest-1",
	"aws-us-gov": "us-gov-east-1 us-gov-west-1",
	"aws-iso":    "us-iso-east-1 us-iso-west-1",
	"aws-iso-b":  "us-isob-east-1 us-isob-west-1",
	"aws-iso-e":  "eu-isoe-west-1",
	"aws-iso-f":  "us-isof-east-1 us-isof-south-1",
	"aws-eusc":   "eusc-de-east-1",
}

var suffixes = map[string]string{
	"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com", "aws-iso": "c2s.ic.gov",
	"aws-iso-b": "sc2s.sgov.gov", "aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov", "aws-eusc": "amazonaws.eu",
}

// linkTo is a good link to the region, with another stream URL.
func linkTo(partition, region, stream string) Link {
	return Link{
		Space: session.Space{Kind: session.SageMaker, Partition: partition, Region: region, Account: "111122223333",
			Domain: "d-a", Name: "my-space", UserProfile: "alice"},
		Session: session.Session{ID: "s-1", StreamURL: secret.New(stream)},
	}
}

func TestEveryRegionHasItsHosts(t *testing.T) {
	for id, list := range regions {
		for _, region := range strings.Fields(list) {
			for _, service := range []string{"ssmmessages", "ssmmessages-fips"} {
				for _, port := range []string{"", ":443"} {
					l := linkTo(id, region, "wss://"+service+"."+region+"."+suffixes[id]+port+"/v1/data-channel/s-1")
					if err := (Policy{}).Check(l); err != nil {
						t.Errorf("%s: %v", l.StreamHost(), err)
					}
				}
			}
			// No other partition's suffix serves the region, and no other
			// partition's space may go to its host.
			for other, suffix := range suffixes {
				stream := "wss://ssmmessages." + region + "." + suffix + "/v1/data-channel/s-1"
				if suffix != suffixes[id] && (Policy{}).Check(linkTo(id, region, stream)) == nil {
					t.Errorf("allowed %s", stream)
				}
				if other != id && (Policy{}).Check(linkTo(other, region, "wss://ssmmessages."+region+"."+suffixes[id]+"/v1/data-channel/s-1")) == nil {
					t.Errorf("allowed %s for a space of %s", region, other)
				}
			}
		}
	}
}

func TestTrustedHosts(t *testing.T) {
	const path = "/v1/data-channel/s-1?role=publish_subscribe"
	for _, c := range []struct {
		trusted, stream, refresh string
		allowed                  bool
	}{
		{"vpce-0a.ssmmessages.us-east-1.vpce.amazonaws.com", "wss://vpce-0a.ssmmessages.us-east-1.vpce.amazonaws.com" + path, "", true},
		{"a.example", "wss://a.example:443" + path, "", true},
		{"a.example:443", "wss://a.example" + path, "", true},
		{"a.example", "wss://a.example:8443" + path, "", false},
		{"a.example:8443", "wss://a.example:8443" + path, "", true},
		{"a.example:8443", "wss://a.example" + path, "", false},
		{"a.example", "wss://b.a.example" + path, "", false},
		{"b.a.example", "wss://a.example" + path, "", false},
		{"a.example", "wss://a.example" + path, "", true},
		{"a.example", "wss://A.example" + path, "", false},
		{"a.example", "wss://a.example." + path, "", false},
		{"a.example", "wss://x@a.example" + path, "", false},
		{"a.example", "wss://a.example/v1/data-channel/s-2", "", false},
		{"a.example:80", "ws://a.example:80" + path, "", false},
		{"a.example", "ws://a.example" + path, "", false},
		{"ws://127.0.0.1:8080", "ws://127.0.0.1:8080" + path, "", true},
		{"ws://127.0.0.1:8080", "wss://127.0.0.1:8080" + path, "", false},
		{"ws://127.0.0.1:8080", "ws://127.0.0.1:8081" + path, "", false},
		{"ws://127.0.0.1:80", "ws://127.0.0.1" + path, "", false},
		{"[::1]:8080", "wss://[::1]:8080" + path, "", true},
		{"[::1]", "wss://[::1]" + path, "", true},
		{"ws://[::1]:8080", "ws://[::1]:8080" + path, "", true},
		{"c.example,a.example", "wss://a.example" + path, "", true},
		{"a.example", "wss://a.example" + path, "https://a.example/refresh", true},
		{"a.example", "wss://a.example" + path, "https://b.example/refresh", false},
		{"a.example", "wss://a.example" + path, "http://a.example/refresh", false},
		{"ws://127.0.0.1:8080", "ws://127.0.0.1:8080" + path, "http://127.0.0.1:8080/refresh", true},
		{"ws://127.0.0.1:8080", "ws://127.0.0.1:8080" + path, "http://127.0.0.1:8081/refresh", false},
		{"", "wss://ssmmessages.us-east-1.amazonaws.com" + path, "https://studio-d-a.studio.us-east-1.sagemaker.aws:443/x?y=%20", true},
	} {
		var hosts []string
		if c.trusted != "" {
			hosts = strings.Split(c.trusted, ",")
		}
		l := linkTo("aws", "us-east-1", c.stream)
		l.Space.RefreshURL = c.refresh
		if err := (Policy{TrustedHosts: hosts}).Check(l); (err == nil) != c.allowed {
			t.Errorf("trusting %q, %s %s: %v", c.trusted, c.stream, c.refresh, err)
		}
	}
}

func TestTrustedHostMayServeAWorkspaceOfNoRegion(t *testing.T) {
	l, err := Parse("spacehatch://connect/workspace?sessionId=s-1&sessionToken=t&streamUrl=wss://a.example/v1/data-channel/s-1?cell-number=c")
	if err != nil {
		t.Fatal(err)
	}
	if err := (Policy{TrustedHosts: []string{"a.example"}}).Check(l); err != nil {
		t.Error(err)
	}
	checkSentence(t, Policy{}.Check(l), problem.LinkRefused)
}

func TestAccountsAndSessionsAreCheckedWhereverTheyComeFrom(t *testing.T) {
	const stream = "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1"
	for name, change := range map[string]func(*Link){
		"short account":    func(l *Link) { l.Space.Account = "1111" },
		"no account":       func(l *Link) { l.Space.Account = "" },
		"account of words": func(l *Link) { l.Space.Account = "111122223e33" },
		"no region":        func(l *Link) { l.Space.Region = "" },
		"other session":    func(l *Link) { l.Session.ID = "s-2" },
		"no stream URL":    func(l *Link) { l.Session.StreamURL = secret.New("") },
		"option-like namespace": func(l *Link) {
			l.Space.Kind, l.Space.Account, l.HyperPod.Namespace = session.HyperPod, "", "-n"
		},
	} {
		l := linkTo("aws", "us-east-1", stream)
		if err := (Policy{}).Check(l); err != nil {
			t.Fatal(err)
		}
		change(&l)
		if err := (Policy{}).Check(l); err == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

func TestZeroLinkIsRefused(t *testing.T) {
	checkSentence(t, Policy{}.Check(Link{}), problem.LinkRefused)
}

// A program on this machine may hand over any session, but not any host.
func TestSessionsOfCallers(t *testing.T) {
	const id = "alice-0123456789abcdef0"
	const path = "/v1/data-channel/" + id + "?role=publish_subscribe"
	for _, c := range []struct {
		name, region, id, url string
		trusted               []string
		sentence              string // of the refusal; empty where there is none
	}{
		{"as the AWS CLI", "us-east-1", id, "wss://ssmmessages.us-east-1.amazonaws.com" + path, nil, ""},
		{"no region", "", id, "wss://ssmmessages.cn-north-1.amazonaws.com.cn" + path, nil, ""},
		{"port", "us-east-1", id, "wss://ssmmessages.us-east-1.amazonaws.com:443" + path, nil, ""},
		{"trusted", "us-east-1", id, "wss://vpce-1.example:8443" + path, []string{"vpce-1.example:8443"}, ""},
		{"trusted without encryption", "us-east-1", id, "ws://127.0.0.1:8080" + path, []string{"ws://127.0.0.1:8080"}, ""},
		{"another region", "eu-west-1", id, "wss://ssmmessages.us-east-1.amazonaws.com" + path, nil, "not in the region of the call"},
		{"another host", "us-east-1", id, "wss://evil.example" + path, nil, "not a Session Manager host of AWS"},
		{"another host, no region", "", id, "wss://evil.example" + path, nil, "not a Session Manager host of AWS"},
		{"a host like AWS's", "", id, "wss://ssmmessages.us-east-1.amazonaws.com.evil.example" + path, nil, "not a Session Manager host of AWS"},
		{"another port", "us-east-1", id, "wss://ssmmessages.us-east-1.amazonaws.com:8443" + path, nil, "AWS answers on 443 only"},
		{"not encrypted", "us-east-1", id, "ws://ssmmessages.us-east-1.amazonaws.com" + path, nil, "not encrypted"},
		{"another session's channel", "us-east-1", "bob-1", "wss://ssmmessages.us-east-1.amazonaws.com" + path, nil, "data channel of its session"},
		{"an id that is a path", "us-east-1", "../x", "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/../x", nil, "session id"},
		{"user info", "", id, "wss://ssmmessages.us-east-1.amazonaws.com@evil.example" + path, nil, "hides a user name"},
		{"nothing", "", "", "", nil, "session id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Policy{TrustedHosts: c.trusted}.CheckSession(c.region, session.Session{ID: c.id, StreamURL: secret.New(c.url)})
			if c.sentence == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			p := problem.From(err)
			if p.Code != problem.LinkRefused || !strings.HasPrefix(p.Sentence, "The session was refused: ") || !strings.Contains(p.Sentence, c.sentence) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An administrator's regions hold for callers, too.
func TestRegionsOfCallers(t *testing.T) {
	const id = "alice-01"
	for region, want := range map[string]bool{"us-east-1": true, "eu-west-1": false} {
		s := session.Session{ID: id, StreamURL: secret.New("wss://ssmmessages." + region + ".amazonaws.com/v1/data-channel/" + id)}
		for _, said := range []string{region, ""} {
			err := Policy{Regions: []string{"us-east-1", "us-west-2"}}.CheckSession(said, s)
			if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "your administrator allows us-east-1, us-west-2 only") {
				t.Errorf("%s, said %q: %v", region, said, err)
			}
		}
	}
}

// An instance is known by its id; the rest of a link's names it has not.
func TestInstancesUnderThePolicy(t *testing.T) {
	const id = "alice-0123456789abcdef0"
	machine := func(name, region string) Link {
		return Link{
			Space: session.NewInstance(name, "aws", region),
			Session: session.Session{ID: id, Token: secret.New("t"),
				StreamURL: secret.New("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/" + id + "?role=publish_subscribe")},
		}
	}
	for _, name := range []string{"i-0123456789abcdef0", "i-01234567", "mi-0123456789abcdef0"} {
		if err := (Policy{}).Check(machine(name, "us-east-1")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, l := range []Link{
		machine("i-0123456789abcdef0", "eu-west-1"), machine("i-0123456789abcdef0", ""), machine("-oProxyCommand=x", "us-east-1"),
		machine("I-0123456789ABCDEF0", "us-east-1"), machine("i-0123456789abcdef0.hatch", "us-east-1"), machine("", "us-east-1"),
	} {
		if err := (Policy{}).Check(l); err == nil {
			t.Errorf("%q in %q is allowed", l.Space.Name, l.Space.Region)
		}
	}
	if id, ok := Partition("us-gov-west-1"); !ok || id != "aws-us-gov" {
		t.Errorf("the partition is %q, %v", id, ok)
	}
	if _, ok := Partition("nowhere"); ok {
		t.Error("nowhere is in a partition")
	}
}
