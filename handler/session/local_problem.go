package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The problems of local credentials.
const (
	// CredentialsWrong: AWS does not know the access key or the signature does
	// not fit it.
	CredentialsWrong problem.Code = "credentials-wrong"
	// ClockWrong: this computer's clock is too far from AWS's.
	ClockWrong problem.Code = "clock-wrong"
)

// configProblem tells why the AWS configuration could not be loaded.
func (l *Local) configProblem(space Space, err error) error {
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return problem.New(problem.NoCredentials,
			fmt.Sprintf("There is no AWS profile named %s on this computer.", printable.Quoted(missing.Profile)),
			"Choose one of those that `aws configure list-profiles` lists.", nil)
	}
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		return problem.New(problem.NotSupported,
			"The AWS profile asks for an MFA code, and there is nobody to ask while ssh connects.",
			orClick(space, "Use a profile that signs in through the browser"), nil)
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return problem.New(problem.NoCredentials,
			fmt.Sprintf("The AWS configuration names the file %s, which cannot be read.", printable.Quoted(file.Path)),
			"Check AWS_CA_BUNDLE, AWS_CONFIG_FILE and the ca_bundle setting of the profile.", cause(file))
	}
	return problem.New(problem.NoCredentials,
		"The AWS configuration of this computer cannot be used.",
		"Check it with `aws configure list`.", cause(err))
}

// credentialsProblem tells why the credentials could not be had.
func (c *call) credentialsProblem(ctx context.Context, err error) error {
	code := errorCode(err)
	if p := c.commonProblem(code, err); p != nil {
		return p
	}
	switch code {
	case "AccessDenied", "AccessDeniedException":
		return c.accessDenied(ctx, err)
	case "ForbiddenException":
		return problem.New(problem.AccessDenied,
			fmt.Sprintf("IAM Identity Center gives %s no access to its account and role.", c.origin),
			orClick(c.space, "Ask your AWS administrator for the assignment, choose another profile"), cause(err))
	}
	if code == "" {
		if p := c.networkProblem(err); p != nil {
			return p
		}
	}
	_, expired := errors.AsType[*ssocreds.InvalidTokenError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.origin.sso != "":
		return problem.New(problem.CredentialsExpired,
			fmt.Sprintf("Nobody has signed in to %s on this computer yet.", c.origin),
			orClick(c.space, c.origin.signIn()), cause(err))
	case expired, c.origin.sso != "", c.origin.login != "":
		return c.expired(cause(err))
	case c.origin.process:
		// Its output may be in the error: that is the credentials themselves.
		return problem.New(problem.NoCredentials,
			fmt.Sprintf("The credential_process of %s failed.", c.origin),
			orClick(c.space, "Run that command in a terminal to see why"), nil)
	}
	return problem.New(problem.NoCredentials,
		fmt.Sprintf("AWS credentials could not be had from %s.", c.origin),
		orClick(c.space, "Check them with `aws sts get-caller-identity`"), cause(err))
}

// problem tells why StartSession failed.
func (c *call) problem(ctx context.Context, err error) error {
	code := errorCode(err)
	if p := c.commonProblem(code, err); p != nil {
		return p
	}
	switch code {
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation":
		return c.accessDenied(ctx, err)
	case "ResourceLimitExceeded", "ServiceQuotaExceededException":
		return problem.New(problem.TooManyConnections,
			fmt.Sprintf("The space %s has its 10 connections already.", c.space.label()),
			"Close one; `spacehatch status` lists the connections of this computer.", cause(err))
	case "ResourceNotFound", "ResourceNotFoundException":
		return problem.New(problem.SpaceNotFound,
			fmt.Sprintf("The space %s is gone, is not running, or has remote access switched off.", c.space.label()),
			"Look at it in Studio: start it there with remote access on.", cause(err))
	case "ValidationException", "ValidationError":
		return problem.New(problem.Rejected, sentence("AWS rejected the request", message(err)),
			"Check the space in Studio, and that Spacehatch is up to date.", cause(err))
	case startingCode:
		return problem.New(problem.SpaceStarting,
			fmt.Sprintf("AWS could not reach the space %s: it may still be starting.", c.space.label()),
			"Wait a minute, then connect again.", cause(err))
	}
	if code == "" {
		if p := c.networkProblem(err); p != nil {
			return p
		}
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		if status := answer.HTTPStatusCode(); code == "" || status >= http.StatusInternalServerError {
			return problem.New(problem.Unreachable,
				fmt.Sprintf("SageMaker in %s gave no usable answer (HTTP %d).", c.arn.Region, status),
				"Try again in a minute; if it stays so, look for a proxy or a sign-in page between this computer and AWS.", cause(err))
		}
	}
	if code == "" {
		return problem.New(problem.Unreachable,
			fmt.Sprintf("SageMaker in %s could not be asked for a session.", c.arn.Region),
			"Check the network, then try again.", cause(err))
	}
	return problem.New(problem.Rejected, sentence("AWS refused the session with "+printable.Text(code, 64), message(err)),
		clickAgain(c.space), cause(err))
}

