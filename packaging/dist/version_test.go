package main

import (
	"os/exec"
	"testing"
)

func TestPackageVersion(t *testing.T) {
	t.Parallel()
	// In the order that package managers must see.
	cases := []struct{ describe, want string }{
		{"f2785a2", "0~f2785a2"},
		{"f2785a2-dirty", "0~f2785a2.dirty"},
		{"v1.2.0-rc.1", "1.2.0~rc.1"},
		{"v1.2.0-rc.1-3-gabc1234", "1.2.0~rc.1+3.gabc1234"},
		{"v1.2.0", "1.2.0"},
		{"v1.2.0-4-gabc1234", "1.2.0+4.gabc1234"},
		{"1.2.0-12-gabc1234-dirty", "1.2.0+12.gabc1234+dirty"},
		{"v1.2.0-dirty", "1.2.0+dirty"},
		{"v1.10.0", "1.10.0"},
	}
	for i, c := range cases {
		if got := packageVersion(c.describe); got != c.want {
			t.Errorf("%s became %s, want %s", c.describe, got, c.want)
		}
		if i == 0 {
			continue
		}
		before := cases[i-1].want
		if dpkg, err := exec.LookPath("dpkg"); err == nil {
			if err := exec.CommandContext(t.Context(), dpkg, "--compare-versions", before, "lt", c.want).Run(); err != nil {
				t.Errorf("dpkg does not order %s before %s: %v", before, c.want, err)
			}
		}
	}
}
