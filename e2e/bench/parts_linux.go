package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// part is what can be measured by itself.
type part struct {
	name  string
	about string
	rtts  []time.Duration // the networks in which it is measured
	// measure measures it on a stand with one of these networks, on which
	// nothing is open, and leaves it so.
	measure func(ctx context.Context, s *stand, o options, r *results) error
}

// noNetwork stands for a part that wants the programs and nothing else.
const noNetwork time.Duration = -1

// bothNetworks are a colleague's machine and a region on the next continent.
var bothNetworks = []time.Duration{0, 50 * time.Millisecond}

// parts are all that can be measured, in the order of the table.
var parts = []part{
	{"programs", "sizes and starts", []time.Duration{noNetwork}, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.programs.measure(ctx, r, 2*o.count)
	}},
	{"spaces", "lists of large accounts", []time.Duration{noNetwork}, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureSpaces(ctx, r, o.bulk)
	}},
	{"open", "from a click to the IDE", bothNetworks, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureOpen(ctx, r, o.count)
	}},
	{"banner", "from a start to the SSH server's banner", bothNetworks, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureBanner(ctx, r, o.count)
	}},
	{"transfer", "bytes through ssh", bothNetworks, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureTransfer(ctx, r, o.bulk)
	}},
	{"raw", "bytes without ssh", []time.Duration{0}, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureRaw(ctx, r, o.bulk)
	}},
	{"idle-keys", "keys on an idle line", []time.Duration{0}, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureIdleKeys(ctx, o, r)
	}},
	{"rest", "idle clients", []time.Duration{0}, func(ctx context.Context, s *stand, _ options, r *results) error {
		return s.measureRest(ctx, r)
	}},
	{"many", "many idle tunnels", []time.Duration{0}, func(ctx context.Context, s *stand, _ options, r *results) error {
		return s.measureMany(ctx, r)
	}},
	{"window", "from a click to a window", []time.Duration{0}, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureWindow(ctx, r, o.count)
	}},
	{"tray", "the tray in a panel", []time.Duration{0}, func(ctx context.Context, s *stand, _ options, r *results) error {
		return s.measureTray(ctx, r)
	}},
	{"busy-keys", "keys beside an upload", bothNetworks, func(ctx context.Context, s *stand, o options, r *results) error {
		return s.measureBusyKeys(ctx, r, o.bulk)
	}},
}

// title says what is measured in which network.
func (p part) title(rtt time.Duration) string {
	if rtt == noNetwork {
		return p.about
	}
	return fmt.Sprintf("%s, at a round trip of %s", p.about, rtt)
}

func partNames() []string {
	var names []string
	for _, each := range parts {
		names = append(names, each.name)
	}
	return names
}

// chosen reads the names of parts.
func chosen(text string) ([]string, error) {
	names := strings.Split(text, ",")
	for _, name := range names {
		if !slices.Contains(partNames(), name) {
			return nil, fmt.Errorf("there is no part %q", name)
		}
	}
	return names, nil
}

// due returns what is to be measured in a network.
func (o options) due(rtt time.Duration) []part {
	var due []part
	for _, each := range parts {
		if slices.Contains(each.rtts, rtt) && (len(o.only) == 0 || slices.Contains(o.only, each.name)) {
			due = append(due, each)
		}
	}
	return due
}
