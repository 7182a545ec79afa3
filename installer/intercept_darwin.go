package installer

import "github.com/spacehatch/spacehatch/internal/problem"

var errNoInterception = problem.New(problem.NotSupported,
	"On macOS the links of an IDE cannot be caught for good: the system does not keep such a choice.",
	"Use Spacehatch's browser extension, or its own scheme spacehatch://.", nil)
