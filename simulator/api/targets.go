package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// Target is a machine that Systems Manager knows: an EC2 instance (i-…) or a
// hybrid one (mi-…).
type Target struct {
	ID string
	// Online says that its agent is connected.
	Online bool
}

// Document is what a session document asks of the agent, its parameters filled
// in.
type Document struct {
	SessionType string // "Port" or "Standard_Stream"
	Host, Port  string // empty: the machine itself, its SSH server's
	Forward     bool   // many connections to the port
	LocalPort   string // the client's
}

// TargetGateway is a Gateway that also reaches the machines of Systems Manager.
// Without it no target is connected.
type TargetGateway interface {
	// StartTargetSession opens a session in front of the machine. Its id
	// begins with prefix.
	StartTargetSession(ctx context.Context, target, prefix string, document Document) (Session, error)
}

type (
	ssmRequest struct {
		SessionId string
	}
	ssmStartRequest struct {
		Target, DocumentName, Reason string
		Parameters                   map[string][]string
	}
)

func ssmResource(_ *Server, body []byte) string {
	r, _ := decode[ssmRequest](body)
	return r.SessionId
}

// targetResource is the instance's ARN, as AccessDeniedException names it.
func targetResource(s *Server, body []byte) string {
	r, _ := decode[ssmStartRequest](body)
	if strings.HasPrefix(r.Target, "mi-") {
		return strings.Replace(s.arn("managed-instance/"+r.Target), ":sagemaker:", ":ssm:", 1)
	}
	return strings.Replace(s.arn("instance/"+r.Target), ":sagemaker:", ":ec2:", 1)
}

// startTargetSession is ssm:StartSession.
func (s *Server) startTargetSession(ctx context.Context, caller Identity, body []byte) (any, error) {
	r, err := decode[ssmStartRequest](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	if c.required("target", r.Target) && len(r.Target) > 400 {
		c.broken("target", r.Target, "have length less than or equal to 400")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	document, err := documentOf(r.DocumentName, r.Parameters)
	if err != nil {
		return nil, err
	}
	to, ok := s.config.Gateway.(TargetGateway)
	online := slices.ContainsFunc(s.config.Targets, func(t Target) bool { return t.ID == r.Target && t.Online })
	if !ok || !online {
		// AWS says the same of a machine that is not there, is off, or has no
		// agent or no role.
		return nil, &Error{"TargetNotConnected", r.Target + " is not connected.", http.StatusBadRequest}
	}
	name := caller.ARN[strings.LastIndexAny(caller.ARN, ":/")+1:]
	session, err := to.StartTargetSession(ctx, r.Target, name+"-", document)
	if err != nil {
		s.config.Log.Warn("the gateway gave no session", "target", r.Target, "err", err)
		return nil, &Error{"InternalServerError", "An error occurred on the server side.", http.StatusInternalServerError}
	}
	return startedSession{session.ID, session.StreamURL.Reveal(), session.Token.Reveal()}, nil
}

// documentOf fills in one of AWS's own session documents, by their published
// content and default values.
func documentOf(name string, parameters map[string][]string) (Document, error) {
	var allowed []string
	d := Document{SessionType: wire.SessionTypePort}
	value := func(parameter, otherwise string) string {
		allowed = append(allowed, parameter)
		if given := parameters[parameter]; len(given) > 0 {
			return given[0]
		}
		return otherwise
	}
	switch name {
	case "", "SSM-SessionManagerRunShell":
		d.SessionType = "Standard_Stream"
	case "AWS-StartSSHSession":
		d.Port = value("portNumber", "22")
	case "AWS-StartPortForwardingSession":
		d.Forward, d.Port, d.LocalPort = true, value("portNumber", "80"), value("localPortNumber", "0")
	case "AWS-StartPortForwardingSessionToRemoteHost":
		d.Forward, d.Port, d.LocalPort, d.Host = true, value("portNumber", "80"), value("localPortNumber", "0"), value("host", "localhost")
	default:
		return d, &Error{"InvalidDocument", "Document with name " + name + " does not exist.", http.StatusBadRequest}
	}
	for parameter, given := range parameters {
		if !slices.Contains(allowed, parameter) || len(given) != 1 {
			return d, &Error{"InvalidParameters", "Parameters are invalid: " + parameter + ".", http.StatusBadRequest}
		}
	}
	return d, nil
}

func (s *Server) resumeSession(_ context.Context, _ Identity, body []byte) (any, error) {
	r, resumer, err := s.readSSM(body)
	if err != nil {
		return nil, err
	}
	session, ok := resumer.ResumeSession(r.SessionId)
	if !ok {
		return nil, noSession(r.SessionId)
	}
	return startedSession{session.ID, session.StreamURL.Reveal(), session.Token.Reveal()}, nil
}

func (s *Server) terminateSession(_ context.Context, _ Identity, body []byte) (any, error) {
	r, resumer, err := s.readSSM(body)
	if err != nil {
		return nil, err
	}
	if !resumer.TerminateSession(r.SessionId) {
		return nil, noSession(r.SessionId)
	}
	return r, nil
}

func (s *Server) readSSM(body []byte) (ssmRequest, Resumer, error) {
	r, err := decode[ssmRequest](body)
	if err != nil {
		return r, nil, err
	}
	var c constraints
	c.required("sessionId", r.SessionId)
	if err := c.err(); err != nil {
		return r, nil, err
	}
	resumer, ok := s.config.Gateway.(Resumer)
	if !ok {
		return r, nil, noSession(r.SessionId)
	}
	return r, resumer, nil
}

func noSession(id string) error {
	return &Error{"DoesNotExistException", "Session with id " + id + " does not exist.", http.StatusBadRequest}
}
