package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// withDesktop has do measure on a desktop of the person's, and leaves none.
func (s *stand) withDesktop(ctx context.Context, do func(*stage.Desktop) error) (err error) {
	env := slices.Clone(s.Env)
	defer func() { s.Env = env }()
	d, err := stage.NewDesktop(ctx, s.Person, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return do(d)
}

// ended waits until none of our programs runs but the simulator and those that
// are given.
func (s *stand) ended(ctx context.Context, but ...int) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	var left []stage.Process
	if err := stage.Until(ctx, func() (bool, error) {
		all, err := s.Processes()
		left = slices.DeleteFunc(all, func(p stage.Process) bool {
			return !strings.HasPrefix(p.Args, s.spacehatch()) || descends(p.PID, s.idle) || slices.Contains(but, p.PID)
		})
		return len(left) == 0, err
	}); err != nil {
		return fmt.Errorf("still running: %v: %w", left, err)
	}
	return nil
}

// appearing is how long a window took to be seen, in milliseconds.
type appearing struct{ pixel, drawn float64 }

// measureWindow measures from a click to the window that asks the person.
func (s *stand) measureWindow(ctx context.Context, r *results, count int) error {
	return s.withDesktop(ctx, func(d *stage.Desktop) error {
		if _, err := s.output(s.Command(ctx, s.spacehatch(), "setup", "--yes")); err != nil {
			return err
		}
		ways := []struct {
			client string
			start  func(link string) *exec.Cmd
		}{
			{"spacehatch open", func(link string) *exec.Cmd {
				cmd := s.Command(ctx, s.spacehatch(), "open", "-")
				cmd.Stdin = strings.NewReader(link)
				return cmd
			}},
			{"xdg-open, as the browser calls it", func(link string) *exec.Cmd { return s.Command(ctx, "xdg-open", link) }},
		}
		seen := make([][]appearing, len(ways))
		for i := range count + 1 {
			for at, way := range ways {
				one, err := s.appear(ctx, d, way.start)
				if err != nil {
					return fmt.Errorf("%s: %w", way.client, err)
				}
				if i > 0 { // the first one of all fills the caches of fonts and shaders
					seen[at] = append(seen[at], one)
				}
			}
		}
		for at, way := range ways {
			w := what{name: "click to window", client: way.client, rtt: s.rtt, unit: "ms"}
			w.metric = "first pixel"
			r.add(w, each(seen[at], func(a appearing) float64 { return a.pixel }))
			w.metric = "all of it"
			r.add(w, each(seen[at], func(a appearing) float64 { return a.drawn }))
		}
		return nil
	})
}

func each(all []appearing, of func(appearing) float64) []float64 {
	var samples []float64
	for _, a := range all {
		samples = append(samples, of(a))
	}
	return samples
}

// proposed is the colour of the button that a window proposes.
var proposed = color.NRGBA{R: 0x0f, G: 0x6b, B: 0x67, A: 0xff}

// appear opens a fresh link, watches the screen, and says no.
func (s *stand) appear(ctx context.Context, d *stage.Desktop, start func(link string) *exec.Cmd) (seen appearing, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	link, err := s.studio.Link(ctx, "space=my-space&scheme=spacehatch")
	if err != nil {
		return seen, err
	}
	empty, err := d.Sample()
	if err != nil {
		return seen, err
	}
	changed := func(wanted bool) func() (bool, error) {
		return func() (bool, error) {
			now, err := d.Sample()
			return bytes.Equal(now, empty) != wanted, err
		}
	}
	cmd := start(link)
	said := &stage.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return seen, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // with the code of a no
		close(ended)
	}()
	if err := stage.Until(ctx, changed(true)); err != nil {
		return seen, fmt.Errorf("no window came: %w: %s", err, said)
	}
	seen.pixel = milliseconds(time.Since(began))
	if err := stage.Until(ctx, func() (bool, error) {
		img, err := d.Picture()
		return err == nil && len(stage.Areas(img, proposed, 40, 24)) > 0, err
	}); err != nil {
		return seen, fmt.Errorf("the window stays empty: %w: %s", err, said)
	}
	seen.drawn = milliseconds(time.Since(began))
	if err := d.Press(ctx, "Escape"); err != nil {
		return seen, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
		return seen, fmt.Errorf("the window takes no Escape: %w: %s", ctx.Err(), said)
	}
	return seen, errors.Join(stage.Until(ctx, changed(false)), s.ended(ctx))
}
