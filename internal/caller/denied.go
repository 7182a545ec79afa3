package caller

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	maxARN  = 512 // bytes of a resource that a sentence repeats
	maxWho  = 400
	updates = "sagemaker:UpdateSpace"
)

var (
	// refusal finds who was refused what in the words of AWS: "User: <arn> is
	// not authorized to perform: <action> on resource: <arn> because no …".
	refusal = lazily(`User: (arn:aws[a-z-]*:[a-zA-Z0-9:/_+=,.@-]{1,400}) is not authorized to perform: ([a-zA-Z0-9-]{1,40}:[a-zA-Z0-9]{1,60})(?: on resource: (arn:[^ ]{1,512}|\*))?`)
	// lacking and denying find the kind of policy that allows it not, or
	// denies it: "because no permissions boundary allows", "with an explicit
	// deny in a service control policy".
	lacking = lazily(`because no ([a-zA-Z -]{1,60}) allows`)
	denying = lazily(`explicit deny(?: in an? ([a-zA-Z -]{1,60}?)(?: policy)?(?:: (arn:aws[a-z-]*:[a-zA-Z0-9:/_+=,.@-]{1,200}))?(?:$|[.,;]| \())?`)
	// roleSession is an assumed role, or the permission set of IAM Identity
	// Center that stands behind one.
	roleSession   = lazily(`^arn:aws[a-z-]*:sts::[0-9]{12}:assumed-role/([^/]{1,128})/([^/]{1,128})$`)
	permissionSet = lazily(`^AWSReservedSSO_(.{1,32})_[0-9a-f]{16}$`)
)

// SignedInBy reports the user name that IAM Identity Center gives the sessions
// of its roles; ok is false for every other identity.
func SignedInBy(arn string) (name string, ok bool) {
	m := roleSession().FindStringSubmatch(arn)
	if m == nil || !permissionSet().MatchString(m[1]) {
		return "", false
	}
	return m[2], true
}

// Foreign is the problem of credentials that are known to be another account's.
func (c *Caller) Foreign(r Request) *problem.Problem {
	return problem.New(AccountWrong,
		fmt.Sprintf("%s belongs to the account %s, but %s is in the account %s.", upperFirst(c.origin.String()), printable.Text(c.account, 64), r.Thing, r.Account),
		r.orElse("Choose a profile for the account "+r.Account+" with --profile or AWS_PROFILE"), nil)
}

// denied tells who was refused what, and what an administrator has to add.
func (c *Caller) denied(ctx context.Context, r Request, err error) *problem.Problem {
	text := message(err)
	who, action, resource := "", r.Action, r.Resource
	if m := refusal().FindStringSubmatch(text); m != nil {
		who, action = m[1], m[2]
		if m[3] != "" {
			resource = m[3]
		}
	} else {
		who = c.identity(ctx)
	}
	// A role may well be assumed from another account; a space may not.
	if account := accountOf(who); strings.HasPrefix(action, "sagemaker:") && account != "" && r.Account != "" && account != r.Account {
		return problem.New(AccountWrong,
			fmt.Sprintf("%s signs in as %s in the account %s, but %s is in the account %s.",
				upperFirst(c.origin.String()), printable.Text(who, maxWho), account, r.Thing, r.Account),
			r.orElse("Choose a profile for the account "+r.Account+" with --profile or AWS_PROFILE"), cause(err))
	}
	name := c.origin.String()
	if who != "" {
		name = printable.Text(who, maxWho)
	}
	p := problem.New(problem.AccessDenied,
		fmt.Sprintf("AWS refused %s: it needs the permission %s on %s.", name, action, printable.Text(resource, maxARN)), "", cause(err))
	switch deny, lack := denying().FindStringSubmatch(text), lacking().FindStringSubmatch(text); {
	case deny != nil && action == updates && r.RemoteAccess:
		p.Sentence = fmt.Sprintf("A policy forbids %s to switch remote access on for %s.", name, r.Thing)
		p.Hint = r.orElse("Ask your AWS administrator about " + denier(deny) +
			", which may deny " + action + " by the condition key sagemaker:RemoteAccess")
	case deny != nil:
		p.Hint = r.orElse("Ask your AWS administrator about " + denier(deny) + ", which denies it explicitly")
	case lack != nil && lack[1] != "identity-based policy":
		p.Hint = r.orElse("Ask your AWS administrator to allow it in the " + lack[1] + " too, with the statement below")
		p.Paste = Statement(action, r.resources(action, resource)...)
	default:
		p.Hint = r.orElse("Ask your AWS administrator to add the statement below to " + holder(who))
		p.Paste = Statement(action, r.resources(action, resource)...)
	}
	if m := roleSession().FindStringSubmatch(who); m != nil && m[2] == studioSession && action == StartSession && p.Paste != "" {
		p.Hint = r.orElse("Ask your AWS administrator to add the statement below to the Studio execution role " + m[1])
		p.Paste = DeepLinkStatement(resource)
	}
	return p
}

