package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/paths"
)

// maxLog is the size in bytes at which the log is put aside; one old log is
// kept.
const maxLog = 1 << 20

// levelOf reads a level's name (debug, info, warn, error); anything else is
// warn.
func levelOf(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelWarn
	}
	return l
}

// openLog returns the logger and the function that closes it. The log is a file in
// the state folder, made with the first line that is written to it: a command
// that has nothing to say leaves nothing behind. Whatever goes wrong with it
// is not allowed to stop anything.
func openLog(level slog.Leveler) (*slog.Logger, func()) {
	file := &logFile{}
	handler := slog.NewTextHandler(file, &slog.HandlerOptions{Level: level})
	return slog.New(handler).With("pid", os.Getpid()), file.close
}

// logFile opens itself at the first write. slog's handler writes one line at a
// time, under its own lock.
type logFile struct {
	file   *os.File
	failed bool
}

func (f *logFile) Write(line []byte) (int, error) {
	if f.file == nil && !f.failed {
		f.open()
	}
	if f.failed {
		return len(line), nil
	}
	return f.file.Write(line)
}

func (f *logFile) open() {
	f.failed = true
	state, err := paths.State()
	if err != nil {
		return
	}
	if err := paths.Make(state); err != nil {
		return
	}
	path := filepath.Join(state, "spacehatch.log")
	if info, err := os.Lstat(path); err == nil {
		if !info.Mode().IsRegular() {
			return // a pipe would hold us up, a link lead us elsewhere
		}
		if info.Size() > maxLog {
			_ = os.Rename(path, path+".old")
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	f.file, f.failed = file, false
}

func (f *logFile) close() {
	if f.file != nil {
		_ = f.file.Close()
	}
}

var _ io.Writer = (*logFile)(nil)
