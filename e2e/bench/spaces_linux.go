package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// callLatency is how long each call of AWS's API takes while spaces are listed.
const callLatency = 50 * time.Millisecond

// measureSpaces measures the list of a large account, and of a very large one.
func (p *programs) measureSpaces(ctx context.Context, r *results, count int) error {
	for _, each := range []struct {
		spaces int
		most   float64
	}{{1000, 3}, {10_000, 0}} {
		if err := p.listSpaces(ctx, r, each.spaces, each.most, count); err != nil {
			return err
		}
	}
	return nil
}

func (p *programs) listSpaces(ctx context.Context, r *results, spaces int, most float64, count int) (err error) {
	home, err := os.MkdirTemp("", "sh-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	env := []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "PATH=" + os.Getenv("PATH")}
	studio, err := stage.StartStudio(ctx, func(ctx context.Context) *exec.Cmd {
		c := exec.CommandContext(ctx, p.spacehatch(), "simulator", "--json", "--sshd", "embedded",
			"--dir", filepath.Join(home, "studio"), "--spaces", fmt.Sprint(spaces), "--api-latency", callLatency.String())
		c.Env = env
		return c
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, studio.Close()) }()
	var took []float64
	found := 0
	for range count {
		c := exec.CommandContext(ctx, p.spacehatch(), "spaces", "--json")
		c.Env = append(env, studio.Environ()...)
		var out, said bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		began := time.Now()
		if err := c.Run(); err != nil {
			return fmt.Errorf("list the spaces: %w: %s", err, &said)
		}
		took = append(took, time.Since(began).Seconds())
		var list []json.RawMessage
		if err := json.Unmarshal(out.Bytes(), &list); err != nil {
			return fmt.Errorf("read the list: %w", err)
		}
		if found = len(list); found < spaces {
			return fmt.Errorf("%d spaces were listed of %d", found, spaces)
		}
	}
	name := fmt.Sprintf("list %d spaces in 21 domains", found)
	r.add(what{name: name, client: "spacehatch spaces", metric: "start to end, " + callLatency.String() + " a call", unit: "s", most: most}, took)
	return nil
}
