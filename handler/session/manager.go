package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// The problems of Session Manager.
const (
	// TargetNotConnected: Systems Manager does not reach the machine.
	TargetNotConnected problem.Code = "target-not-connected"
	// ManagerOff: Session Manager is not switched on for such machines.
	ManagerOff problem.Code = "session-manager-off"
)

const (
	// sshDocument is the session document for SSH, AWS's own.
	sshDocument = "AWS-StartSSHSession"
	// sshPort is the port of the machine's SSH server.
	sshPort = "22"
)

// ManagerOptions say how Session Manager is called. The zero value does what
// the AWS CLI does.
type ManagerOptions struct {
	// Endpoint is the address to call in place of the region's own; empty
	// leaves it to the SDK and its environment.
	Endpoint string
	// Codes asks a person for MFA codes; nil asks nobody.
	Codes *caller.Codes
	// Log gets the SDK's notes, at debug level; nil drops them.
	Log *slog.Logger
}

// Manager calls Session Manager (the service ssm) with the credentials of this
// computer, by the profile that an [Instance] names. It is a [Source] for
// instances.
type Manager struct {
	endpoint string
	codes    *caller.Codes
	log      *slog.Logger
	now      func() time.Time
	// load is appended to what the SDK's configuration is loaded with.
	load []func(*config.LoadOptions) error
}

// NewManager returns the source. It reads nothing yet.
func NewManager(options ManagerOptions) *Manager {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Manager{endpoint: options.Endpoint, codes: options.Codes, log: log, now: time.Now}
}

// Region returns the region that the environment or the profile names; the
// error is a problem that says how to name one.
func (m *Manager) Region(ctx context.Context, profile string) (string, error) {
	who, err := caller.Load(ctx, caller.Request{Purpose: "start a session with"}, caller.Options{Profile: profile, Log: m.log, Load: m.load})
	if err != nil {
		return "", err
	}
	if who.Config.Region == "" {
		return "", problem.New(problem.Rejected, "Neither the environment nor the AWS profile says in which region the machine is.",
			"Name it with --region, such as --region us-east-1, or set AWS_REGION.", nil)
	}
	return who.Config.Region, nil
}

// Session starts a session for SSH with an instance, and is [ErrNone] for
// everything else. The stream URL is AWS's word, unchecked. The session counts
// as unused for a minute. Errors are problems.
func (m *Manager) Session(ctx context.Context, space Space) (Session, error) {
	if space.Kind != Instance {
		return Session{}, fmt.Errorf("%s is no instance: %w", space.label(), ErrNone)
	}
	ctx, cancel := context.WithTimeout(ctx, withPerson(localTimeout, m.codes))
	defer cancel()
	call, err := m.call(ctx, space, "ssm:StartSession")
	if err != nil {
		return Session{}, err
	}
	out, err := call.client.StartSession(ctx, &ssm.StartSessionInput{
		Target: aws.String(space.Name), DocumentName: aws.String(sshDocument),
		Parameters: map[string][]string{"portNumber": {sshPort}},
	})
	if err != nil {
		return Session{}, call.problem(ctx, err)
	}
	return call.session(aws.ToString(out.SessionId), aws.ToString(out.StreamUrl), aws.ToString(out.TokenValue))
}

// Resume returns the session with a fresh token, after it has lost its web
// socket. Errors are problems; a session that is over is a
// [problem.TunnelRefused].
func (m *Manager) Resume(ctx context.Context, space Space, lost Session) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, localTimeout)
	defer cancel()
	call, err := m.call(ctx, space, "ssm:ResumeSession")
	if err != nil {
		return Session{}, err
	}
	out, err := call.client.ResumeSession(ctx, &ssm.ResumeSessionInput{SessionId: aws.String(lost.ID)})
	if err != nil {
		return Session{}, call.problem(ctx, err)
	}
	if aws.ToString(out.TokenValue) == "" {
		// AWS's documented way to say that it timed out.
		return Session{}, sessionOver(space, nil)
	}
	// AWS's own client takes the token alone and stays with the address.
	stream := cmp.Or(aws.ToString(out.StreamUrl), lost.StreamURL.Reveal())
	return call.session(lost.ID, stream, aws.ToString(out.TokenValue))
}

// Terminate ends a session with an instance. One that is over already is no
// error.
func (m *Manager) Terminate(ctx context.Context, space Space, id string) error {
	call, err := m.call(ctx, space, "ssm:TerminateSession")
	if err != nil {
		return err
	}
	_, err = call.client.TerminateSession(ctx, &ssm.TerminateSessionInput{SessionId: aws.String(id)})
	if err != nil && caller.Code(err) != noSuchSession {
		return call.problem(ctx, err)
	}
	return nil
}

