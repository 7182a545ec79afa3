package tray

import "embed"

//go:embed icons/*.ico
var icons embed.FS

const iconSuffix = ".ico"
