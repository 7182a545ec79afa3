package caller

import (
	"os"
	"strings"
)

// elsewhereThanEC2 reports that this machine says of itself that it is not one
// of EC2: a file of its firmware names the maker, which is Amazon on machines of
// this century (Nitro) and has Amazon's mark in the BIOS version on older ones
// (Xen). A machine that says nothing may be anywhere.
func elsewhereThanEC2() bool { return elsewhereBy("/sys/class/dmi/id") }

func elsewhereBy(folder string) bool {
	known := false
	for _, name := range []string{"sys_vendor", "board_vendor", "bios_version", "bios_vendor"} {
		text, err := os.ReadFile(folder + "/" + name)
		if err != nil {
			continue
		}
		known = true
		if strings.Contains(strings.ToLower(string(text)), "amazon") {
			return false
		}
	}
	return known
}
