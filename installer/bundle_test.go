package installer

import "testing"

func TestBundleOf(t *testing.T) {
	for program, want := range map[string]string{
		"/Applications/Spacehatch.app/Contents/MacOS/spacehatch":             "/Applications/Spacehatch.app",
		"/Users/jörg b/Applications/Spacehatch 2.app/Contents/MacOS/x":       "/Users/jörg b/Applications/Spacehatch 2.app",
		"/usr/local/bin/spacehatch":                                          "",
		"/Applications/Spacehatch/Contents/MacOS/spacehatch":                 "",
		"/Applications/Spacehatch.app/Contents/Resources/bin/spacehatch":     "",
		"Spacehatch.app/Contents/MacOS/spacehatch":                           "",
		"/Applications/Spacehatch.app/Contents/MacOS/deeper/spacehatch":      "",
		"/Applications/Spacehatch.appx/Contents/MacOS/spacehatch":            "",
		"/Volumes/A.app/Contents/MacOS/Spacehatch.app/Contents/MacOS/x":      "/Volumes/A.app/Contents/MacOS/Spacehatch.app",
		"/Applications/Spacehatch.app/Contents/MacOS/Contents/MacOS/program": "",
	} {
		if got := bundleOf(program); got != want {
			t.Errorf("bundleOf(%q) = %q, want %q", program, got, want)
		}
	}
}
