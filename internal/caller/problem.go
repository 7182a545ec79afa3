package caller

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
	// RegionWrong: the endpoint belongs to another region than the one that
	// was meant.
	RegionWrong problem.Code = "region-wrong"
	// ClockWrong: this computer's clock is too far from AWS's.
	ClockWrong problem.Code = "clock-wrong"
)

// configProblem tells why the AWS configuration could not be loaded.
func configProblem(r Request, err error) error {
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		settings, credentials := files()
		return problem.New(problem.NoCredentials,
			fmt.Sprintf("There is no AWS profile named %s on this computer.", quoted(missing.Profile)),
			fmt.Sprintf("Choose one that is in %s or %s.", quotedPath(settings), quotedPath(credentials)), nil)
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return problem.New(problem.NoCredentials,
			fmt.Sprintf("The AWS configuration names the file %s, which cannot be read.", quoted(file.Path)),
			"Check AWS_CA_BUNDLE, AWS_CONFIG_FILE and the ca_bundle setting of the profile.", cause(file))
	}
	settings, _ := files()
	return problem.New(problem.NoCredentials,
		"The AWS configuration of this computer cannot be used.",
		fmt.Sprintf("Look into %s, and check it with `aws configure list`.", quotedPath(settings)), cause(err))
}

// credentialsProblem tells why the credentials could not be had.
func (c *Caller) credentialsProblem(ctx context.Context, r Request, err error) error {
	if p := c.codeProblem(r, err); p != nil {
		return p
	}
	code := Code(err)
	if p := c.commonProblem(r, code, err); p != nil {
		return p
	}
	switch code {
	case "AccessDenied", "AccessDeniedException":
		return c.denied(ctx, r, err)
	case "ForbiddenException":
		return problem.New(problem.AccessDenied,
			fmt.Sprintf("IAM Identity Center gives %s no access to its account and role.", c.origin),
			r.orElse("Ask your AWS administrator for the assignment, choose another profile"), cause(err))
	}
	if code == "" {
		if p := c.networkProblem(r, err); p != nil {
			return p
		}
	}
	_, expired := errors.AsType[*ssocreds.InvalidTokenError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.origin.sso != "":
		p := problem.New(problem.CredentialsExpired,
			fmt.Sprintf("Nobody has signed in to %s on this computer yet.", c.origin),
			r.orElse(c.origin.signIn()), cause(err))
		p.SignIn = c.origin.sso
		return p
	case expired, c.origin.sso != "", c.origin.login != "":
		return c.expired(r, cause(err))
	case c.origin.process:
		return c.processFailed(r, "failed")
	}
	return problem.New(problem.NoCredentials,
		fmt.Sprintf("AWS credentials could not be had from %s.", c.origin),
		r.orElse("Check them with `aws sts get-caller-identity`"), cause(err))
}

// processFailed tells of a credential_process. Its output may be in the error:
// that is the credentials themselves, so nothing of it is shown.
func (c *Caller) processFailed(r Request, how string) *problem.Problem {
	settings, _ := files()
	return problem.New(problem.NoCredentials,
		fmt.Sprintf("The credential_process of %s %s.", c.origin, how),
		r.orElse(fmt.Sprintf("Run that command, which stands in %s, in a terminal to see why", quotedPath(settings))), nil)
}

// commonProblem tells what any AWS call may answer; nil where it is none of
// that.
func (c *Caller) commonProblem(r Request, code string, err error) *problem.Problem {
	switch code {
	case "ExpiredTokenException", "ExpiredToken", "UnauthorizedException", "InvalidGrantException":
		return c.expired(r, cause(err))
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationTokenException", "IncompleteSignatureException":
		return problem.New(CredentialsWrong,
			fmt.Sprintf("AWS in %s does not know the access key of %s.", c.region(), c.origin),
			r.orElse(c.origin.signIn()+"; if it works in other regions, "+c.region()+" may not be enabled for the account"), cause(err))
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch":
		return c.signatureProblem(r, code, err)
	case "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded":
		from := "this account"
		if r.Account != "" {
			from = "the account " + r.Account
		}
		return problem.New(problem.Throttled,
			fmt.Sprintf("AWS gets too many requests from %s and asked to wait.", from),
			"Wait a minute, then try again.", cause(err))
	}
	return nil
}

