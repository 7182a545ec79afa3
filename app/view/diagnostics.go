package view

// Diagnostics is what keeps, or may keep, a space from opening.
type Diagnostics struct {
	// Looking: the machine is being looked at. Done of All checks have ended.
	Looking bool `json:"looking,omitempty"`
	Done    int  `json:"done,omitempty"`
	All     int  `json:"all,omitempty"`
	// Online: AWS was, or is being, asked too.
	Online bool `json:"online,omitempty"`
	// Waiting is the title of what is being waited for; it may be empty.
	Waiting string `json:"waiting,omitempty"`
	// Findings in the order in which they are shown: the worst first.
	Findings []Finding `json:"findings,omitempty"`
	// Mending is the Key of the finding that is being put right.
	Mending string `json:"mending,omitempty"`
	// Text is all of it in plain lines, to be copied.
	Text string `json:"text,omitempty"`
	// Bundle is the report that was written last; nil before.
	Bundle *Bundle `json:"bundle,omitempty"`
}

// The wishes of Diagnostics.
const (
	LookAgain  = "look"        // as before
	LookOnline = "look-online" // and ask AWS
	Mend       = "mend"        // the finding that Key names
	SaveBundle = "save-bundle"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Fine    Severity = "ok"
	Notice  Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
	Mended  Severity = "fixed" // it was one of the others
)

// Finding is one thing that was found.
type Finding struct {
	Key      string   `json:"key"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Sentence string   `json:"sentence"`
	Hint     string   `json:"hint,omitempty"`
	// Fixable: it can be put right without a question.
	Fixable bool `json:"fixable,omitempty"`
}

// Bundle is a report for somebody who helps, on its way to a file.
type Bundle struct {
	// Saving: it is being written.
	Saving bool `json:"saving,omitempty"`
	// File is its path and Folder that of the folder it is in, once it is there.
	File   string `json:"file,omitempty"`
	Folder string `json:"folder,omitempty"`
	// Problem is why it was not written.
	Problem *Problem `json:"problem,omitempty"`
}
