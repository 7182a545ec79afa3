// Package spaces works on the Studio spaces of an account and region with local
// AWS credentials: lists them, says what one needs before it can be connected
// to, starts and stops it.
//
// It must not know how a person is asked or shown anything, how a session is
// fetched or a connection made, or what is remembered between two runs beyond
// what its [Waits] keep.
package spaces

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The problems of spaces.
const (
	// RegionMissing: nothing says which region to look in, or it is no region.
	RegionMissing problem.Code = "region-missing"
	// StartFailed: AWS could not start the space and said why.
	StartFailed problem.Code = "space-start-failed"
	// SpaceUnusable: the space is being deleted, or AWS could not make it.
	SpaceUnusable problem.Code = "space-unusable"
)

// Status is what a space does, in one word.
type Status string

// The states of a space: what its application does, unless the space itself is
// being changed.
const (
	Running  Status = "running"
	Stopped  Status = "stopped"
	Starting Status = "starting"
	Stopping Status = "stopping"
	Updating Status = "updating"
	Deleting Status = "deleting"
	Failed   Status = "failed" // the last start, or the making of the space
)

// Space is a space as AWS tells of it. Its texts are as AWS wrote them.
type Space struct {
	Name   string `json:"name"`
	Domain string `json:"domain"` // the domain's ID, d-…
	Owner  string `json:"owner"`  // a user profile; empty where nobody owns it
	App    string `json:"app"`    // JupyterLab or CodeEditor
	Status Status `json:"status"`
	// InstanceType is what the space runs on. AWS's lists do not tell it of a
	// stopped space; [Client.Look] does.
	InstanceType string `json:"instance_type"`
	RemoteAccess bool   `json:"remote_access"`
	// LastUsed is nil where that is not known; AWS's lists do not tell.
	LastUsed *time.Time `json:"last_used"`
	ARN      string     `json:"arn"`
}

// Waits remembers how long AWS took for something, by a key of [a-z ] and a
// space's ARN.
type Waits interface {
	Took(space, what string) time.Duration // 0 where nothing is known
	Remember(ctx context.Context, space, what string, took time.Duration) error
}

// Options say which credentials and region are used. The zero value does what
// the AWS CLI does.
type Options struct {
	Profile string
	Region  string
	// Codes asks a person for MFA codes; nil asks nobody.
	Codes *caller.Codes
	// Waits may be nil.
	Waits Waits
	// Log gets the SDK's own notes, at debug level; nil drops them.
	Log *slog.Logger
	// Load is appended to what the SDK's configuration is loaded with.
	Load []func(*config.LoadOptions) error
}

// Client works on the spaces of one account and region. Its methods may be
// called concurrently.
type Client struct {
	who      *caller.Caller
	lists    lister
	profiles profiler
	looks    looker
	changes  changer
	waits    Waits
	now      func() time.Time
	identity func(context.Context) (arn string, err error)
	// pause waits between two looks at something that takes its time.
	pause func(context.Context, time.Duration) error
}

// What is used of AWS's client.
type (
	lister interface {
		ListSpaces(context.Context, *sagemaker.ListSpacesInput) (*sagemaker.ListSpacesOutput, error)
		ListApps(context.Context, *sagemaker.ListAppsInput) (*sagemaker.ListAppsOutput, error)
		DescribeDomain(context.Context, *sagemaker.DescribeDomainInput) (*sagemaker.DescribeDomainOutput, error)
	}
	profiler interface {
		DescribeUserProfile(context.Context, *sagemaker.DescribeUserProfileInput) (*sagemaker.DescribeUserProfileOutput, error)
	}
	looker interface {
		DescribeSpace(context.Context, *sagemaker.DescribeSpaceInput) (*sagemaker.DescribeSpaceOutput, error)
		DescribeApp(context.Context, *sagemaker.DescribeAppInput) (*sagemaker.DescribeAppOutput, error)
	}
	changer interface {
		UpdateSpace(context.Context, *sagemaker.UpdateSpaceInput) (*sagemaker.UpdateSpaceOutput, error)
		CreateApp(context.Context, *sagemaker.CreateAppInput) (*sagemaker.CreateAppOutput, error)
		DeleteApp(context.Context, *sagemaker.DeleteAppInput) (*sagemaker.DeleteAppOutput, error)
	}
)

