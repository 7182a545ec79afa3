package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

type spaceRequest struct {
	DomainId, SpaceName string
}

func (r spaceRequest) check(c *constraints) {
	if c.required("domainId", r.DomainId) {
		c.domainID("domainId", r.DomainId)
	}
	if c.required("spaceName", r.SpaceName) {
		c.name("spaceName", r.SpaceName)
	}
}

func spaceResource(s *Server, body []byte) string {
	r, _ := decode[spaceRequest](body)
	return s.spaceARN(r.DomainId, r.SpaceName)
}

type (
	ownership struct {
		OwnerUserProfileName string `json:",omitempty"`
	}
	sharing struct {
		SharingType string
	}
	ebs struct {
		EbsVolumeSizeInGb int
	}
	storage struct {
		EbsStorageSettings ebs
	}
	resourceSpec struct {
		InstanceType               string `json:",omitempty"`
		SageMakerImageArn          string `json:",omitempty"`
		SageMakerImageVersionAlias string `json:",omitempty"`
		SageMakerImageVersionArn   string `json:",omitempty"`
		LifecycleConfigArn         string `json:",omitempty"`
	}
	appSettings struct {
		DefaultResourceSpec *resourceSpec `json:",omitempty"`
	}
	spaceSettings struct {
		AppType               string       `json:",omitempty"`
		RemoteAccess          string       `json:",omitempty"`
		JupyterLabAppSettings *appSettings `json:",omitempty"`
		CodeEditorAppSettings *appSettings `json:",omitempty"`
		SpaceStorageSettings  *storage     `json:",omitempty"`
	}
	spaceSummary struct {
		AppType              string
		RemoteAccess         string
		SpaceStorageSettings storage
	}
	spaceDetails struct {
		DomainId                    string
		SpaceName                   string
		SpaceDisplayName            string `json:",omitempty"`
		Status                      string
		CreationTime                epoch
		LastModifiedTime            epoch
		OwnershipSettingsSummary    ownership
		SpaceSettingsSummary        spaceSummary
		SpaceSharingSettingsSummary sharing
	}
	describedSpace struct {
		DomainId             string
		SpaceArn             string
		SpaceName            string
		SpaceDisplayName     string `json:",omitempty"`
		HomeEfsFileSystemUid string
		Status               string
		CreationTime         epoch
		LastModifiedTime     epoch
		SpaceSettings        spaceSettings
		OwnershipSettings    ownership
		SpaceSharingSettings sharing
		Url                  string
	}
)

func featureStatus(on bool) string {
	if on {
		return enabled
	}
	return disabled
}

