package view

// Spaces is the spaces of one region, as far as they are known.
type Spaces struct {
	// Region is where was looked; empty until that is known.
	Region string `json:"region,omitempty"`
	// Loading: the list is being got; Found is how many there are so far.
	Loading bool `json:"loading,omitempty"`
	Found   int  `json:"found,omitempty"`
	// Rows are the spaces, in the order in which they are shown. More is how
	// many did not fit.
	Rows []SpaceRow `json:"rows,omitempty"`
	More int        `json:"more,omitempty"`
	// Filter is what is filtered by at first; the person changes it in the
	// window.
	Filter SpaceFilter `json:"filter"`
	// Whose says that only some of the spaces were asked for; Hidden is how many
	// others there are, where that is known.
	Whose  string `json:"whose,omitempty"`
	Hidden int    `json:"hidden,omitempty"`
	// Problem is why there is no list, Notices what is not known of the list.
	Problem *Problem  `json:"problem,omitempty"`
	Notices []Problem `json:"notices,omitempty"`
	// Question waits for an answer before something happens to a space.
	Question *SpaceQuestion `json:"question,omitempty"`
}

// The wishes of Spaces. Key is that of a row, unless it is said otherwise.
const (
	ListAgain    = "list"     // no key
	ListAll      = "list-all" // no key: everybody's
	StartSpace   = "start"    // without connecting
	StopSpace    = "stop"
	ConnectSpace = "connect" // after a start, where it needs one
	CancelSpace  = "cancel"  // what is being done with it
	ShowDetails  = "details" // of its connection
	AnswerSpace  = "answer"  // Key is that of the question, Value a Choice
	SignInFirst  = "sign-in" // no key: to AWS, by the profile of the problem
)

// SpaceFilter chooses among the rows. Empty fields choose everything.
type SpaceFilter struct {
	Text   string `json:"text,omitempty"`
	Domain string `json:"domain,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

// SpaceStatus is what a space does.
type SpaceStatus string

// The states of a space.
const (
	SpaceRunning  SpaceStatus = "running"
	SpaceStopped  SpaceStatus = "stopped"
	SpaceStarting SpaceStatus = "starting"
	SpaceStopping SpaceStatus = "stopping"
	SpaceUpdating SpaceStatus = "updating"
	SpaceDeleting SpaceStatus = "deleting"
	SpaceFailed   SpaceStatus = "failed"
)

// SpaceRow is one space of the list. The names of the fields are short since
// there may be thousands.
type SpaceRow struct {
	Key    string      `json:"k"`
	Name   string      `json:"n"`
	Domain string      `json:"d,omitempty"`
	Owner  string      `json:"o,omitempty"`
	App    string      `json:"a,omitempty"`
	Status SpaceStatus `json:"s"`
	// Instance is the instance type, empty where it is not known.
	Instance string `json:"i,omitempty"`
	// Remote: it lets itself be connected to.
	Remote bool `json:"r,omitempty"`
	// Used is when this computer used it last, for a person; it may be empty.
	Used string `json:"u,omitempty"`
	// Connected: a connection is open.
	Connected bool `json:"c,omitempty"`
	// Doing is the wish that is being done, and Waiting what is being waited for
	// then, as a clause.
	Doing   string `json:"w,omitempty"`
	Waiting string `json:"v,omitempty"`
	// Problem is what the last wish ended with.
	Problem *Problem `json:"p,omitempty"`
}

// SpaceQuestion asks whether something may happen to a space.
type SpaceQuestion struct {
	Key    string `json:"key"`
	Change Change `json:"change"`
	// Yes is the wish that the question is about: its word is on the button.
	Yes string `json:"yes"`
}
