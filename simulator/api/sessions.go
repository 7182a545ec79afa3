package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

type (
	startSessionRequest struct {
		ResourceIdentifier string
	}
	startedSession struct {
		SessionId  string
		StreamUrl  string
		TokenValue string
	}
)

func sessionResource(_ *Server, body []byte) string {
	r, _ := decode[startSessionRequest](body)
	return r.ResourceIdentifier
}

func (s *Server) startSession(ctx context.Context, _ Identity, body []byte) (any, error) {
	r, err := decode[startSessionRequest](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	if c.required("resourceIdentifier", r.ResourceIdentifier) {
		c.resourceIdentifier(r.ResourceIdentifier)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	session, err := s.open(ctx, r.ResourceIdentifier, false)
	if err != nil {
		return nil, err
	}
	return startedSession{session.ID, session.StreamURL.Reveal(), session.Token.Reveal()}, nil
}

// StartSession does for the Studio page what the API call does for its caller:
// the same states, faults and log, without the caller's signature. caller is the
// ARN that the log and AccessDeniedException name. Links may carry a presigned
// stream URL, which the API never gives. Errors are *[Error].
func (s *Server) StartSession(ctx context.Context, caller, spaceARN string, presigned bool) (Session, error) {
	call := Call{Operation: "sagemaker:StartSession", Caller: caller, Resource: spaceARN}
	if fault := s.takeFault(call); fault != nil {
		call.Code = fault.Code
		s.record(call)
		return Session{}, fault
	}
	if fault := s.authorize(call, s.keysOf(call.Operation, spaceARN, nil, true)); fault != nil {
		call.Code = fault.Code
		s.record(call)
		return Session{}, fault
	}
	session, err := s.open(ctx, spaceARN, presigned)
	if err != nil {
		e := asError(err)
		call.Code = e.Code
		s.record(call)
		return Session{}, e
	}
	s.record(call)
	return session, nil
}

// open starts a session where the space's state allows it.
func (s *Server) open(ctx context.Context, arn string, presigned bool) (Session, error) {
	if err := s.connectable(arn); err != nil {
		return Session{}, err
	}
	session, err := s.config.Gateway.StartSession(ctx, arn, presigned)
	if errors.Is(err, ErrTooManyConnections) {
		return Session{}, &Error{"ResourceLimitExceeded",
			"The maximum number of remote connections (10) to the space has been reached.", http.StatusBadRequest}
	}
	if err != nil {
		s.config.Log.Warn("the gateway gave no session", "space", arn, "err", err)
		return Session{}, internalFailure()
	}
	return session, nil
}

func (s *Server) connectable(arn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, ours := strings.CutPrefix(arn, s.arn("space/"))
	domain, name, ok := strings.Cut(path, "/")
	p := s.world.space(domain, name)
	if !ours || !ok || p == nil {
		return notFound("Space [%s] does not exist.", arn)
	}
	if !p.RemoteAccess {
		return notFound("Remote access is not enabled for Space [%s].", arn)
	}
	now := time.Now()
	a := s.world.alive(domain, name, now)
	switch {
	case a == nil || a.status(now) == deleting || a.status(now) == failed:
		return validation("Space [%s] has no InService App.", arn)
	case now.Before(a.reachable):
		return internalFailure() // Pending, or not yet known to Session Manager
	}
	return nil
}

// resourceIdentifier checks arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:.*/.*
// and 256 bytes.
func (c *constraints) resourceIdentifier(arn string) {
	const member = "resourceIdentifier"
	if len(arn) > 256 {
		c.broken(member, arn, "have length less than or equal to 256")
		return
	}
	part := strings.SplitN(arn, ":", 6)
	good := len(part) == 6 && part[0] == "arn" && part[2] == serviceSM && strings.HasPrefix(part[1], "aws") &&
		strings.Trim(part[1], "abcdefghijklmnopqrstuvwxyz-") == "" &&
		strings.Trim(part[3], "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		len(part[4]) == 12 && strings.Trim(part[4], "0123456789") == "" && strings.Contains(part[5], "/")
	if !good {
		c.broken(member, arn, `satisfy regular expression pattern: arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:.*\/.*`)
	}
}

// SpaceState tells a page what the space's app does (Stopped, Pending,
// InService or Deleting) and whether remote access is on. A space that does not
// exist is Stopped.
func (s *Server) SpaceState(spaceARN string) (state string, remoteAccess bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, _ := strings.CutPrefix(spaceARN, s.arn("space/"))
	domain, name, _ := strings.Cut(path, "/")
	p := s.world.space(domain, name)
	if p == nil {
		return stopped, false
	}
	now := time.Now()
	if a := s.world.alive(domain, name, now); a != nil {
		return a.status(now), p.RemoteAccess
	}
	return stopped, p.RemoteAccess
}
