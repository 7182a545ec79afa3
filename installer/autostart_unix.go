//go:build unix

package installer

func (a Autostart) status() (AutostartStatus, error) {
	path, err := loginEntryPath()
	if err != nil {
		return AutostartStatus{}, err
	}
	st := AutostartStatus{Place: path}
	data, err := readIfThere(path)
	if err != nil || data == nil {
		return st, err
	}
	st.Program, st.Enabled = readLoginEntry(data)
	st.Ours = isOurLoginEntry(data)
	return st, nil
}

func (a Autostart) enable(program string) ([]Change, error) {
	if err := checkProgram(program); err != nil {
		return nil, noAutostart(program, err)
	}
	path, err := loginEntryPath()
	if err != nil {
		return nil, err
	}
	entry, err := openFile(path)
	if err != nil {
		return nil, cannotChange(path, err)
	}
	text := loginEntry(program)
	if same(entry.now, text) {
		return nil, nil
	}
	r, err := loadRecord(a.state)
	if err != nil {
		return nil, err
	}
	r.note(entry, text)
	if err := r.save(); err != nil {
		return nil, cannotChange(r.path, err)
	}
	if err := entry.write(text); err != nil {
		return nil, cannotChange(path, err)
	}
	return changeOf(path, whatAutostart, entry.now, text), nil
}

func (a Autostart) disable() ([]Change, error) {
	path, err := loginEntryPath()
	if err != nil {
		return nil, err
	}
	r, err := loadRecord(a.state)
	if err != nil {
		return nil, err
	}
	known := r.file(path) != nil
	changes, err := remove(r, path, whatAutostart, isOurLoginEntry)
	if err != nil || !known {
		return changes, err
	}
	return changes, r.settle()
}