// commonProblem tells what any AWS call may answer; nil where it is none of
// that.
func (c *call) commonProblem(code string, err error) *problem.Problem {
	switch code {
	case "ExpiredTokenException", "ExpiredToken", "UnauthorizedException", "InvalidGrantException":
		return c.expired(cause(err))
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationTokenException", "IncompleteSignatureException":
		return problem.New(CredentialsWrong,
			fmt.Sprintf("AWS does not know the access key of %s.", c.origin),
			orClick(c.space, c.origin.signIn()), cause(err))
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch":
		return c.signatureProblem(code, err)
	case "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded":
		return problem.New(problem.Throttled,
			fmt.Sprintf("AWS gets too many requests from the account %s and asked to wait.", c.arn.Account),
			"Wait a minute, then connect again.", cause(err))
	}
	return nil
}

func (c *call) expired(cause error) *problem.Problem {
	return problem.New(problem.CredentialsExpired,
		fmt.Sprintf("The sign-in of %s has expired.", c.origin),
		orClick(c.space, c.origin.signIn()), cause)
}

// signatureProblem tells a wrong clock from a wrong key by the answer's Date.
func (c *call) signatureProblem(code string, err error) *problem.Problem {
	// AWS takes signatures that are up to five minutes off; the SDK corrects
	// its clock above four.
	const tolerated = 4 * time.Minute
	if off, known := c.clockOffset(err); known && off.Abs() > tolerated {
		side := "behind"
		if off > 0 {
			side = "ahead of"
		}
		return problem.New(ClockWrong,
			fmt.Sprintf("This computer's clock is %s %s AWS's, and AWS takes no request that is so far off.", roughly(off.Abs()), side),
			"Set the clock (switch on automatic time), then connect again.", cause(err))
	}
	switch code {
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		return problem.New(CredentialsWrong,
			fmt.Sprintf("AWS does not accept the signature of %s: the secret key does not belong to the access key.", c.origin),
			orClick(c.space, c.origin.signIn()), cause(err))
	}
	return problem.New(ClockWrong,
		"AWS says that the request was made at the wrong time.",
		"Check this computer's clock and time zone, then connect again.", cause(err))
}

// clockOffset is how far this computer's clock is ahead of the answer's.
func (c *call) clockOffset(err error) (time.Duration, bool) {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answer.Response == nil {
		return 0, false
	}
	date, err := http.ParseTime(answer.Response.Header.Get("Date"))
	return c.now().Sub(date), err == nil
}

// roughly writes a duration of minutes and more for a person.
func roughly(d time.Duration) string {
	if d >= 2*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
}

// refusal finds who was refused what in the words of AWS: "User: <arn> is not
// authorized to perform: <action> on resource: <arn> because no …".
var refusal = lazily(`User: (arn:aws[a-z-]*:[a-zA-Z0-9:/_+=,.@-]{1,400}) is not authorized to perform: ([a-zA-Z0-9-]{1,40}:[a-zA-Z0-9]{1,60})(?: on resource: (arn:[^ ]{1,512}))?`)

