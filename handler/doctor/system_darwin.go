package doctor

import "golang.org/x/sys/unix"

func systemName() string {
	version, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return "macOS"
	}
	return "macOS " + version
}
