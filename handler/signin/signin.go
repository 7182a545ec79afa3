// Package signin signs a person in to IAM Identity Center as `aws sso login
// --use-device-code` does: a code, a page in the browser where it is confirmed
// (RFC 8628), and a token in the folder where AWS's tools look for it.
//
// It must not know who needs the sign-in, how the code is shown, or how a
// browser is started.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// The problems of a sign-in.
const (
	// Denied: the page was answered with no.
	Denied problem.Code = "sign-in-denied"
	// TooLate: nobody answered the page in time.
	TooLate problem.Code = "sign-in-expired"
)

const (
	// clientName is what the page calls this program.
	clientName = "spacehatch"
	// deviceGrant is the name of the grant in RFC 8628.
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	// accountAccess is the scope for credentials of accounts; AWS gives a
	// refresh token with it.
	accountAccess = "sso:account:access"

	// The pauses between two questions, by RFC 8628: AWS names the first, and
	// adds five seconds where it finds them too short.
	defaultPause = 5 * time.Second
	slowDown     = 5 * time.Second
	maxPause     = 30 * time.Second
	// A code of AWS's can be used for ten minutes.
	defaultLife = 10 * time.Minute
	maxLife     = time.Hour

	maxAddress  = 2048 // bytes
	maxUserCode = 64
)

// Code is what a person confirms in the browser. None of it is secret: it is of
// use only to who has the other half.
type Code struct {
	Profile string // whose sign-in it is
	// Code is what the page has to show, too.
	Code string
	// Address is the page; https, or this computer's. It holds the code.
	Address string
	// Expires is when the code is of no more use.
	Expires time.Time
}

// Screen shows a person the code and brings them to the page, until ctx ends.
// It returns nil then, and an error where the person gives up.
type Screen interface {
	Show(ctx context.Context, code Code) error
}

// Flow signs in. The zero value will do.
type Flow struct {
	// Log gets the steps, at debug level; nil drops them.
	Log *slog.Logger
	// wait is the pause between two questions.
	wait func(context.Context, time.Duration) error
	now  func() time.Time
}

