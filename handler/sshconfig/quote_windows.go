package sshconfig

func programWord(path string) string { return windowsWord(path) }

// hostWord is the host name as the user wrote it. Windows' OpenSSH starts the
// command without a shell.
const hostWord = `"%n"`
