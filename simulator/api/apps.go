package api

import (
	"cmp"
	"context"
	"slices"
	"time"
)

type appRequest struct {
	DomainId, SpaceName, UserProfileName, AppType, AppName string
	ResourceSpec                                           resourceSpec
}

type (
	appDetails struct {
		DomainId     string
		SpaceName    string `json:",omitempty"`
		AppType      string
		AppName      string
		Status       string
		CreationTime epoch
		ResourceSpec resourceSpec
	}
	describedApp struct {
		AppArn                    string
		DomainId                  string
		SpaceName                 string
		AppType                   string
		AppName                   string
		Status                    string
		CreationTime              epoch
		LastHealthCheckTimestamp  epoch
		LastUserActivityTimestamp epoch
		ResourceSpec              resourceSpec
		FailureReason             string `json:",omitempty"`
	}
	appMade struct {
		AppArn string
	}
)

func appResource(s *Server, body []byte) string {
	r, _ := decode[appRequest](body)
	return s.appARN(&appState{domain: r.DomainId, space: r.SpaceName, kind: r.AppType, name: r.AppName})
}

// appTypes are all of AWS's, although only two can be opened from afar.
func appTypes() []string {
	return []string{"JupyterServer", "KernelGateway", "DetailedProfiler", "TensorBoard", codeEditor, jupyterLab,
		"RStudioServerPro", "RSessionGateway", "Canvas"}
}

func readApp(body []byte) (appRequest, error) {
	r, err := decode[appRequest](body)
	if err != nil {
		return r, err
	}
	var c constraints
	if c.required("domainId", r.DomainId) {
		c.domainID("domainId", r.DomainId)
	}
	c.name("spaceName", r.SpaceName)
	c.name("userProfileName", r.UserProfileName)
	if c.required("appType", r.AppType) {
		c.enum("appType", r.AppType, appTypes()...)
	}
	if c.required("appName", r.AppName) {
		c.name("appName", r.AppName)
	}
	if err := c.err(); err != nil {
		return r, err
	}
	if (r.SpaceName == "") == (r.UserProfileName == "") {
		return r, validation("Exactly one of SpaceName and UserProfileName must be set.")
	}
	return r, nil
}

