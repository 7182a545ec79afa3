package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// opening is one `spacehatch open`, from its start to that of the IDE.
type opening struct {
	total  float64            // to the start of the IDE, in milliseconds
	parts  map[string]float64 // of it
	memory map[string]float64 // in MiB, filled where a connection was made
}

// The parts of an opening beside the steps' own times.
const (
	partStart  = "program start, to the first event"
	partEditor = "from the editor step's start to the IDE's"
)

// event is a line of `spacehatch open --json`.
type event struct {
	Event    string  `json:"event"`
	Step     string  `json:"step"`
	Progress string  `json:"progress"`
	Millis   float64 `json:"ms"`
	Detail   string  `json:"detail"`
}

// open opens a fresh link. --yes stands for a domain that is trusted.
func (s *stand) open(ctx context.Context) (*opening, error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	link, err := s.link(ctx)
	if err != nil {
		return nil, err
	}
	cmd := s.Command(ctx, s.spacehatch(), "open", "--yes", "--json", "--editor", "code", "-")
	cmd.Stdin = strings.NewReader(link)
	said := &stage.Buffer{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o := &opening{parts: map[string]float64{}}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var editing time.Time
	first := true
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		now := time.Now()
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, errors.Join(fmt.Errorf("open --json said %q: %w", lines.Text(), err), cmd.Wait())
		}
		if first {
			o.parts[partStart], first = milliseconds(now.Sub(began)), false
		}
		switch {
		case e.Event != "step":
		case e.Step == "editor" && e.Progress == "started":
			editing = now
		case e.Step != "editor" && (e.Progress == "done" || e.Progress == "skipped"):
			o.parts["step "+e.Step] = e.Millis
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return nil, fmt.Errorf("spacehatch open: %w: %s", err, said)
	}
	var at time.Time
	if err := stage.Until(ctx, func() (ok bool, err error) {
		at, ok, err = startedAt(s.Home)
		return ok, err
	}); err != nil {
		return nil, fmt.Errorf("the IDE was not started: %w", err)
	}
	o.total = milliseconds(at.Sub(began))
	o.parts[partEditor] = milliseconds(at.Sub(editing))
	return o, nil
}

// measureOpen measures from a click to the start of the IDE, connected anew
// and with a master that runs.
func (s *stand) measureOpen(ctx context.Context, r *results, count int) error {
	var anew, again []*opening
	for range count {
		o, err := s.open(ctx)
		if err != nil {
			return err
		}
		if s.rtt == 0 && len(anew) < memorySamples {
			if o.memory, err = s.memory(ctx, map[string]string{"spacehatch tunnel": " tunnel ", "spacehatch proxy": " proxy "}); err != nil {
				return err
			}
		}
		anew = append(anew, o)
		if o, err = s.open(ctx); err != nil {
			return err
		}
		again = append(again, o)
		if err := s.disconnect(ctx); err != nil {
			return err
		}
	}
	most := 0.0
	if s.rtt == 0 {
		most = 150
	}
	s.addOpenings(r, "click to IDE, no master runs", anew, most)
	s.addOpenings(r, "click to IDE, a master runs", again, most)
	if s.rtt == 0 {
		s.addMemory(r, "resident, idle in a connection", anew)
		return s.measureStandIn(ctx, r, count)
	}
	return nil
}

func (s *stand) addOpenings(r *results, name string, openings []*opening, most float64) {
	var totals []float64
	parts := map[string][]float64{}
	for _, o := range openings {
		totals = append(totals, o.total)
		for part, ms := range o.parts {
			parts[part] = append(parts[part], ms)
		}
	}
	w := what{name: name, client: "spacehatch", rtt: s.rtt, metric: "total", unit: "ms", most: most}
	r.add(w, totals)
	w.most = 0
	order := []string{partStart, "step link", "step consent", "step ssh-config", "step tunnel", "step ssh", partEditor}
	for _, part := range order {
		if samples := parts[part]; len(samples) > 0 {
			w.metric = "  " + part
			r.add(w, samples)
		}
	}
}

// measureStandIn measures the delay that the stand-in itself adds: it is a
// shell script, and looks at the clock when the shell has started.
func (s *stand) measureStandIn(ctx context.Context, r *results, count int) error {
	var samples []float64
	for range count {
		began := time.Now()
		if _, err := s.output(s.Command(ctx, s.editor(), "--remote", "x")); err != nil {
			return err
		}
		at, ok, err := startedAt(s.Home)
		if err != nil || !ok {
			return errors.Join(errors.New("the stand-in left no note"), err)
		}
		samples = append(samples, milliseconds(at.Sub(began)))
	}
	r.add(what{name: "the stand-in's own start, in the totals above", client: "sh", metric: "to its look at the clock", unit: "ms"}, samples)
	return nil
}

// A connection is at rest this long after it was made, and three of them tell
// what it holds then.
const (
	restAfter     = 3 * time.Second
	memorySamples = 3
)

// memory waits for rest and reads what the person's processes hold of which the
// arguments have the text, keyed by name and by kind.
func (s *stand) memory(ctx context.Context, texts map[string]string) (map[string]float64, error) {
	if err := pause(ctx, restAfter); err != nil {
		return nil, err
	}
	all, err := s.Processes()
	if err != nil {
		return nil, err
	}
	found := map[string]float64{}
	for name, text := range texts {
		at := slices.IndexFunc(all, func(p stage.Process) bool {
			return strings.HasPrefix(p.Args, s.spacehatch()+text)
		})
		if at < 0 {
			return nil, fmt.Errorf("no process%s runs: %v", text, all)
		}
		for _, kind := range []memoryKind{vmRSS, pss} {
			kib, err := procValue(all[at].PID, kind.file, kind.key)
			if err != nil {
				return nil, err
			}
			found[name+"|"+kind.name] = kib / 1024
		}
	}
	return found, nil
}

// memoryKind is a way to count a process's memory.
type memoryKind struct{ name, file, key string }

var (
	// vmRSS counts pages that others share in full, pss by their share.
	vmRSS = memoryKind{"VmRSS", "status", "VmRSS:"}
	pss   = memoryKind{"Pss", "smaps_rollup", "Pss:"}
)

// procValue reads a value in KiB from a file of /proc.
func procValue(pid int, file, key string) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			var kib float64
			_, err := fmt.Sscanf(rest, "%g kB", &kib)
			return kib, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/%s has no %s", pid, file, key)
}

// addMemory adds a row for each program and kind of memory.
func (s *stand) addMemory(r *results, name string, openings []*opening) {
	samples := map[string][]float64{}
	for _, o := range openings {
		for key, mib := range o.memory {
			samples[key] = append(samples[key], mib)
		}
	}
	addMemory(r, name, samples)
}
