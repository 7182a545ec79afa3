package session

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// maxARN is the longest identifier of a space in bytes: AWS allows 256 for a
// space ARN; a HyperPod one is an EKS cluster ARN and two Kubernetes names.
const maxARN = 512

// spaceARN is the pattern of the SageMaker API reference for StartSession,
// with the domain and the space told apart. clusterARN is an EKS cluster
// followed by a Kubernetes namespace and a workspace. Compiled when needed: every
// ssh starts a process of ours.
var (
	spaceARN = lazily(`^arn:(aws[a-z-]*):sagemaker:([a-z0-9-]+):([0-9]{12}):space/` +
		`([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62}))/([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62}))$`)
	clusterARN = lazily(`^arn:(aws[a-z-]*):eks:([a-z0-9-]+):([0-9]{12}):cluster/` +
		`([a-zA-Z0-9][a-zA-Z0-9_-]{0,99})/([a-z0-9](?:[a-z0-9-]{0,62}))/([a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,252}))$`)
)

func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// ParseARN returns what the identifier of a space tells: kind, partition,
// region, account, domain and name. A space ARN gives [SageMaker]: it does not
// show whether the domain belongs to Unified Studio. Text of any other shape
// is a [problem.Rejected].
func ParseARN(arn string) (Space, error) {
	if len(arn) <= maxARN {
		if m := spaceARN().FindStringSubmatch(arn); m != nil {
			return Space{Kind: SageMaker, ARN: arn, Partition: m[1], Region: m[2], Account: m[3], Domain: m[4], Name: m[5]}, nil
		}
		if m := clusterARN().FindStringSubmatch(arn); m != nil {
			return Space{Kind: HyperPod, ARN: arn, Partition: m[1], Region: m[2], Account: m[3], Name: m[6]}, nil
		}
	}
	return Space{}, problem.New(problem.Rejected,
		fmt.Sprintf("%s is not the ARN of a SageMaker space.", printable.Quoted(arn)),
		"A space ARN looks like arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space.", nil)
}

// label names the space for a person.
func (s Space) label() string {
	for _, name := range []string{s.Name, s.Alias, s.ARN} {
		if name != "" {
			return printable.Quoted(name)
		}
	}
	return `""`
}
