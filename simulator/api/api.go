// Package api is the simulator's SageMaker: the part of the JSON 1.1 API that
// spaces need, with checked SigV4 signatures and AWS's error shapes, and the
// calls of STS and SSM that go with it, for spaces and for the machines of
// Systems Manager, and the sign-in by IAM Identity Center.
//
// It must not know how a stream of bytes reaches a space, what a link or the
// Studio page looks like, or on which socket it is served: behind it stands a
// [Gateway].
package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"crypto/rand"
	"encoding/hex"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// Session is what StartSession returns: the right to open one data channel.
type Session struct {
	ID        string // at most 256 bytes
	StreamURL secret.String
	Token     secret.String // at most 1024 bytes
}

// Gateway opens sessions in front of the spaces.
type Gateway interface {
	// StartSession opens a session in front of a running space, with a
	// presigned stream URL or one that the client signs itself. It returns
	// an error that wraps [ErrTooManyConnections] where the space has its
	// ten already.
	StartSession(ctx context.Context, spaceARN string, presigned bool) (Session, error)
	// StopSpace ends the space's machine and every session in front of it.
	// It knows every space, also one that never ran.
	StopSpace(ctx context.Context, spaceARN string)
}

// Resumer is a Gateway that also has SSM's two other session calls. Without
// them ResumeSession and TerminateSession find no session.
type Resumer interface {
	// ResumeSession gives a living session a fresh token; ok is false where
	// the session has ended.
	ResumeSession(sessionID string) (session Session, ok bool)
	// TerminateSession ends a session; ok is false where there is none.
	TerminateSession(sessionID string) (ok bool)
}

// ErrTooManyConnections says that a space has its ten connections already.
var ErrTooManyConnections = errors.New("the space has ten connections already")

// Config is what the API serves.
type Config struct {
	Region     string // the only one, such as us-east-1
	Account    string // 12 digits
	Identities []Identity
	Domains    []Domain
	Profiles   []UserProfile
	Spaces     []Space
	Targets    []Target
	// Gateway stands behind StartSession.
	Gateway Gateway
	// StartDelay is how long an app stays Pending, StopDelay how long it
	// stays Deleting, UpdateDelay how long a space stays Updating.
	StartDelay, StopDelay, UpdateDelay time.Duration
	// RegisterDelay is how long a fresh InService app still answers
	// StartSession with InternalFailure, as AWS does until the machine is
	// known to Session Manager.
	RegisterDelay time.Duration
	// Latency is how long each call takes. Rate is how often an operation may
	// be called a second before AWS throttles it; 0 is as often as one likes.
	Latency time.Duration
	Rate    int
	// DevicePage is the address at which a person lets a device sign in, as
	// IAM Identity Center gives it; DeviceTTL is how long its code can be used
	// (ten minutes where it is 0), DeviceInterval how often at most the device
	// may ask (a second where it is 0), SignInTTL how long a sign-in lasts
	// (eight hours where it is 0).
	DevicePage                           string
	DeviceTTL, DeviceInterval, SignInTTL time.Duration
	// Log gets one line for each call. No secret goes there.
	Log *slog.Logger
}

// Server is the API. It is an [http.Handler] for every path; a request must
// carry the Host it was signed for, which the signature proves.
type Server struct {
	config  Config
	operate map[string]operation
	page    [32]byte // authenticates NextToken

	mu       sync.Mutex // everything below
	world    world
	admitted []Identity // by STS and IAM Identity Center, beside config's
	center   center
	faults   []Fault
	calls    []Call
	policies map[string]policy // by role
	buckets  map[string]bucket // by operation
}

// operation is one API call. The identity is proven; body is the request's.
type operation struct {
	resource func(*Server, []byte) string // for the log, the faults and AccessDenied
	do       func(*Server, context.Context, Identity, []byte) (any, error)
}

const (
	maxBody     = 1 << 20
	jsonType    = "application/x-amz-json-1.1"
	formType    = "application/x-www-form-urlencoded"
	targetSM    = "SageMaker."
	targetSSM   = "AmazonSSM."
	stsVersion  = "2011-06-15"
	serviceSM   = "sagemaker"
	serviceSSM  = "ssm"
	serviceSTS  = "sts"
	maxLogCalls = 10000
)