// Open loads the credentials and gets them, so that their faults show before
// anything is asked of SageMaker. Errors are problems.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.Region != "" && !regionName().MatchString(o.Region) {
		return nil, problem.New(RegionMissing, printable.Quoted(o.Region)+" is not the name of an AWS region.",
			"A region looks like us-east-1.", nil)
	}
	r := general("sagemaker:ListSpaces")
	who, err := caller.Load(ctx, r, caller.Options{Profile: o.Profile, Region: o.Region, Codes: o.Codes, Log: o.Log, Load: o.Load})
	if err != nil {
		return nil, err
	}
	if who.Config.Region == "" {
		return nil, problem.New(RegionMissing, "Nothing says in which AWS region the spaces are.",
			"Name it with --region, AWS_REGION, or in the profile.", nil)
	}
	if err := who.Retrieve(ctx, r); err != nil {
		return nil, err
	}
	api := callsOf(sagemaker.NewFromConfig(who.Config, func(s *sagemaker.Options) {
		// Whoever configured retries for all of AWS's tools meant this one too.
		if who.Config.Retryer == nil && who.Config.RetryMode == "" && who.Config.RetryMaxAttempts == 0 {
			s.Retryer = patient()
		}
	}))
	return &Client{
		who: who, lists: api, profiles: api, looks: api, changes: api, waits: o.Waits, now: time.Now, pause: pause,
		identity: func(ctx context.Context) (string, error) { return who.Identity(ctx, r) },
	}, nil
}

var regionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2,8}(-[a-z]{1,16}){1,3}-[0-9]{1,2}$`) })

// patient is AWS's retryer with exponential back-off and full jitter, for more
// calls than a few: its default gives up after three, and all of them together
// after a hundred.
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 8
		o.MaxBackoff = 5 * time.Second
		o.RateLimiter = ratelimit.None
	})
}

// Region is the region that is looked in.
func (c *Client) Region() string { return c.who.Config.Region }

// pause waits d, give or take a fifth so that many waiters do not ask at once.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d - d/5 + rand.N(2*d/5+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// general is a call that is about no one space.
func general(action string) caller.Request {
	return caller.Request{Action: action, Resource: "*", Thing: "the list of spaces", Purpose: "list spaces with"}
}

// key tells spaces of an account and region apart.
type key struct{ domain, name string }

// place is what a space's ARN says.
type place struct {
	key
	arn, partition, region, account string
}

var spaceARN = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:(aws[a-z-]*):sagemaker:([a-z0-9-]+):([0-9]{12}):space/([a-zA-Z0-9-]{1,63})/([a-zA-Z0-9-]{1,63})$`)
})

func parse(arn string) (place, error) {
	m := spaceARN().FindStringSubmatch(arn)
	if m == nil || len(arn) > 256 {
		return place{}, problem.New(problem.NotSupported,
			printable.Quoted(arn)+" is not a space of SageMaker AI Studio, so it cannot be started or stopped from here.",
			"Start it where it lives: on its own page in the browser.", nil)
	}
	return place{key: key{m[4], m[5]}, arn: arn, partition: m[1], region: m[2], account: m[3]}, nil
}

// spaceAt is the ARN of a space beside another thing of the account.
func spaceAt(partition, region, account string, k key) string {
	return fmt.Sprintf("arn:%s:sagemaker:%s:%s:space/%s/%s", partition, region, account, k.domain, k.name)
}

// app is the ARN of the space's application, as permissions name it.
func (p place) app(kind types.AppType) string {
	return fmt.Sprintf("arn:%s:sagemaker:%s:%s:app/%s/%s/%s/%s", p.partition, p.region, p.account, p.domain, p.name,
		strings.ToLower(string(kind)), appName)
}

// request is a call about the space.
func (p place) request(action string) caller.Request {
	return caller.Request{Action: action, Resource: p.arn, Account: p.account, Thing: p.label(), Purpose: "look at the space with"}
}

func (p place) label() string { return "the space " + printable.Quoted(p.name) }

// appName is the name of every application that can be opened from afar.
const appName = "default"
