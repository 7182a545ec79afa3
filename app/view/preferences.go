package view

// Preferences is everything that a person can set.
type Preferences struct {
	// Fields hold for every space, in the order in which they are shown.
	Fields []Field `json:"fields,omitempty"`
	// Spaces are the ones that are known; Space is the Key of the one whose
	// fields are shown, empty where there is none.
	Spaces []Option `json:"spaces,omitempty"`
	Space  string   `json:"space,omitempty"`
	// About tells that space apart from others of its name.
	About Space `json:"about"`
	// OfSpace are the fields of that space.
	OfSpace []Field `json:"of_space,omitempty"`
	// Trusted are the domains whose links connect without a question.
	Trusted []Trusted `json:"trusted,omitempty"`
	// File is where the choices are written.
	File string `json:"file,omitempty"`
	// SettingUp: the set-up has a window of its own now.
	SettingUp bool `json:"setting_up,omitempty"`
	// Problem is why there is nothing to be set; Folder is then where to look.
	Problem *Problem `json:"problem,omitempty"`
	Folder  string   `json:"folder,omitempty"`
	// Uninstall is there from the moment it is asked for.
	Uninstall *Uninstall `json:"uninstall,omitempty"`
}

// The wishes of Preferences.
const (
	SetField     = "set"       // the field that Key names, to Value
	ResetField   = "reset"     // the same, to its default
	Reload       = "reload"    // look at the file again
	PickSpace    = "space"     // show the fields of the space that Key names
	Forget       = "forget"    // the trusted domain that Key names
	SetUpAgain   = "set-up"    // show the set-up
	AskUninstall = "uninstall" // show what would be taken away
	KeepAll      = "keep"      // and do not
	TakeAway     = "take-away" // do; Value is KeepSettings or empty
)

// KeepSettings as the value of a wish to take everything away leaves the
// settings file where it is.
const KeepSettings = "keep-settings"

// FieldKind says how a field is set.
type FieldKind string

// The kinds of a Field.
const (
	Switch FieldKind = "switch" // "true" or "false"
	Pick   FieldKind = "pick"   // one of Options
	Line   FieldKind = "line"   // a text
	List   FieldKind = "list"   // texts, one a line
)

// Field is one thing that can be set.
type Field struct {
	// Key names it in a [Wish]. Name is that of the setting, for ever; who
	// draws it has the words for it.
	Key  string    `json:"key"`
	Name string    `json:"name"`
	Kind FieldKind `json:"kind"`
	// Subject is what it is about, where there are several of one name: the
	// scheme of links. Other is who gets what Spacehatch does not want.
	Subject string `json:"subject,omitempty"`
	Other   string `json:"other,omitempty"`
	// Value is what is in force; of a value that was not taken, what the
	// person had asked for.
	Value string `json:"value"`
	// Blank is what holds where the value is empty; it may be empty too.
	Blank   string   `json:"blank,omitempty"`
	Options []Option `json:"options,omitempty"`
	// Chosen: somebody chose the value, and it can be taken back.
	Chosen bool `json:"chosen,omitempty"`
	// Locked: it cannot be set here, because of what By names.
	Locked bool   `json:"locked,omitempty"`
	By     string `json:"by,omitempty"` // an environment variable
	// Setting: a change is being made. Saved: it was the last one, and it has
	// taken effect; Note is what the person has to know of it.
	Setting bool   `json:"setting,omitempty"`
	Saved   bool   `json:"saved,omitempty"`
	Note    string `json:"note,omitempty"`
	// Problem is why Value was not taken.
	Problem *Problem `json:"problem,omitempty"`
}

// Trusted is a domain whose links connect without a question.
type Trusted struct {
	Key     string `json:"key"`
	Account string `json:"account"`
	Domain  string `json:"domain,omitempty"` // HyperPod has none
	Region  string `json:"region"`
	// Problem is why it was not forgotten.
	Problem *Problem `json:"problem,omitempty"`
}

// Uninstall is the way out: what it takes away, and how far that is.
type Uninstall struct {
	Stage Stage  `json:"stage"`
	Parts []Part `json:"parts,omitempty"`
	// Program is what stays, for the person to remove.
	Program string `json:"program,omitempty"`
	// KeepSettings: the settings file stays.
	KeepSettings bool `json:"keep_settings,omitempty"`
}

// Part is one thing that uninstalling takes away.
type Part struct {
	// ID names it for ever ("ssh-config", "files" …); who draws it has the
	// words for it.
	ID string `json:"id"`
	// State is Proposed, Applying, Applied or Unapplied; Declined of what stays
	// since it is needed to try again.
	State   ItemState `json:"state"`
	Problem *Problem  `json:"problem,omitempty"`
}
