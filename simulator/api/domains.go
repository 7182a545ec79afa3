package api

import (
	"context"
	"strings"
	"time"
)

type (
	domainRequest struct {
		DomainId string
	}
	domainDetails struct {
		DomainArn        string
		DomainId         string
		DomainName       string
		Status           string
		CreationTime     epoch
		LastModifiedTime epoch
		Url              string
	}
	unifiedStudioSettings struct {
		DomainId              string
		DomainAccountId       string
		DomainRegion          string
		ProjectId             string
		EnvironmentId         string
		StudioWebPortalAccess string
	}
	domainSettings struct {
		UnifiedStudioSettings *unifiedStudioSettings `json:",omitempty"`
	}
	describedDomain struct {
		domainDetails
		AuthMode             string
		AppNetworkAccessType string
		HomeEfsFileSystemId  string
		VpcId                string
		SubnetIds            []string
		DomainSettings       domainSettings
	}
	profileRequest struct {
		DomainId, UserProfileName string
	}
	profileDetails struct {
		DomainId         string
		UserProfileName  string
		Status           string
		CreationTime     epoch
		LastModifiedTime epoch
	}
	describedProfile struct {
		profileDetails
		UserProfileArn             string
		SingleSignOnUserIdentifier string `json:",omitempty"`
		SingleSignOnUserValue      string `json:",omitempty"`
	}
)

func domainResource(s *Server, body []byte) string {
	r, _ := decode[domainRequest](body)
	return s.arn("domain/" + r.DomainId)
}

func profileResource(s *Server, body []byte) string {
	r, _ := decode[profileRequest](body)
	return s.arn("user-profile/" + r.DomainId + "/" + r.UserProfileName)
}

func (s *Server) domainDetails(d domainState) domainDetails {
	return domainDetails{
		DomainArn: s.arn("domain/" + d.ID), DomainId: d.ID, DomainName: d.Name, Status: inService,
		CreationTime: epoch(d.created), LastModifiedTime: epoch(d.created),
		Url: "https://" + d.ID + ".studio." + s.config.Region + ".sagemaker.aws",
	}
}

func (s *Server) listDomains(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := decode[paging](body)
	if err != nil {
		return nil, err
	}
	r.SortBy, r.SortOrder = "", "" // this list has no order to choose
	var c constraints
	r.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page, next, err := pageOf(s, s.world.domains, r, "domains")
	if err != nil {
		return nil, err
	}
	out := struct {
		Domains   []domainDetails
		NextToken string `json:",omitempty"`
	}{Domains: []domainDetails{}, NextToken: next}
	for _, d := range page {
		out.Domains = append(out.Domains, s.domainDetails(d))
	}
	return out, nil
}

func (s *Server) describeDomain(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := decode[domainRequest](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	if c.required("domainId", r.DomainId) {
		c.domainID("domainId", r.DomainId)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.world.domain(r.DomainId)
	if !ok {
		return nil, notFound("Domain [%s] does not exist.", s.arn("domain/"+r.DomainId))
	}
	out := describedDomain{domainDetails: s.domainDetails(d), AuthMode: d.AuthMode, AppNetworkAccessType: "PublicInternetOnly",
		HomeEfsFileSystemId: "fs-0123456789abcdef0", VpcId: "vpc-0123456789abcdef0", SubnetIds: []string{"subnet-0123456789abcdef0"}}
	if u := d.UnifiedStudio; u != nil {
		out.DomainSettings.UnifiedStudioSettings = &unifiedStudioSettings{DomainId: u.DomainID, DomainAccountId: u.DomainAccount,
			DomainRegion: u.DomainRegion, ProjectId: u.ProjectID, EnvironmentId: u.EnvironmentID, StudioWebPortalAccess: enabled}
	}
	return out, nil
}

func (s *Server) listUserProfiles(_ context.Context, _ Identity, body []byte) (any, error) {
	type request struct {
		paging
		DomainIdEquals, UserProfileNameContains string
	}
	r, err := decode[request](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	r.check(&c, byCreation, byModified)
	c.domainID("domainIdEquals", r.DomainIdEquals)
	c.name("userProfileNameContains", r.UserProfileNameContains)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []profileState
	for _, p := range s.world.profiles {
		if (r.DomainIdEquals == "" || p.Domain == r.DomainIdEquals) && strings.Contains(p.Name, r.UserProfileNameContains) {
			found = append(found, p)
		}
	}
	sorted(found, r.paging, func(p profileState) time.Time { return p.created })
	page, next, err := pageOf(s, found, r.paging, "profiles|"+r.DomainIdEquals+"|"+r.UserProfileNameContains)
	if err != nil {
		return nil, err
	}
	out := struct {
		UserProfiles []profileDetails
		NextToken    string `json:",omitempty"`
	}{UserProfiles: []profileDetails{}, NextToken: next}
	for _, p := range page {
		out.UserProfiles = append(out.UserProfiles, p.details())
	}
	return out, nil
}

func (p profileState) details() profileDetails {
	return profileDetails{DomainId: p.Domain, UserProfileName: p.Name, Status: inService,
		CreationTime: epoch(p.created), LastModifiedTime: epoch(p.created)}
}

func (s *Server) describeUserProfile(_ context.Context, _ Identity, body []byte) (any, error) {
	r, err := decode[profileRequest](body)
	if err != nil {
		return nil, err
	}
	var c constraints
	if c.required("domainId", r.DomainId) {
		c.domainID("domainId", r.DomainId)
	}
	if c.required("userProfileName", r.UserProfileName) {
		c.name("userProfileName", r.UserProfileName)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.world.profiles {
		if p.Domain != r.DomainId || p.Name != r.UserProfileName {
			continue
		}
		out := describedProfile{profileDetails: p.details(), UserProfileArn: s.arn("user-profile/" + p.Domain + "/" + p.Name)}
		if p.SingleSignOnUser != "" {
			out.SingleSignOnUserIdentifier, out.SingleSignOnUserValue = "UserName", p.SingleSignOnUser
		}
		return out, nil
	}
	return nil, notFound("UserProfile [%s] does not exist.", s.arn("user-profile/"+r.DomainId+"/"+r.UserProfileName))
}
