package tray

import "strings"

// literal keeps the menu from taking a character for a mark of the keyboard
// shortcut: MENUITEMINFOW, Windows SDK.
func literal(text string) string { return strings.ReplaceAll(text, "&", "&&") }