// Sign returns the headers that sign the upgrade to a data channel, as AWS's
// plugin does where it finds credentials. Errors are problems.
func (m *Manager) Sign(ctx context.Context, space Space, streamURL secret.String) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, localTimeout)
	defer cancel()
	call, err := m.call(ctx, space, "ssmmessages:OpenDataChannel")
	if err != nil {
		return nil, err
	}
	credentials, err := call.who.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, call.problem(ctx, err)
	}
	// wss is https to whoever signs.
	at, found := strings.CutPrefix(streamURL.Reveal(), "ws")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http"+at, nil)
	if err != nil || !found {
		return nil, problem.New(problem.Rejected, "The session's stream URL cannot be signed.", "Connect again.", nil)
	}
	nothing := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(nothing[:]), "ssmmessages", call.who.Config.Region, m.now()); err != nil {
		return nil, problem.New(problem.Internal, "The data channel could not be signed.", "", err)
	}
	return request.Header, nil
}

// noSuchSession is AWS's code for a session that is over.
const noSuchSession = "DoesNotExistException"

func sessionOver(space Space, cause error) *problem.Problem {
	return problem.New(problem.TunnelRefused, "The session with "+space.thing()+" is over.", "Connect again.", cause)
}

// thing names the space in the middle of a sentence.
func (s Space) thing() string {
	switch {
	case s.Kind != Instance:
		return "the space " + s.label()
	case strings.HasPrefix(s.Name, "mi-"):
		return "the machine " + s.label()
	}
	return "the instance " + s.label()
}

// managerCall is one call with all that its errors have to tell.
type managerCall struct {
	*Manager
	space   Space
	request caller.Request
	who     *caller.Caller
	client  *ssm.Client
}

// call gets the credentials for a call of the action.
func (m *Manager) call(ctx context.Context, space Space, action string) (*managerCall, error) {
	r := caller.Request{
		Action: action, Resource: instanceARN(space.Name, space.Partition, space.Region), Thing: space.thing(), Purpose: "start a session with",
	}
	if action == "ssm:StartSession" {
		r.Also = "arn:" + space.Partition + ":ssm:" + space.Region + "::document/" + sshDocument
	}
	who, err := caller.Load(ctx, r, caller.Options{Profile: space.Profile, Region: space.Region, Codes: m.codes, Log: m.log, Now: m.now, Load: m.load})
	if err != nil {
		return nil, err
	}
	if err := who.Retrieve(ctx, r); err != nil {
		return nil, err
	}
	client := ssm.NewFromConfig(who.Config, func(o *ssm.Options) {
		if m.endpoint != "" {
			o.BaseEndpoint = aws.String(m.endpoint)
		}
	})
	return &managerCall{Manager: m, space: space, request: r, who: who, client: client}, nil
}

// session checks what AWS answered.
func (c *managerCall) session(id, stream, token string) (Session, error) {
	session := Session{
		Origin: FromAPI, ID: id, StreamURL: secret.New(stream), Token: secret.New(token),
		Expires: c.now().Add(localSessionLife),
	}
	if err := checkSession(session); err != nil {
		return Session{}, problem.New(problem.Unreachable,
			"AWS answered without a usable session for "+c.space.thing()+".",
			"Try again; if it stays so, look for a proxy between this computer and AWS.", err)
	}
	return session, nil
}

// problem tells what Session Manager alone answers, and leaves the rest to what
// is said of every call.
func (c *managerCall) problem(ctx context.Context, err error) *problem.Problem {
	code := caller.Code(err)
	said := ""
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		said = printable.Text(strings.TrimRight(strings.TrimSpace(answer.ErrorMessage()), "."), 1000)
	}
	cause := fmt.Errorf("%s: %s", printable.Text(code, 64), said)
	switch code {
	case "TargetNotConnected":
		return problem.New(TargetNotConnected,
			fmt.Sprintf("Session Manager does not reach %s in %s.", c.space.thing(), printable.Text(c.who.Config.Region, 64)),
			"Check that it runs, that this is its region (--region), that the SSM agent runs on it, and that its role may use Session Manager (AmazonSSMManagedInstanceCore); `aws ssm describe-instance-information` lists what is connected.", cause)
	case "BadRequest", "BadRequestException", "ValidationException":
		if strings.Contains(said, "advanced-instances") {
			return problem.New(ManagerOff, "Session Manager is not switched on for machines outside of EC2 in this account: AWS asks for the advanced-instances tier.",
				"Ask an administrator to change the instance tier (Systems Manager, Fleet Manager, Account management), which AWS charges for.", cause)
		}
		return problem.New(problem.Rejected, "AWS rejected the request: "+said+".", "Check the id of the machine, and its region.", cause)
	case "InvalidDocument", "InvalidDocumentVersion":
		return problem.New(problem.Rejected, fmt.Sprintf("The session document %s cannot be used in %s.", sshDocument, printable.Text(c.who.Config.Region, 64)),
			"Check the region; an administrator may have taken the document away.", cause)
	case noSuchSession:
		return sessionOver(c.space, cause)
	case "InternalServerError":
		return problem.New(problem.Unreachable, "Session Manager has a fault of its own at the moment.", "Try again in a minute.", cause)
	}
	return c.who.Problem(ctx, c.request, err)
}