func (c *call) accessDenied(ctx context.Context, err error) error {
	const startSession = "sagemaker:StartSession"
	text := message(err)
	who, action, resource := "", startSession, c.space.ARN
	if m := refusal().FindStringSubmatch(text); m != nil {
		who, action = m[1], m[2]
		if m[3] != "" {
			resource = m[3]
		}
	} else {
		who = c.identity(ctx)
	}
	// A role may well be assumed from another account; a session may not.
	if account := accountOf(who); action == startSession && account != "" && account != c.arn.Account {
		return problem.New(problem.AccessDenied,
			fmt.Sprintf("%s signs in as %s in the account %s, but the space %s is in the account %s.",
				upperFirst(c.origin.String()), printable.Text(who, 400), account, c.space.label(), c.arn.Account),
			orClick(c.space, "Choose a profile for the account "+c.arn.Account+" with AWS_PROFILE"), cause(err))
	}
	name := c.origin.String()
	if who != "" {
		name = printable.Text(who, 400)
	}
	hint := "Ask your AWS administrator to allow it for this identity"
	if strings.Contains(text, "explicit deny") {
		hint = "Ask your AWS administrator about the policy that denies it explicitly"
	}
	return problem.New(problem.AccessDenied,
		fmt.Sprintf("AWS refused %s: it needs the permission %s on %s.", name, action, printable.Text(resource, maxARN)),
		orClick(c.space, hint), cause(err))
}

func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 5 {
		return parts[4]
	}
	return ""
}

// networkProblem tells what stood between this computer and AWS; nil where
// nothing did.
func (c *call) networkProblem(err error) *problem.Problem {
	host := "AWS"
	if request, ok := errors.AsType[*url.Error](err); ok {
		if u, parsed := url.Parse(request.URL); parsed == nil && u.Hostname() != "" {
			host = u.Hostname()
		}
	}
	trouble := func(sentence, hint string) *problem.Problem {
		return problem.New(problem.Unreachable, sentence, hint, cause(err))
	}
	if expired, ok := errors.AsType[x509.CertificateInvalidError](err); ok && expired.Reason == x509.Expired {
		return trouble(fmt.Sprintf("The certificate of %s is not valid at this computer's time.", host),
			"Check this computer's clock; if it is right, tell your network administrator.")
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case verification:
		return trouble(fmt.Sprintf("The certificate of %s comes from an authority that this computer does not trust for it.", host),
			"If your network inspects TLS, set AWS_CA_BUNDLE to the file with its certificate authority.")
	case notTLS:
		return trouble(fmt.Sprintf("%s did not answer with TLS: something stands in between.", host),
			"Look for a proxy or a sign-in page of the network.")
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return trouble(fmt.Sprintf("The host %s was not found.", printable.Text(dns.Name, 253)),
			"Check the network and the VPN, then connect again.")
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		if operation.Op == "proxyconnect" {
			return trouble("The proxy that HTTPS_PROXY names did not answer.",
				"Check HTTPS_PROXY and NO_PROXY, then connect again.")
		}
		return trouble(fmt.Sprintf("%s could not be reached.", host), "Check the network, the VPN and HTTPS_PROXY, then connect again.")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return trouble("AWS did not answer in time.", "Check the network and the VPN, then connect again.")
	}
	return nil
}

// message is what AWS wrote, made fit for a sentence.
func message(err error) string {
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return printable.Text(strings.TrimSpace(answer.ErrorMessage()), 1000)
	}
	return ""
}

// cause is err for the log. It is cut off from the SDK's error: answers to bad
// signatures quote the request, the session token included, and a proxy's
// address may hold a password.
func cause(err error) error {
	code := errorCode(err)
	if code == "" {
		return errors.New(printable.Text(userInfo.ReplaceAllString(err.Error(), "//"), 500))
	}
	text := printable.Text(code, 64)
	switch code {
	case "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignatureException":
	default:
		if said := message(err); said != "" && said != code {
			text += ": " + said
		}
	}
	if answer, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok && answer.ServiceRequestID() != "" {
		text += " (request " + printable.Text(answer.ServiceRequestID(), 64) + ")"
	}
	return errors.New(text)
}

var userInfo = regexp.MustCompile(`//[^@\s"]+@`)

// sentence joins what we say and what AWS said, with one full stop.
func sentence(ours, theirs string) string {
	if theirs = strings.TrimRight(theirs, ". "); theirs == "" {
		return ours + "."
	}
	return ours + ": " + theirs + "."
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