func (c *Caller) expired(r Request, cause error) *problem.Problem {
	p := problem.New(problem.CredentialsExpired,
		fmt.Sprintf("The sign-in of %s has expired.", c.origin),
		r.orElse(c.origin.signIn()), cause)
	p.SignIn = c.origin.sso
	return p
}

// signatureProblem tells a wrong clock from a wrong key by the answer's Date.
func (c *Caller) signatureProblem(r Request, code string, err error) *problem.Problem {
	if strings.Contains(message(err), "scoped to a valid region") {
		return problem.New(RegionWrong,
			fmt.Sprintf("The endpoint that answered is not one of the region %s.", c.region()),
			"Check the region, and the variable AWS_ENDPOINT_URL_SAGEMAKER or the setting endpoint_url of the profile.", cause(err))
	}
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
			"Set the clock (switch on automatic time), then try again.", cause(err))
	}
	switch code {
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		return problem.New(CredentialsWrong,
			fmt.Sprintf("AWS does not accept the signature of %s: the secret key does not belong to the access key.", c.origin),
			r.orElse(c.origin.signIn()), cause(err))
	}
	return problem.New(ClockWrong,
		"AWS says that the request was made at the wrong time.",
		"Check this computer's clock and time zone, then try again.", cause(err))
}

// clockOffset is how far this computer's clock is ahead of the answer's.
func (c *Caller) clockOffset(err error) (time.Duration, bool) {
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

// networkProblem tells what stood between this computer and AWS; nil where
// nothing did.
func (c *Caller) networkProblem(r Request, err error) *problem.Problem {
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
	if refusal, ok := errors.AsType[proxyRefusal](err); ok {
		hint := "Ask your network administrator to let " + host + " through."
		if refusal.status == http.StatusProxyAuthRequired {
			hint = "Put name and password into HTTPS_PROXY (http://name:password@proxy:port), or ask your network administrator to let " + host + " through without."
		}
		return trouble(fmt.Sprintf("The proxy that HTTPS_PROXY names refused the connection to %s (HTTP %d).", host, refusal.status), hint)
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
			fmt.Sprintf("Check the network and the VPN, and that %s is a region that you meant; then try again.", c.region()))
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		if operation.Op == "proxyconnect" {
			return trouble("The proxy that HTTPS_PROXY names did not answer.",
				"Check HTTPS_PROXY and NO_PROXY, then try again.")
		}
		return trouble(fmt.Sprintf("%s could not be reached.", host), "Check the network, the VPN and HTTPS_PROXY, then try again.")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return trouble("AWS did not answer in time.", "Check the network and the VPN, then try again.")
	}
	return nil
}

// proxyRefusal is a proxy's no, which net/http tells by its words alone.
type proxyRefusal struct{ status int }

func (r proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy answered %d %s", r.status, http.StatusText(r.status))
}

func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal{answer.StatusCode}
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
	code := Code(err)
	if code == "" {
		return errors.New(printable.Text(userInfo().ReplaceAllString(err.Error(), "//"), 500))
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

var userInfo = lazily(`//[^@\s"]+@`)

// sentence joins what we say and what AWS said, with one full stop.
func sentence(ours, theirs string) string {
	if theirs = strings.TrimRight(theirs, ". "); theirs == "" {
		return ours + "."
	}
	return ours + ": " + theirs + "."
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// orElse ends a hint with the way that needs no credentials.
func (r Request) orElse(hint string) string {
	if r.OrElse == "" {
		return hint + "."
	}
	return hint + ", or " + strings.ToLower(r.OrElse[:1]) + r.OrElse[1:]
}

// region names the region for a sentence.
func (c *Caller) region() string { return printable.Text(c.Config.Region, 64) }
