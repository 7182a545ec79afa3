package installer

import (
	"bytes"
	"image/png"
	"os"
	"testing"
)

func TestTheIconIsWhereDesktopsLook(t *testing.T) {
	h := newHome(t, "bin")
	theme := []string{".local", "share", "icons", "hicolor"}
	at := func(more ...string) string { return h.path(append(theme[:len(theme):len(theme)], more...)...) }
	// Somebody has an icon of that name.
	h.write(t, "mine", append(theme[:len(theme):len(theme)], "48x48", "apps", "spacehatch.png")...)
	h.install(t)
	for name, side := range map[string]int{"16x16": 16, "32x32": 32, "48x48": 48, "256x256": 256} {
		data, err := os.ReadFile(at(name, "apps", "spacehatch.png"))
		if err != nil {
			t.Fatal(err)
		}
		if img, err := png.DecodeConfig(bytes.NewReader(data)); err != nil || img.Width != side || img.Height != side {
			t.Errorf("%s: %+v, %v", name, img, err)
		}
	}
	if data, err := os.ReadFile(at("scalable", "apps", "spacehatch.svg")); err != nil || !bytes.Contains(data, []byte("<svg")) {
		t.Errorf("%s, %v", data, err)
	}
	h.uninstall(t)
	if data, err := os.ReadFile(at("48x48", "apps", "spacehatch.png")); err != nil || string(data) != "mine" {
		t.Errorf("the other icon is %q, %v", data, err)
	}
	for _, gone := range []string{"16x16", "scalable"} {
		if _, err := os.Stat(at(gone)); err == nil {
			t.Errorf("%s stays", gone)
		}
	}
}

func TestTheIconGoesWithoutARecord(t *testing.T) {
	h := newHome(t, "bin")
	h.install(t)
	if err := os.Remove(recordPath(h.scheme.state)); err != nil {
		t.Fatal(err)
	}
	h.uninstall(t)
	if _, err := os.Stat(h.path(".local", "share", "icons", "hicolor", "16x16", "apps", "spacehatch.png")); err == nil {
		t.Error("the icon stays")
	}
}
