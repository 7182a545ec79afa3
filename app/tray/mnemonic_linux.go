package tray

import "strings"

// literal keeps the menu from taking a character for a mark of the keyboard
// shortcut: com.canonical.dbusmenu, property "label".
func literal(text string) string { return strings.ReplaceAll(text, "_", "__") }
