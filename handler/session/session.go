// Package session knows the spaces that Spacehatch has met and finds a fresh
// session for each: the store, the last link's unused session, local AWS
// credentials.
//
// It must not know how a link is written, what the SSH config or an IDE looks
// like, or how a person is asked.
package session

import (
	"context"
	"errors"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// Kind is one of the services whose spaces can be opened, or [Instance].
type Kind string

// The kinds, named after the last element of their link's path.
const (
	SageMaker     Kind = "sagemaker" // SageMaker AI Studio
	UnifiedStudio Kind = "smus"      // SageMaker Unified Studio
	HyperPod      Kind = "workspace" // HyperPod space on EKS
)

// Space is what we know of a space. It holds no secret.
type Space struct {
	// Alias is the SSH host name, "<space>.hatch"; computed by us, lower case,
	// [a-z0-9.-] only.
	Alias string `json:"alias"`
	Kind  Kind   `json:"kind"`
	// ARN identifies the space: the space ARN, for HyperPod the EKS cluster
	// ARN followed by "/<namespace>/<workspace>". At most 512 bytes.
	ARN       string `json:"arn"`
	Partition string `json:"partition"`
	Region    string `json:"region"`
	Account   string `json:"account"` // 12 digits, empty where the link does not tell
	Domain    string `json:"domain,omitempty"`
	// Name is the space's name as AWS writes it, capitals included.
	Name        string `json:"name"`
	UserProfile string `json:"user_profile,omitempty"`
	AppType     string `json:"app_type,omitempty"` // JupyterLab or CodeEditor
	// RefreshURL is where a browser gets a new session for HyperPod and
	// Unified Studio spaces; empty where there is none.
	RefreshURL string `json:"refresh_url,omitempty"`
	// Scheme is the URI scheme of the last link (vscode, cursor, spacehatch …):
	// it says which IDE the user meant.
	Scheme string `json:"scheme,omitempty"`
	// User is who logs in to an [Instance]; a space has one user only.
	User string `json:"user,omitempty"`
	// Profile is the AWS profile whose credentials reach an [Instance]; empty
	// is what the environment says.
	Profile  string    `json:"profile,omitempty"`
	LastUsed time.Time `json:"last_used"`
}

// Session is what StartSession returns: the right to open one data channel.
type Session struct {
	ID        string        // at most 256 bytes
	StreamURL secret.String // wss://…, used untouched; presigned ones hold a signature
	Token     secret.String
	// Expires is when the session can no longer be opened; links carry
	// X-Amz-Expires=60, so about a minute after they were made.
	Expires time.Time
	// Origin says how far the session can be believed to belong to its space.
	Origin Origin
}

// Origin is where a session came from.
type Origin string

// The origins. What is neither counts as a link.
const (
	// FromLink: a web page said which space the session is for, and any page
	// can say so of any session.
	FromLink Origin = "link"
	// FromAPI: AWS gave it for that very space, to the user's own credentials.
	FromAPI Origin = "api"
	// FromStudio: the page in the browser that we sent there brought it. It
	// counts as a link: what a browser is asked to open is not hidden from
	// everybody on this computer.
	FromStudio Origin = "studio"
)

// Source gives a session for a space. A source that has none, without
// anything being wrong, returns an error that wraps [ErrNone].
type Source interface {
	Session(ctx context.Context, space Space) (Session, error)
}

// ErrNone says that a source has no session to give and nothing went wrong.
var ErrNone = errors.New("no session from this source")
