package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/gateway"
)

// door opens sessions: the gateway in front of the machines. It implements
// api.Gateway, api.TargetGateway and api.Resumer.
type door struct {
	gateway  *gateway.Gateway
	machines *machines
	linkTTL  time.Duration
	log      *slog.Logger
}

// StartSession implements api.Gateway, for places that the API does not know
// too.
func (d *door) StartSession(ctx context.Context, arn string, presigned bool) (api.Session, error) {
	// A space that is started because of a request outlives it.
	behind, err := d.machines.get(context.WithoutCancel(ctx), arn)
	if err != nil {
		return api.Session{}, err
	}
	session, err := d.gateway.CreateSession(behind, gateway.Request{Presigned: presigned, Expires: d.linkTTL})
	if errors.Is(err, gateway.ErrTooManyConnections) {
		return api.Session{}, fmt.Errorf("%w: %w", api.ErrTooManyConnections, err)
	}
	if err != nil {
		return api.Session{}, fmt.Errorf("open a session: %w", err)
	}
	return fromGateway(session), nil
}

// StartTargetSession implements api.TargetGateway.
func (d *door) StartTargetSession(ctx context.Context, target, prefix string, document api.Document) (api.Session, error) {
	behind, err := d.machines.get(context.WithoutCancel(ctx), target)
	if err != nil {
		return api.Session{}, err
	}
	session, err := d.gateway.CreateSession(behind, gateway.Request{
		IDPrefix: prefix, SessionType: document.SessionType, Host: document.Host, Port: document.Port,
		Forward: document.Forward, LocalPort: document.LocalPort,
	})
	if err != nil {
		return api.Session{}, fmt.Errorf("open a session: %w", err)
	}
	return fromGateway(session), nil
}

// StopSpace implements api.Gateway.
func (d *door) StopSpace(ctx context.Context, arn string) {
	d.gateway.TerminateSpace(arn, "The space was stopped.")
	if err := d.machines.restart(context.WithoutCancel(ctx), arn); err != nil {
		d.log.Error("the space cannot be used again", "space", arn, "error", err)
	}
}

// ResumeSession implements api.Resumer.
func (d *door) ResumeSession(id string) (api.Session, bool) {
	session, err := d.gateway.ResumeSession(id)
	return fromGateway(session), err == nil
}

// TerminateSession implements api.Resumer.
func (d *door) TerminateSession(id string) bool {
	return d.gateway.TerminateSession(id, "") == nil
}

func fromGateway(s gateway.Session) api.Session {
	return api.Session{ID: s.ID, StreamURL: s.StreamURL, Token: s.Token}
}
