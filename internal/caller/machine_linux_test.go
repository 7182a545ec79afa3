package caller

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatAMachineSaysOfItself(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"nothing":       {nil, false},
		"a laptop":      {map[string]string{"sys_vendor": "LENOVO\n", "bios_version": "N2HET75W\n"}, true},
		"EC2":           {map[string]string{"sys_vendor": "Amazon EC2\n", "bios_version": "1.0\n"}, false},
		"EC2 under Xen": {map[string]string{"sys_vendor": "Xen\n", "bios_version": "4.11.amazon\n"}, false},
		"another cloud": {map[string]string{"sys_vendor": "Google\n", "board_vendor": "Google\n"}, true},
	} {
		folder := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := elsewhereBy(folder); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