// Run signs in and keeps the token where the AWS CLI keeps its own. It waits
// for the person for as long as the code lasts, at most an hour. Errors are
// problems, [problem.Cancelled] where ctx or the screen ended it.
func (f Flow) Run(ctx context.Context, to caller.SSO, screen Screen) error {
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	if f.wait == nil {
		f.wait = wait
	}
	if f.now == nil {
		f.now = time.Now
	}
	t := &try{Flow: f, to: to}
	err := t.run(ctx, screen)
	if ctx.Err() != nil {
		return problem.New(problem.Cancelled, "Cancelled: you are not signed in.", "", context.Cause(ctx))
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// try is one sign-in.
type try struct {
	Flow
	to     caller.SSO
	who    *caller.Caller
	client *ssooidc.Client

	id                  string
	secret              secret.String
	registrationExpires time.Time
}

func (t *try) request(action string) caller.Request {
	return caller.Request{Action: "sso-oidc:" + action, Resource: "*", Thing: "the sign-in", Purpose: "sign in with"}
}

func (t *try) run(ctx context.Context, screen Screen) error {
	var err error
	t.who, err = caller.Load(ctx, t.request("RegisterClient"), caller.Options{Profile: t.to.Profile, Region: t.to.Region, Log: t.Log})
	if err != nil {
		return err
	}
	// These calls are of people who have no credentials yet.
	t.who.Config.Credentials = aws.AnonymousCredentials{}
	t.client = ssooidc.NewFromConfig(t.who.Config)
	if err := t.register(ctx); err != nil {
		return err
	}
	begun := t.now()
	device, err := t.client.StartDeviceAuthorization(ctx, &ssooidc.StartDeviceAuthorizationInput{
		ClientId: aws.String(t.id), ClientSecret: aws.String(t.secret.Reveal()), StartUrl: aws.String(t.to.StartURL),
	})
	if err != nil {
		return t.problem(ctx, "StartDeviceAuthorization", err)
	}
	code, err := t.code(device, begun)
	if err != nil {
		return err
	}
	token, err := t.shown(ctx, screen, code, device)
	if err != nil {
		return err
	}
	return t.keep(token)
}

// register tells AWS of this program. AWS's own client keeps what it gets for
// three months; a sign-in a day is no reason to keep one more secret.
func (t *try) register(ctx context.Context) error {
	in := &ssooidc.RegisterClientInput{ClientName: aws.String(clientName), ClientType: aws.String("public"), Scopes: t.to.Scopes}
	if t.to.Session != "" && len(in.Scopes) == 0 {
		in.Scopes = []string{accountAccess}
	}
	out, err := t.client.RegisterClient(ctx, in)
	if err != nil {
		return t.problem(ctx, "RegisterClient", err)
	}
	t.id, t.secret = aws.ToString(out.ClientId), secret.New(aws.ToString(out.ClientSecret))
	t.registrationExpires = time.Unix(out.ClientSecretExpiresAt, 0)
	return nil
}

// code checks what the person is to see.
func (t *try) code(device *ssooidc.StartDeviceAuthorizationOutput, begun time.Time) (Code, error) {
	life := time.Duration(device.ExpiresIn) * time.Second
	if life <= 0 {
		life = defaultLife
	}
	code := Code{
		Profile: t.to.Profile, Code: aws.ToString(device.UserCode), Address: aws.ToString(device.VerificationUriComplete),
		Expires: begun.Add(min(life, maxLife)),
	}
	if code.Address == "" {
		code.Address = aws.ToString(device.VerificationUri)
	}
	if aws.ToString(device.DeviceCode) == "" || code.Code == "" || printable.ASCII(code.Code, maxUserCode) != code.Code || !browsable(code.Address) {
		return Code{}, problem.New(problem.Unreachable, "IAM Identity Center answered without a page to sign in on.",
			"Try again; if it stays so, look for a proxy between this computer and AWS.", nil)
	}
	return code, nil
}

// browsable reports whether a browser may be sent to the address.
func browsable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxAddress || printable.ASCII(address, maxAddress) != address || u.Host == "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// shown shows the code while AWS is asked for the token.
func (t *try) shown(ctx context.Context, screen Screen, code Code, device *ssooidc.StartDeviceAuthorizationOutput) (*ssooidc.CreateTokenOutput, error) {
	showing, hide := context.WithCancel(ctx)
	polling, giveUp := context.WithCancel(ctx)
	defer giveUp()
	given := make(chan error, 1)
	go func() { // ends with showing, which ends below
		err := screen.Show(showing, code)
		if err != nil {
			giveUp()
		}
		given <- err
	}()
	token, err := t.poll(polling, code, device)
	hide()
	// Who gave up in the moment of the token is signed in all the same.
	if gave := <-given; gave != nil && err != nil {
		return nil, gave
	}
	return token, err
}

// poll asks for the token until the person has answered, by the rules of RFC
// 8628, section 3.5.
func (t *try) poll(ctx context.Context, code Code, device *ssooidc.StartDeviceAuthorizationOutput) (*ssooidc.CreateTokenOutput, error) {
	pause := time.Duration(device.Interval) * time.Second
	if pause <= 0 {
		pause = defaultPause
	}
	for {
		if err := t.wait(ctx, min(pause, maxPause)); err != nil {
			return nil, err
		}
		out, err := t.client.CreateToken(ctx, &ssooidc.CreateTokenInput{
			ClientId: aws.String(t.id), ClientSecret: aws.String(t.secret.Reveal()),
			DeviceCode: device.DeviceCode, GrantType: aws.String(deviceGrant),
		})
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		late := !t.now().Before(code.Expires)
		switch caller.Code(err) {
		case "AuthorizationPendingException":
		case "SlowDownException":
			pause += slowDown
		case "ExpiredTokenException":
			late = true
		case "AccessDeniedException":
			return nil, problem.New(Denied, fmt.Sprintf("The sign-in to the AWS profile %s was denied in the browser.", printable.Quoted(t.to.Profile)),
				"Sign in again if that was not you.", nil)
		default:
			p := t.problem(ctx, "CreateToken", err)
			// The network may be back before the code expires.
			if p.Code != problem.Unreachable && p.Code != problem.Throttled || late {
				return nil, p
			}
			pause *= 2
		}
		t.Log.DebugContext(ctx, "the sign-in waits", "code", caller.Code(err), "again_in", min(pause, maxPause))
		if late {
			return nil, problem.New(TooLate, "Nobody confirmed the code in the browser in time.",
				"Sign in again, and answer the page within ten minutes.", nil)
		}
	}
}

// problem tells why a call failed.
func (t *try) problem(ctx context.Context, action string, err error) *problem.Problem {
	region, profile := printable.Text(t.to.Region, 64), printable.Quoted(t.to.Profile)
	switch caller.Code(err) {
	case "InvalidRequestException", "InvalidRequestRegionException":
		return problem.New(problem.Rejected,
			fmt.Sprintf("IAM Identity Center in %s does not know the access portal %s of the AWS profile %s.", region, printable.Quoted(t.to.StartURL), profile),
			"Check sso_start_url and sso_region in the AWS configuration.", errors.New(printable.Text(caller.Code(err), 64)))
	case "InvalidScopeException":
		return problem.New(problem.Rejected,
			fmt.Sprintf("IAM Identity Center does not give what the AWS profile %s asks for: %s.", profile, printable.Quoted(strings.Join(t.to.Scopes, ", "))),
			"Check sso_registration_scopes in the AWS configuration.", nil)
	case "InternalServerException":
		return problem.New(problem.Unreachable, "IAM Identity Center in "+region+" has a fault of its own at the moment.", "Try again in a minute.", errors.New("InternalServerException"))
	case "AccessDeniedException", "UnauthorizedClientException", "InvalidClientException", "InvalidGrantException", "ExpiredTokenException":
		return problem.New(problem.Rejected, "IAM Identity Center takes no sign-in from this program.",
			"Try again; if it stays so, ask your AWS administrator whether sign-ins by a code are switched off.", errors.New(printable.Text(caller.Code(err), 64)))
	}
	return t.who.Problem(ctx, t.request(action), err)
}
