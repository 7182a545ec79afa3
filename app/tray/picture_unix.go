//go:build unix

package tray

import "embed"

//go:embed icons/*.png
var icons embed.FS

const iconSuffix = ".png"
