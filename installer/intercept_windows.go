package installer

import "github.com/spacehatch/spacehatch/internal/problem"

var errNoInterception = problem.New(problem.NotSupported,
	"On Windows the links of an IDE cannot be caught for good: VS Code and its relatives take their scheme back at every start.",
	"Use Spacehatch's browser extension, or its own scheme spacehatch://.", nil)
