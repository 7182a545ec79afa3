//go:build linux

package e2e

import (
	"context"
	"os/exec"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// studio is a running `spacehatch simulator`.
type studio struct{ *stage.Studio }

// startStudio starts the simulator with the command that make returns, and ends
// it with the test.
func startStudio(t *testing.T, make func(ctx context.Context) *exec.Cmd) *studio {
	t.Helper()
	s, err := stage.StartStudio(t.Context(), make)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &studio{s}
}

// link returns a fresh link, as the page's button would open it.
func (s *studio) link(t *testing.T, query string) string {
	t.Helper()
	link, err := s.Link(limited(t), query)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// simulator returns the command for startStudio as whoever runs the tests.
func simulator(flags ...string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, spacehatch(), append([]string{"simulator", "--json"}, flags...)...)
	}
}
