package api

import (
	"strings"
	"time"
)

// Domain is a Studio domain.
type Domain struct {
	ID       string // d-…
	Name     string
	AuthMode string // IAM or SSO
	// UnifiedStudio is set on the domains that SageMaker Unified Studio made
	// for itself.
	UnifiedStudio *UnifiedStudio
}

// UnifiedStudio ties a domain to a Unified Studio project.
type UnifiedStudio struct {
	DomainID, DomainAccount, DomainRegion, ProjectID, EnvironmentID string
}

// UserProfile is somebody's place in a domain.
type UserProfile struct {
	Domain string // the domain's ID
	Name   string
	// SingleSignOnUser is the user name at single sign-on, in SSO domains.
	SingleSignOnUser string
}

// Space is a space as it is when the simulator starts.
type Space struct {
	Domain       string // the domain's ID
	Name         string
	Owner        string // a user profile's name
	AppType      string // JupyterLab or CodeEditor
	InstanceType string // such as ml.t3.large; empty where none was set
	RemoteAccess bool
	Running      bool // its app is InService
}

// The states that AWS names.
const (
	pending   = "Pending"
	inService = "InService"
	updating  = "Updating"
	deleting  = "Deleting"
	deleted   = "Deleted"
	failed    = "Failed"
	stopped   = "Stopped" // ours: no app at all

	enabled  = "ENABLED"
	disabled = "DISABLED"

	jupyterLab = "JupyterLab"
	codeEditor = "CodeEditor"
	privately  = "Private"
)

// world is everything that the API tells of and changes. States that change
// with time are computed when somebody asks, so there is nothing to wait for
// and nothing to stop. Callers hold Server.mu.
type world struct {
	domains  []domainState
	profiles []profileState
	spaces   []*spaceState
	apps     []*appState
}

type domainState struct {
	Domain
	created time.Time
}

type profileState struct {
	UserProfile
	created time.Time
}

type spaceState struct {
	Space
	displayName       string
	image             string // the image version's alias, empty for the newest
	volume            int    // GiB
	created, modified time.Time
	updated           time.Time // when it is InService again
}

type appState struct {
	domain, space, name, kind, instance string
	created                             time.Time
	ready                               time.Time // when Pending turns into InService
	reachable                           time.Time // when StartSession works
	failure                             string    // why it fails in place of becoming ready
	deleting                            bool
	gone                                time.Time // when Deleting turns into Deleted
}

func (s *spaceState) status(now time.Time) string {
	if now.Before(s.updated) {
		return updating
	}
	return inService
}

func (a *appState) status(now time.Time) string {
	switch {
	case a.deleting && now.Before(a.gone):
		return deleting
	case a.deleting:
		return deleted
	case now.Before(a.ready):
		return pending
	case a.failure != "":
		return failed
	}
	return inService
}

// newWorld makes the things of config, each an hour older than the next.
func newWorld(config Config, now time.Time) world {
	var w world
	age := time.Duration(len(config.Domains)+len(config.Profiles)+2*len(config.Spaces)+1) * time.Hour
	next := func() time.Time {
		age -= time.Hour
		return now.Add(-age).Truncate(time.Millisecond)
	}
	for _, d := range config.Domains {
		w.domains = append(w.domains, domainState{d, next()})
	}
	for _, p := range config.Profiles {
		w.profiles = append(w.profiles, profileState{p, next()})
	}
	for _, p := range config.Spaces {
		made := next()
		w.spaces = append(w.spaces, &spaceState{Space: p, volume: 5, created: made, modified: made, updated: made})
		if p.Running {
			made = next()
			w.apps = append(w.apps, &appState{domain: p.Domain, space: p.Name, name: "default", kind: p.AppType,
				instance: p.InstanceType, created: made, ready: made, reachable: made})
		}
	}
	return w
}

func (w *world) domain(id string) (domainState, bool) {
	for _, d := range w.domains {
		if d.ID == id {
			return d, true
		}
	}
	return domainState{}, false
}

// space finds by domain and name; names are case-sensitive, as AWS's are.
func (w *world) space(domain, name string) *spaceState {
	for _, p := range w.spaces {
		if p.Domain == domain && p.Name == name {
			return p
		}
	}
	return nil
}

// app finds by its four names, deleted ones too: AWS remembers them for a day.
func (w *world) app(domain, space, kind, name string) *appState {
	for _, a := range w.apps {
		if a.domain == domain && a.space == space && a.kind == kind && a.name == name {
			return a
		}
	}
	return nil
}

// alive returns the space's app that is not deleted, or nil.
func (w *world) alive(domain, space string, now time.Time) *appState {
	for _, a := range w.apps {
		if a.domain == domain && a.space == space && a.status(now) != deleted {
			return a
		}
	}
	return nil
}

// inTheWay reports whether the space has an application that keeps its settings
// from being changed.
func (w *world) inTheWay(domain, space string, now time.Time) bool {
	a := w.alive(domain, space, now)
	return a != nil && a.status(now) != failed
}

// ARN returns "arn:<partition>:sagemaker:<region>:<account>:<path>" for the
// partition that the region belongs to.
func ARN(region, account, path string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":sagemaker:" + region + ":" + account + ":" + path
}

func (s *Server) arn(path string) string { return ARN(s.config.Region, s.config.Account, path) }

func (s *Server) spaceARN(domain, name string) string { return s.arn("space/" + domain + "/" + name) }

func (s *Server) appARN(a *appState) string {
	return s.arn("app/" + a.domain + "/" + a.space + "/" + strings.ToLower(a.kind) + "/" + a.name)
}

// tooSmall are the instance types below the 8 GiB that remote access needs.
func tooSmall(instance string) bool {
	switch instance {
	case "", "ml.t3.micro", "ml.t3.small", "ml.t3.medium", "ml.c5.large", "ml.c6i.large", "ml.c6id.large", "ml.c7i.large":
		return true
	}
	return false
}
