package installer

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestLaunchAgent(t *testing.T) {
	text := launchAgent("/Applications/Space & <hatch>.app/Contents/MacOS/spacehatch", "tray")
	golden := filepath.Join("testdata", "launchagent.plist")
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestReadLaunchAgent(t *testing.T) {
	for text, want := range map[string]agent{
		string(launchAgent("/a b/ü&", "tray")): {label: agentLabel, program: "/a b/ü&", atLoad: true},
		`<plist><dict><key>Label</key><string>x</string><key>KeepAlive</key><dict><key>RunAtLoad</key><true/></dict>
			<key>Program</key><string>/y</string><key>Disabled</key><true/></dict></plist>`: {label: "x", program: "/y", disabled: true},
		`<plist><dict><key>RunAtLoad</key><false/></dict></plist>`: {},
		"bplist00\x00\xff": {},
		"":                 {},
		"<plist><dict><key>Label</key><string>x</string>": {label: "x"},
	} {
		if got := readLaunchAgent([]byte(text)); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func FuzzReadLaunchAgent(f *testing.F) {
	f.Add([]byte("<plist><dict><key>Label</key><array><string/></array></dict>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		program := string(data)
		if got := readLaunchAgent(launchAgent("/"+program, "tray")); checkText(program) && got.program != "/"+program {
			t.Errorf("%q is read back as %q", program, got.program)
		}
		readLaunchAgent(data) // whatever stands there
	})
}
