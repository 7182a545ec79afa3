//go:build !x11

package native

// wayland says whether the toolkit is built to speak Wayland.
const wayland = true
