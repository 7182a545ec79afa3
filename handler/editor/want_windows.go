package editor

import "github.com/tailscale/hujson"

// systemWants are the settings that this system needs on top: AWS's
// documentation asks for ssh without the extension's local server.
func systemWants(e Editor) []want {
	if e.section != "remote.SSH" {
		return nil
	}
	return []want{{e.section + ".useLocalServer", "", hujson.Bool(false), func(l hujson.Literal) bool {
		return string(l) == "false"
	}}}
}