// resources are what the action is needed on, beginning with the one that AWS
// named: it names the first only that it finds forbidden.
func (r Request) resources(action, named string) []string {
	switch {
	case action != r.Action || r.Also == "":
		return []string{named}
	case named == r.Also:
		return []string{named, r.Resource}
	}
	return []string{named, r.Also}
}

// studioSession is the name of the sessions in which Studio itself acts, with
// the execution role of a domain or a user profile.
const studioSession = "SageMaker"

// denier names the policy that denies, as far as AWS said.
func denier(m []string) string {
	switch {
	case m[1] != "" && m[2] != "":
		return "the " + m[1] + " policy " + m[2]
	case m[1] != "":
		return "the " + strings.TrimSuffix(m[1], " policy") + " policy"
	}
	return "the policy"
}

// holder names what a statement is added to.
func holder(who string) string {
	if m := roleSession().FindStringSubmatch(who); m != nil {
		if set := permissionSet().FindStringSubmatch(m[1]); set != nil {
			return "the permission set " + quoted(set[1]) + " in IAM Identity Center"
		}
		return "the role " + quoted(m[1])
	}
	if _, user, ok := strings.Cut(who, ":user/"); ok {
		return "the user " + quoted(user)
	}
	return "this identity"
}

// Statement is the statement of an IAM policy that allows an action, as
// indented JSON without a line end.
func Statement(action string, resources ...string) string {
	allowed := make([]string, 0, len(resources))
	for _, resource := range resources {
		allowed = append(allowed, printable.ASCII(resource, maxARN))
	}
	if len(allowed) == 1 {
		return statement{Effect: "Allow", Action: action, Resource: allowed[0]}.String()
	}
	return statement{Effect: "Allow", Action: action, Resource: allowed}.String()
}

// DeepLinkStatement is the statement with which Studio's own role may open the
// user's spaces, and nobody else's, as AWS's documentation of remote access has
// it. space is the ARN of one of them.
func DeepLinkStatement(space string) string {
	const tag = "sagemaker:ResourceTag/sagemaker:user-profile-arn"
	base := "arn:aws:sagemaker:*:*:"
	if m := regionAndAccount().FindString(space); m != "" {
		base = m
	}
	return statement{
		Effect: "Allow", Action: StartSession, Resource: base + "space/${sagemaker:DomainId}/*",
		Condition: map[string]map[string]string{
			"ArnLike": {tag: base + "user-profile/${sagemaker:DomainId}/${sagemaker:UserProfileName}"},
		},
	}.String()
}

var regionAndAccount = lazily(`^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:`)

type statement struct {
	Effect    string
	Action    string
	Resource  any                          // a text, or more than one
	Condition map[string]map[string]string `json:",omitempty"`
}

func (s statement) String() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic("caller: a statement without a JSON form: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 5 {
		return parts[4]
	}
	return ""
}
