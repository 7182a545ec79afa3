//go:build unix

package editor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// standIn installs a script in place of the IDE and returns it with the
// folder where the script may leave its notes.
func standIn(t *testing.T, name, script string) (Installation, string) {
	t.Helper()
	notes, bin := t.TempDir(), t.TempDir()
	path := filepath.Join(bin, name)
	content := "#!/bin/sh\nnotes='" + notes + "'\n" + script
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	e, ok := byName(name)
	if !ok {
		t.Fatal(name)
	}
	return Installation{Editor: e, Path: path, query: []string{path}}, notes
}

func note(t *testing.T, notes, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(notes, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const recorder = `printf '%s\n' "$@" >"$notes/argv"
env >"$notes/env"
ps -o pid= -o sess= -p $$ >"$notes/session"
streams=$(ls -l /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 2>/dev/null)
printf '%s' "$streams" >"$notes/streams"
`

func TestOpenHandsOver(t *testing.T) {
	t.Setenv("ELECTRON_RUN_AS_NODE", "1")
	t.Setenv("VSCODE_IPC_HOOK_CLI", "/run/x.sock")
	t.Setenv("SPACEHATCH_SOMETHING", "1")
	i, notes := standIn(t, "code", recorder)
	if err := i.Open(t.Context(), "my-space.hatch", "/home/sagemaker-user/a b"); err != nil {
		t.Fatal(err)
	}
	if got := note(t, notes, "argv"); got != "--remote\nssh-remote+my-space.hatch\n/home/sagemaker-user/a b\n" {
		t.Errorf("arguments %q", got)
	}
	env := note(t, notes, "env")
	for _, name := range []string{"ELECTRON_RUN_AS_NODE", "VSCODE_IPC_HOOK_CLI", "SPACEHATCH_SOMETHING"} {
		if strings.Contains(env, name+"=") {
			t.Errorf("%s was handed on", name)
		}
	}
	if !strings.Contains(env, "PATH=") {
		t.Error("PATH was not handed on")
	}
	if fields := strings.Fields(note(t, notes, "session")); len(fields) == 2 && fields[0] != fields[1] {
		t.Errorf("process and session are %v: not a session of its own", fields)
	}
	if streams := note(t, notes, "streams"); streams != "" && strings.Count(streams, "/dev/null") != 3 {
		t.Errorf("it holds our streams:\n%s", streams)
	}
}

func TestOpenTellsOfAFailure(t *testing.T) {
	i, _ := standIn(t, "kiro", "exit 3\n")
	p := problem.From(i.Open(t.Context(), "a.hatch", ""))
	if p == nil || p.Code != problem.EditorFailed || !strings.Contains(p.Sentence, "Kiro") || !strings.Contains(p.Hint, i.Path+" --remote ssh-remote+a.hatch") {
		t.Errorf("exit 3: %+v", p)
	}
	i.Path += "-not-there"
	if err := i.Open(t.Context(), "a.hatch", ""); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
		t.Errorf("not there: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := i.Open(cancelled, "a.hatch", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestTheCommandInAHintIsTheOneThatRan, whatever a shell reads into its words.
func TestTheCommandInAHintIsTheOneThatRan(t *testing.T) {
	for _, word := range []string{"/plain", "/a b", "/it's", `/a"b`, "/$HOME", "/`id`", "/a!b", `/a\b`, "/a;id", "/*"} {
		out, err := exec.Command("sh", "-c", shown([]string{"printf", "%s|", word, "x"})).Output()
		if err != nil || string(out) != word+"|x|" {
			t.Errorf("%s is shown as %s and means %q, %v", word, shown([]string{word}), out, err)
		}
	}
}

func TestOpenLeavesALongRunnerAlone(t *testing.T) {
	i, notes := standIn(t, "code", `read line <"$notes/in"; printf '%s' "still here: $line" >"$notes/out"`)
	for _, pipe := range []string{"in", "out"} {
		if err := syscall.Mkfifo(filepath.Join(notes, pipe), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.start([]string{i.Path}, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	// Only a reader that lives lets this open and that read go on.
	if err := os.WriteFile(filepath.Join(notes, "in"), []byte("hello\n"), 0); err != nil {
		t.Fatal(err)
	}
	if got := note(t, notes, "out"); got != "still here: hello" {
		t.Errorf("it answered %q", got)
	}
}

const answers = `printf '%s ' "$@" >>"$notes/asked"; echo >>"$notes/asked"
case "$1" in
--version) cat "$notes/version" ;;
--list-extensions) cat "$notes/extensions" ;;
--install-extension) printf '%s@%s\n' "$2" 9.9.9 >"$notes/extensions" ;;
*) exit 2 ;;
esac
`

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		ide, version, extensions string
		want                     string // in the sentence; empty: ready
		extension                bool   // InstallExtension cures it
	}{
		"ready":              {"code", "1.98.2\nabcdef0123\nx64\n", "a.b@1.0.0\nms-vscode-remote.remote-ssh@0.116.0\n", "", false},
		"in another case":    {"code", "1.90.0\n", "MS-VSCode-Remote.Remote-SSH@0.74.0\n", "", false},
		"IDE too old":        {"code", "1.89.1\nabcdef0123\nx64\n", "ms-vscode-remote.remote-ssh@0.116.0\n", "1.89.1 is too old", false},
		"extension too old":  {"code", "1.98.2\n", "ms-vscode-remote.remote-ssh@0.73.9\n", "0.73.9 is too old", true},
		"extension missing":  {"code", "1.98.2\n", "ms-vscode-remote.remote-ssh-edit@0.87.0\n", "is not installed", true},
		"cursor":             {"cursor", "2.6.18\n", "anysphere.remote-ssh@1.0.2\n", "", false},
		"cursor too old":     {"cursor", "2.6.9\n", "anysphere.remote-ssh@1.0.2\n", "2.6.9 is too old", false},
		"microsoft's is not": {"codium", "1.98.2\n", "ms-vscode-remote.remote-ssh@0.116.0\n", "jeanp413.open-remote-ssh is not installed", true},
		"built in":           {"positron", "2026.07.0\n", "", "", false},
		"no version":         {"code", "hello\n", "", "did not tell its version", false},
	} {
		t.Run(name, func(t *testing.T) {
			i, notes := standIn(t, c.ide, answers)
			for file, content := range map[string]string{"version": c.version, "extensions": c.extensions} {
				if err := os.WriteFile(filepath.Join(notes, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := i.Check(t.Context())
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			p := problem.From(err)
			if p == nil || p.Code != problem.EditorFailed || !strings.Contains(p.Sentence, c.want) || p.Hint == "" {
				t.Fatalf("got %+v", p)
			}
			if errors.Is(err, ErrExtension) != c.extension {
				t.Errorf("ErrExtension: %v", !c.extension)
			}
			if !c.extension {
				return
			}
			if err := i.InstallExtension(t.Context()); err != nil {
				t.Fatal(err)
			}
			if asked := note(t, notes, "asked"); !strings.Contains(asked, "--install-extension "+i.Editor.Extension.ID+" --force") {
				t.Errorf("asked %q", asked)
			}
			if err := i.Check(t.Context()); err != nil {
				t.Errorf("after InstallExtension: %v", err)
			}
		})
	}
}

func TestAskTellsWhatTheIDESaid(t *testing.T) {
	i, _ := standIn(t, "code", "echo 'no network' >&2; exit 1\n")
	err := i.InstallExtension(t.Context())
	if p := problem.From(err); p == nil || p.Code != problem.EditorFailed || !strings.Contains(err.Error(), "no network") {
		t.Errorf("got %v", err)
	}
}

func TestAskKeepsABoundedAnswer(t *testing.T) {
	i, _ := standIn(t, "code", "head -c 3000000 /dev/zero | tr '\\0' x\n")
	out, err := i.ask(t.Context(), time.Minute, "--version")
	if err != nil || len(out) != maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	// The script's child holds a pipe open for as long as it lives.
	i, notes := standIn(t, "code", `exec 3>"$notes/alive"; echo up >&3; cat "$notes/block"; exit 1`)
	for _, pipe := range []string{"alive", "block"} {
		if err := syscall.Mkfifo(filepath.Join(notes, pipe), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := i.Version(ctx)
		done <- err
	}()
	alive, err := os.Open(filepath.Join(notes, "alive")) // waits for the script
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	if _, err := io.ReadFull(alive, make([]byte, len("up\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// The end of the pipe is the end of the child; the deadline is for a child
	// that was forgotten.
	if err := alive.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(alive); err != nil {
		t.Errorf("the child lives on: %v", err)
	}
}

func TestQueriesRunWithoutAnotherIDEsEnvironment(t *testing.T) {
	t.Setenv("ELECTRON_RUN_AS_NODE", "1")
	i, notes := standIn(t, "code", `env >"$notes/env"; echo 1.98.0`)
	i.queryEnv = []string{"ONLY_FOR_QUERIES=1"}
	if v, err := i.Version(t.Context()); err != nil || v != "1.98.0" {
		t.Fatalf("%q, %v", v, err)
	}
	env := []byte(note(t, notes, "env"))
	if bytes.Contains(env, []byte("ELECTRON_RUN_AS_NODE")) || !slices.Contains(strings.Fields(string(env)), "ONLY_FOR_QUERIES=1") {
		t.Errorf("environment:\n%s", env)
	}
}
