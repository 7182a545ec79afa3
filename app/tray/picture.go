package tray

// picture returns the bytes of an icon's file in the form that the system's
// tray reads, nil where there is no icon of that name.
func picture(name string) []byte {
	data, err := icons.ReadFile("icons/" + name + iconSuffix)
	if err != nil {
		return nil
	}
	return data
}
