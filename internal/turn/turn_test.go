package turn

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestNobodyIsInAnothersTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	const many, times, long = 8, 20, 200
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			for range times {
				over, err := Take(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				for range long { // so that others come meanwhile
					if n := inside.Add(1); n != 1 {
						t.Errorf("%d have the turn", n)
					}
					if _, err := os.Stat(path); err != nil {
						t.Error(err)
					}
					inside.Add(-1)
				}
				over()
			}
		})
	}
	wg.Wait()
	if _, err := os.Stat(path); err == nil && runtime.GOOS != "windows" {
		t.Error("the file stays")
	}
}

func TestWhoGivesUpLeavesTheTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	over, err := Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Take(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("the second: %v", err)
	}
	over()
	if over, err = Take(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	over()
}

func TestAFolderThatIsMissing(t *testing.T) {
	if _, err := Take(t.Context(), filepath.Join(t.TempDir(), "none", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