// New returns the API of config.
func New(config Config) *Server {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config, operate: operations(), world: newWorld(config, time.Now())}
	_, _ = rand.Read(s.page[:]) // never fails: crypto/rand ends the program instead
	return s
}

func operations() map[string]operation {
	return map[string]operation{
		"sagemaker:StartSession":        {sessionResource, (*Server).startSession},
		"sagemaker:ListSpaces":          {nil, (*Server).listSpaces},
		"sagemaker:DescribeSpace":       {spaceResource, (*Server).describeSpace},
		"sagemaker:UpdateSpace":         {spaceResource, (*Server).updateSpace},
		"sagemaker:ListApps":            {nil, (*Server).listApps},
		"sagemaker:DescribeApp":         {appResource, (*Server).describeApp},
		"sagemaker:CreateApp":           {appResource, (*Server).createApp},
		"sagemaker:DeleteApp":           {appResource, (*Server).deleteApp},
		"sagemaker:ListDomains":         {nil, (*Server).listDomains},
		"sagemaker:DescribeDomain":      {domainResource, (*Server).describeDomain},
		"sagemaker:ListUserProfiles":    {nil, (*Server).listUserProfiles},
		"sagemaker:DescribeUserProfile": {profileResource, (*Server).describeUserProfile},
		"ssm:StartSession":              {targetResource, (*Server).startTargetSession},
		"ssm:ResumeSession":             {ssmResource, (*Server).resumeSession},
		"ssm:TerminateSession":          {ssmResource, (*Server).terminateSession},
	}
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.fail(w, Call{}, &Error{"RequestEntityTooLarge", "the request is longer than 1 MiB", http.StatusRequestEntityTooLarge})
		return
	}
	if s.serveCenter(w, r, body) {
		return
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(media) == formType {
		s.serveSTS(w, r, body)
		return
	}
	var service, name string
	target := r.Header.Get("X-Amz-Target")
	switch {
	case r.Method != http.MethodPost || strings.TrimSpace(media) != jsonType:
	case strings.HasPrefix(target, targetSM):
		service, name = serviceSM, target[len(targetSM):]
	case strings.HasPrefix(target, targetSSM):
		service, name = serviceSSM, target[len(targetSSM):]
	}
	call := Call{Operation: service + ":" + name}
	op, known := s.operate[call.Operation]
	if !known {
		call.Operation = "unknown"
		s.fail(w, call, &Error{"UnknownOperationException", "", http.StatusBadRequest})
		return
	}
	identity, fault := s.verify(r, body, service)
	if fault != nil {
		s.fail(w, call, fault)
		return
	}
	call.Caller = identity.ARN
	if op.resource != nil {
		call.Resource = op.resource(s, body)
	}
	out, err := s.perform(r.Context(), op, &call, identity, body)
	if err != nil {
		s.fail(w, call, asError(err))
		return
	}
	s.record(call)
	s.write(w, http.StatusOK, jsonType, encode(out))
}

// perform runs the operation, unless a fault was ordered for it, it comes too
// often, or its caller may not.
func (s *Server) perform(ctx context.Context, op operation, call *Call, identity Identity, body []byte) (any, error) {
	s.delay(ctx)
	if fault := s.takeFault(*call); fault != nil {
		return nil, fault
	}
	if fault := s.throttled(call.Operation); fault != nil {
		return nil, fault
	}
	if fault := s.authorize(*call, s.keysOf(call.Operation, call.Resource, body, false)); fault != nil {
		return nil, fault
	}
	return op.do(s, ctx, identity, body)
}

func (s *Server) fail(w http.ResponseWriter, call Call, e *Error) {
	call.Code = e.Code
	s.record(call)
	w.Header().Set("X-Amzn-Errortype", e.Code)
	s.write(w, e.Status, jsonType, encode(errorBody{e.Code, e.Message}))
}

func (s *Server) write(w http.ResponseWriter, status int, media string, body []byte) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("X-Amzn-Requestid", requestID())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own business
}

// requestID is a random UUID (RFC 9562, version 4).
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
