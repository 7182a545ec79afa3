package native

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestProbe(t *testing.T) {
	listen := func(network, address string) string {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String()
	}
	runtime := t.TempDir()
	listen("unix", filepath.Join(runtime, "wayland-7"))
	number := 0
	for try := 20_000; ; try++ {
		l, err := net.Listen("unix", fmt.Sprintf("@/tmp/.X11-unix/X%d", try))
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
			number = try
			break
		}
		if try > 20_100 {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		env map[string]string
		ok  bool
	}{
		"nothing":               {map[string]string{}, false},
		"an X server":           {map[string]string{"DISPLAY": fmt.Sprintf(":%d", number)}, true},
		"with a screen":         {map[string]string{"DISPLAY": fmt.Sprintf(":%d.0", number)}, true},
		"spelled out":           {map[string]string{"DISPLAY": fmt.Sprintf("unix:%d", number)}, true},
		"no X server":           {map[string]string{"DISPLAY": ":31999"}, false},
		"no number":             {map[string]string{"DISPLAY": ":x"}, false},
		"no colon":              {map[string]string{"DISPLAY": "x"}, false},
		"a number out of range": {map[string]string{"DISPLAY": ":99999"}, false},
		"another machine":       {map[string]string{"DISPLAY": "127.0.0.1:9"}, false},
		"Wayland":               {map[string]string{"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": runtime}, wayland},
		"Wayland, absolute":     {map[string]string{"WAYLAND_DISPLAY": filepath.Join(runtime, "wayland-7")}, wayland},
		"dead Wayland, good X":  {map[string]string{"WAYLAND_DISPLAY": "wayland-8", "XDG_RUNTIME_DIR": runtime, "DISPLAY": fmt.Sprintf(":%d", number)}, true},
		"dead Wayland, no X":    {map[string]string{"WAYLAND_DISPLAY": "wayland-8", "XDG_RUNTIME_DIR": runtime}, false},
	} {
		err := Probe(t.Context(), func(key string) (string, bool) {
			value, ok := test.env[key]
			return value, ok
		})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !errors.Is(err, &problem.Problem{Code: NoDisplay}) {
			t.Errorf("%s: %v is not for a person", name, err)
		}
	}
}
