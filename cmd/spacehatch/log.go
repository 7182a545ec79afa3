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

// openLog returns the logger for a level's name (debug, info, warn, error;
// anything else is warn) and the function that closes it. The log is a file in
// the state folder, made with the first line that is written to it: a command
// that has nothing to say leaves nothing behind. Whatever goes wrong with it
// is not allowed to stop anything.
func openLog(level string) (*slog.Logger, func()) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelWarn
	}
	file := &logFile{}
	handler := slog.NewTextHandler(file, &slog.HandlerOptions{Level: l})
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
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		_ = os.Rename(path, path+".old")
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