func (s *Server) listSpaces(_ context.Context, _ Identity, body []byte) (any, error) {
	type request struct {
		paging
		DomainIdEquals, SpaceNameContains string
	}
	r, err := decode[request](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	r.check(&c, byCreation, byModified)
	c.domainID("domainIdEquals", r.DomainIdEquals)
	c.name("spaceNameContains", r.SpaceNameContains)
	if err := c.err(); err != nil {
		return nil, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*spaceState
	for _, p := range s.world.spaces {
		if (r.DomainIdEquals == "" || p.Domain == r.DomainIdEquals) && strings.Contains(p.Name, r.SpaceNameContains) {
			found = append(found, p)
		}
	}
	sorted(found, r.paging, func(p *spaceState) time.Time {
		if r.SortBy == byModified {
			return p.modified
		}
		return p.created
	})
	page, next, err := pageOf(s, found, r.paging, "spaces|"+r.DomainIdEquals+"|"+r.SpaceNameContains)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := struct {
		Spaces    []spaceDetails
		NextToken string `json:",omitempty"`
	}{Spaces: []spaceDetails{}, NextToken: next}
	for _, p := range page {
		out.Spaces = append(out.Spaces, spaceDetails{
			DomainId: p.Domain, SpaceName: p.Name, SpaceDisplayName: p.displayName, Status: p.status(now),
			CreationTime: epoch(p.created), LastModifiedTime: epoch(p.modified),
			OwnershipSettingsSummary: ownership{p.Owner},
			SpaceSettingsSummary: spaceSummary{AppType: p.AppType, RemoteAccess: featureStatus(p.RemoteAccess),
				SpaceStorageSettings: storage{ebs{p.volume}}},
			SpaceSharingSettingsSummary: sharing{privately},
		})
	}
	return out, nil
}

func (s *Server) describeSpace(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := decode[spaceRequest](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	r.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.space(r.DomainId, r.SpaceName)
	if p == nil {
		return nil, s.noSpace(r)
	}
	spec := &appSettings{&resourceSpec{InstanceType: p.InstanceType, SageMakerImageVersionAlias: p.image}}
	if *spec.DefaultResourceSpec == (resourceSpec{}) {
		spec = &appSettings{}
	}
	settings := spaceSettings{AppType: p.AppType, RemoteAccess: featureStatus(p.RemoteAccess),
		SpaceStorageSettings: &storage{ebs{p.volume}}}
	if p.AppType == codeEditor {
		settings.CodeEditorAppSettings = spec
	} else {
		settings.JupyterLabAppSettings = spec
	}
	return describedSpace{
		DomainId: p.Domain, SpaceArn: s.spaceARN(p.Domain, p.Name), SpaceName: p.Name, SpaceDisplayName: p.displayName,
		HomeEfsFileSystemUid: "200005", Status: p.status(time.Now()),
		CreationTime: epoch(p.created), LastModifiedTime: epoch(p.modified),
		SpaceSettings: settings, OwnershipSettings: ownership{p.Owner}, SpaceSharingSettings: sharing{privately},
		Url: "https://" + strings.TrimPrefix(p.Domain, "d-") + ".studio." + s.config.Region + ".sagemaker.aws/",
	}, nil
}

func (s *Server) updateSpace(_ context.Context, _ Identity, body []byte) (any, error) {
	type request struct {
		spaceRequest
		SpaceDisplayName string
		SpaceSettings    spaceSettings
	}
	r, err := decode[request](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	r.check(&c)
	c.enum("spaceSettings.remoteAccess", r.SpaceSettings.RemoteAccess, enabled, disabled)
	if err := c.err(); err != nil {
		return nil, err
	}
	if r.SpaceSettings.AppType != "" {
		// Even where it is the same type.
		return nil, validation("Updating AppType for Space is not supported.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.world.space(r.DomainId, r.SpaceName)
	now := time.Now()
	switch {
	case p == nil:
		return nil, s.noSpace(r.spaceRequest)
	case p.status(now) != inService:
		return nil, inUse("Space [%s] is in %s state.", s.spaceARN(p.Domain, p.Name), p.status(now))
	case s.world.inTheWay(p.Domain, p.Name, now):
		return nil, validation("Unable to update Space [%s] with InService App. Delete all InService apps in the space, and try again.",
			s.spaceARN(p.Domain, p.Name))
	}
	after := *p
	if err := after.apply(r.SpaceSettings); err != nil {
		return nil, err
	}
	after.displayName = cmp.Or(r.SpaceDisplayName, after.displayName)
	after.modified, after.updated = now.Truncate(time.Millisecond), now.Add(s.config.UpdateDelay)
	*p = after
	return struct{ SpaceArn string }{s.spaceARN(p.Domain, p.Name)}, nil
}

// apply puts the settings into the space, all or an error.
func (p *spaceState) apply(set spaceSettings) error {
	theirs, other := set.JupyterLabAppSettings, set.CodeEditorAppSettings
	if p.AppType == codeEditor {
		theirs, other = other, theirs
	}
	if other != nil {
		return validation("The app settings do not belong to the space's AppType %s.", p.AppType)
	}
	if theirs != nil && theirs.DefaultResourceSpec != nil {
		p.InstanceType = cmp.Or(theirs.DefaultResourceSpec.InstanceType, p.InstanceType)
		p.image = cmp.Or(theirs.DefaultResourceSpec.SageMakerImageVersionAlias, p.image)
	}
	if set.SpaceStorageSettings != nil {
		p.volume = set.SpaceStorageSettings.EbsStorageSettings.EbsVolumeSizeInGb
	}
	if set.RemoteAccess != "" {
		p.RemoteAccess = set.RemoteAccess == enabled
	}
	return nil
}

func (s *Server) noSpace(r spaceRequest) error {
	return notFound("Space [%s] does not exist.", s.spaceARN(r.DomainId, r.SpaceName))
}

// sorted orders items by their time, the way p asks; equal times keep the
// order in which the things were made.
func sorted[T any](items []T, p paging, when func(T) time.Time) {
	slices.SortStableFunc(items, func(a, b T) int {
		if p.SortOrder == descending {
			return when(b).Compare(when(a))
		}
		return when(a).Compare(when(b))
	})
}