func (s *Server) listApps(_ context.Context, _ Identity, body []byte) (any, error) {
	type request struct {
		paging
		DomainIdEquals, SpaceNameEquals, UserProfileNameEquals string
	}
	r, err := decode[request](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	r.check(&c, byCreation)
	c.domainID("domainIdEquals", r.DomainIdEquals)
	c.name("spaceNameEquals", r.SpaceNameEquals)
	c.name("userProfileNameEquals", r.UserProfileNameEquals)
	if err := c.err(); err != nil {
		return nil, err
	}
	if r.SpaceNameEquals != "" && r.UserProfileNameEquals != "" {
		return nil, validation("SpaceNameEquals and UserProfileNameEquals cannot both be set.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*appState
	for _, a := range s.world.apps {
		// Every app here belongs to a space, none to a user profile.
		if (r.DomainIdEquals == "" || a.domain == r.DomainIdEquals) && r.UserProfileNameEquals == "" &&
			(r.SpaceNameEquals == "" || a.space == r.SpaceNameEquals) {
			found = append(found, a)
		}
	}
	sorted(found, r.paging, func(a *appState) time.Time { return a.created })
	page, next, err := pageOf(s, found, r.paging, "apps|"+r.DomainIdEquals+"|"+r.SpaceNameEquals+"|"+r.UserProfileNameEquals)
	if err != nil {
		return nil, err
	}
	out := struct {
		Apps      []appDetails
		NextToken string `json:",omitempty"`
	}{Apps: []appDetails{}, NextToken: next}
	now := time.Now()
	for _, a := range page {
		out.Apps = append(out.Apps, appDetails{DomainId: a.domain, SpaceName: a.space, AppType: a.kind, AppName: a.name,
			Status: a.status(now), CreationTime: epoch(a.created), ResourceSpec: resourceSpec{InstanceType: a.instance}})
	}
	return out, nil
}

func (s *Server) describeApp(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := readApp(body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.world.app(r.DomainId, r.SpaceName, r.AppType, r.AppName)
	if a == nil {
		return nil, s.noApp(r)
	}
	now := time.Now()
	reason := ""
	if a.status(now) == failed {
		reason = a.failure
	}
	return describedApp{FailureReason: reason, AppArn: s.appARN(a), DomainId: a.domain, SpaceName: a.space, AppType: a.kind, AppName: a.name,
		Status: a.status(now), CreationTime: epoch(a.created), LastHealthCheckTimestamp: epoch(now),
		LastUserActivityTimestamp: epoch(now), ResourceSpec: resourceSpec{InstanceType: a.instance}}, nil
}

func (s *Server) createApp(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := readApp(body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.space(r.DomainId, r.SpaceName)
	now := time.Now()
	switch {
	case p == nil:
		return nil, s.noSpace(spaceRequest{r.DomainId, r.SpaceName})
	case p.status(now) != inService:
		return nil, validation("Space [%s] is in %s state; it must be InService.", s.spaceARN(p.Domain, p.Name), p.status(now))
	case p.AppType != r.AppType:
		return nil, validation("AppType %s is not the AppType %s of Space [%s].", r.AppType, p.AppType, s.spaceARN(p.Domain, p.Name))
	}
	if a := s.world.alive(p.Domain, p.Name, now); a != nil && a.status(now) != failed {
		return nil, inUse("App [%s] already exists.", s.appARN(a))
	}
	instance := cmp.Or(r.ResourceSpec.InstanceType, p.InstanceType)
	if p.RemoteAccess && tooSmall(instance) {
		return nil, validation("InstanceType %s has not enough memory for remote access; at least 8 GiB are needed.", instance)
	}
	// A deleted app of that name is only a memory, and makes room.
	s.world.apps = slices.DeleteFunc(s.world.apps, func(a *appState) bool {
		return a.domain == p.Domain && a.space == p.Name && a.kind == r.AppType && a.name == r.AppName
	})
	ready := now.Add(s.config.StartDelay)
	a := &appState{domain: p.Domain, space: p.Name, name: r.AppName, kind: r.AppType, instance: instance,
		created: now.Truncate(time.Millisecond), ready: ready, reachable: ready.Add(s.config.RegisterDelay)}
	if fault := s.takeFaultLocked(Call{Operation: StartOfApp, Resource: s.appARN(a)}); fault != nil {
		a.failure = cmp.Or(fault.Message, fault.Code)
	}
	s.world.apps = append(s.world.apps, a)
	return appMade{s.appARN(a)}, nil
}

func (s *Server) deleteApp(ctx context.Context, _ Identity, body []byte) (any, error) {
	r, err := readApp(body)
	if err != nil {
		return nil, err
	}
	stop, err := s.markDeleted(r)
	if err != nil {
		return nil, err
	}
	s.config.Gateway.StopSpace(ctx, stop)
	return struct{}{}, nil
}

// markDeleted returns the ARN of the space whose app is being deleted.
func (s *Server) markDeleted(r appRequest) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.world.app(r.DomainId, r.SpaceName, r.AppType, r.AppName)
	if a == nil {
		return "", s.noApp(r)
	}
	now := time.Now()
	switch a.status(now) {
	case pending:
		return "", inUse("App [%s] is in Pending state; wait until it is InService.", s.appARN(a))
	case deleting:
		return "", inUse("App [%s] is in Deleting state.", s.appARN(a))
	case deleted:
		return "", validation("App [%s] has already been deleted.", s.appARN(a))
	}
	a.deleting, a.gone = true, now.Add(s.config.StopDelay)
	return s.spaceARN(a.domain, a.space), nil
}

func (s *Server) noApp(r appRequest) error {
	return notFound("App [%s] does not exist.",
		s.appARN(&appState{domain: r.DomainId, space: cmp.Or(r.SpaceName, r.UserProfileName), kind: r.AppType, name: r.AppName}))
}
