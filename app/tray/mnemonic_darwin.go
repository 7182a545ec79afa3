package tray

// literal changes nothing: menus of macOS have no marks in their text.
func literal(text string) string { return text }
