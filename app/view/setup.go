package view

// Setup is what Spacehatch would change on this machine, to be looked at and
// chosen from, and afterwards what became of it.
type Setup struct {
	// ID is the question's; see [Answer].
	ID int `json:"id"`
	// Items in the order in which they are shown and made.
	Items []Item `json:"items"`
	// Stage is how far it is.
	Stage Stage `json:"stage"`
}

// Stage is how far a set-up is.
type Stage string

// The stages.
const (
	Choosing Stage = "choosing" // the person may choose
	Making   Stage = "making"   // the changes are being made
	Made     Stage = "made"     // nothing more will happen; the items say what did
)

// ItemKind says what an item is about; who draws it has the words for it.
type ItemKind string

// The kinds of an Item.
const (
	SSHConfig ItemKind = "ssh-config"
	IDE       ItemKind = "ide"
	Extension ItemKind = "extension"
	Settings  ItemKind = "settings"
	Links     ItemKind = "links"
	Login     ItemKind = "login"    // the start at login
	Agent     ItemKind = "agent"    // agent forwarding
	HostKey   ItemKind = "host-key" // another machine answers; never an Item
	// A space that is to be started, stopped and started, or stopped; never
	// an Item.
	SpaceStart   ItemKind = "start-space"
	SpaceRestart ItemKind = "restart-space"
	SpaceStop    ItemKind = "stop-space"
	// SignInNow: to AWS, in the browser; never an Item.
	SignInNow ItemKind = "sign-in"
)

// ItemState is what is known of an item.
type ItemState string

// The states of an Item.
const (
	Proposed  ItemState = "proposed" // it can be chosen
	Present   ItemState = "present"  // it is as it should be; nothing to do
	Off       ItemState = "off"      // it is told of, and stays as it is
	Applying  ItemState = "applying"
	Applied   ItemState = "applied"
	Declined  ItemState = "declined" // not chosen
	Unapplied ItemState = "failed"   // it went wrong; Problem says how
)

// Item is one line of a set-up.
type Item struct {
	// Key names the item in an [Answer].
	Key   string    `json:"key"`
	Kind  ItemKind  `json:"kind"`
	State ItemState `json:"state"`
	// Name is the name of what it is about, where the kind does not say it
	// all: the IDE's, the extension's. Editor is the IDE that an extension or
	// settings belong to.
	Name   string `json:"name,omitempty"`
	Editor string `json:"editor,omitempty"`
	// Diff is what exactly would change; it may be empty.
	Diff string `json:"diff,omitempty"`
	// Chosen: it is chosen unless the person says otherwise.
	Chosen bool `json:"chosen,omitempty"`
	// Options are there where the person can choose one of several, and Option
	// is the key of the one that is chosen.
	Options []Option `json:"options,omitempty"`
	Option  string   `json:"option,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Option is one of several things that an item can be.
type Option struct {
	Key   string `json:"key"`
	Title string `json:"title"`
}
