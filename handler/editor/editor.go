// Package editor knows the IDEs that can open a folder over SSH: how each is
// called, where each system keeps it, which extension it needs, how it is
// started on a host, and which of its own settings must hold for that.
//
// It must not know links, sessions, AWS or the SSH config. All it learns of a
// space is the alias that ssh knows it by and the folder to open.
package editor

import (
	"slices"
	"strings"
)

// DefaultFolder is the folder to open where nobody chose one: the home folder
// of every SageMaker space.
const DefaultFolder = "/home/sagemaker-user"

// Editor is one of the IDEs we know: plain data, the same on every machine.
type Editor struct {
	// Name is the command of its command line: what users write in settings.
	Name string `json:"name"`
	// Title is what people call it.
	Title string `json:"title"`
	// Scheme is the URI scheme that it registers.
	Scheme string `json:"scheme"`
	// MinVersion is the lowest version that works, or empty where none is
	// known.
	MinVersion string `json:"min_version,omitempty"`
	// Extension is what lets it speak SSH.
	Extension Requirement `json:"extension"`

	linux   linuxPlaces
	darwin  string // name of the bundle, without .app
	windows windowsPlaces
	// folder is what it calls its folder in the user's configuration.
	folder string
	// section is the prefix of its extension's settings.
	section string
	// noInstallPath: its extension has no setting serverInstallPath.
	noInstallPath bool
}

// Requirement is an extension that an Editor needs.
type Requirement struct {
	ID string `json:"id"` // publisher.name
	// MinVersion is the lowest version that works, or empty.
	MinVersion string `json:"min_version,omitempty"`
	// BuiltIn: it comes with the Editor, which then does not list it.
	BuiltIn bool `json:"built_in,omitempty"`
}

// linuxPlaces are beyond $PATH. A distribution's package has its command in
// <folder>/bin/<name> under /usr/share or /opt.
type linuxPlaces struct {
	folders []string
	flatpak string // application id, or empty
}

type windowsPlaces struct {
	folder     string // under %LOCALAPPDATA%\Programs or %ProgramFiles%
	executable string
}

// Sources of the table. Minimum versions of VS Code, of its extension and of
// Cursor: AWS's documentation of remote connections to SageMaker spaces and
// the AWS Toolkit (ms-vscode-remote.remote-ssh 0.74.0, anysphere.remote-ssh
// 1.0.2). Open Remote - SSH is the one in the Open VSX registry, which
// VSCodium and Kiro use. Positron and Windsurf carry theirs, and name its
// settings differently. A minimum that nobody states is left empty.
func table() []Editor {
	const (
		microsoft = "ms-vscode-remote.remote-ssh"
		open      = "jeanp413.open-remote-ssh"
	)
	return []Editor{
		{
			Name: "code", Title: "Visual Studio Code", Scheme: "vscode", MinVersion: "1.90.0",
			Extension: Requirement{ID: microsoft, MinVersion: "0.74.0"},
			linux:     linuxPlaces{[]string{"code", "visual-studio-code"}, "com.visualstudio.code"},
			darwin:    "Visual Studio Code", windows: windowsPlaces{"Microsoft VS Code", "Code.exe"},
			folder: "Code", section: "remote.SSH",
		},
		{
			Name: "code-insiders", Title: "Visual Studio Code - Insiders", Scheme: "vscode-insiders", MinVersion: "1.90.0",
			Extension: Requirement{ID: microsoft, MinVersion: "0.74.0"},
			linux:     linuxPlaces{[]string{"code-insiders", "visual-studio-code-insiders"}, "com.visualstudio.code.insiders"},
			darwin:    "Visual Studio Code - Insiders", windows: windowsPlaces{"Microsoft VS Code Insiders", "Code - Insiders.exe"},
			folder: "Code - Insiders", section: "remote.SSH",
		},
		{
			Name: "codium", Title: "VSCodium", Scheme: "vscodium",
			Extension: Requirement{ID: open},
			linux:     linuxPlaces{[]string{"codium", "vscodium", "vscodium-bin"}, "com.vscodium.codium"},
			darwin:    "VSCodium", windows: windowsPlaces{"VSCodium", "VSCodium.exe"},
			folder: "VSCodium", section: "remote.SSH",
		},
		{
			Name: "cursor", Title: "Cursor", Scheme: "cursor", MinVersion: "2.6.18",
			Extension: Requirement{ID: "anysphere.remote-ssh", MinVersion: "1.0.2"},
			linux:     linuxPlaces{[]string{"cursor"}, ""},
			darwin:    "Cursor", windows: windowsPlaces{"cursor", "Cursor.exe"},
			folder: "Cursor", section: "remote.SSH",
		},
		{
			Name: "windsurf", Title: "Windsurf", Scheme: "windsurf",
			Extension: Requirement{ID: "codeium.windsurf-remote-openssh", BuiltIn: true},
			linux:     linuxPlaces{[]string{"windsurf"}, ""},
			darwin:    "Windsurf", windows: windowsPlaces{"Windsurf", "Windsurf.exe"},
			folder: "Windsurf", section: "remote.windsurfSSH",
		},
		{
			Name: "kiro", Title: "Kiro", Scheme: "kiro",
			Extension: Requirement{ID: open},
			linux:     linuxPlaces{[]string{"kiro", "Kiro"}, ""},
			darwin:    "Kiro", windows: windowsPlaces{"Kiro", "Kiro.exe"},
			folder: "Kiro", section: "remote.SSH",
		},
		{
			Name: "positron", Title: "Positron", Scheme: "positron",
			Extension: Requirement{ID: open, BuiltIn: true},
			linux:     linuxPlaces{[]string{"positron", "Positron"}, ""},
			darwin:    "Positron", windows: windowsPlaces{"Positron", "Positron.exe"},
			folder: "Positron", section: "remoteSSH", noInstallPath: true,
		},
	}
}

// Known returns the IDEs we know, in the order in which they are preferred
// where nothing else decides.
func Known() []Editor { return table() }

// byName returns the Editor of that name.
func byName(name string) (Editor, bool) {
	known := table()
	i := slices.IndexFunc(known, func(e Editor) bool { return e.Name == name })
	if i < 0 {
		return Editor{}, false
	}
	return known[i], true
}

// titles lists what we know, for a sentence.
func titles() string {
	var all []string
	for _, e := range table() {
		all = append(all, e.Title)
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

func names() string {
	var all []string
	for _, e := range table() {
		all = append(all, e.Name)
	}
	return strings.Join(all, ", ")
}
