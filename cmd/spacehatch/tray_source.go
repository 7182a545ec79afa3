package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/releases"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// traySource tells the tray what there is: tunnels from the registry, spaces
// from the store, host keys from the pins. It implements tray.Source.
type traySource struct {
	*parts
	// windows: spacehatch-desktop can show what the menu offers; preferences:
	// that goes for the settings too.
	windows, preferences bool
	log                  *slog.Logger
}

// Follow implements tray.Source. The system tells of changes; while there are
// none this uses no processor time.
func (s traySource) Follow(ctx context.Context, f func(tray.Snapshot)) error {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch for spaces, host keys and settings: %w", err)
	}
	defer func() { _ = files.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	tunnels, ended := make(chan []registry.Status), make(chan error, 1)
	go func() { // ends with ctx, and is waited for
		ended <- registry.Watch(ctx, s.runtime, func(all []registry.Status) {
			select {
			case tunnels <- all:
			case <-ctx.Done():
			}
		})
	}()
	finish := func(err error) error {
		cancel()
		return errors.Join(err, <-ended)
	}
	// The folders may not exist before the first connection.
	folders := []string{s.state, filepath.Join(s.ssh, "spacehatch")}
	if file, err := settings.Path(); err == nil {
		folders = append(folders, filepath.Dir(file))
	}
	watch := func() {
		for _, folder := range folders {
			if !slices.Contains(files.WatchList(), folder) {
				_ = files.Add(folder)
			}
		}
	}
	var last []tray.Tunnel
	for {
		select {
		case all := <-tunnels:
			watch()
			f(s.snapshot(trayTunnels(all)))
			// An end is told once.
			last = slices.DeleteFunc(trayTunnels(all), func(t tray.Tunnel) bool { return t.Ended })
		case event, open := <-files.Events:
			if !open {
				return finish(errors.New("watch for spaces, host keys and settings: the watcher has ended"))
			}
			if slices.Contains([]string{"spaces.json", "known_hosts", "settings.toml", releases.File}, filepath.Base(event.Name)) {
				f(s.snapshot(slices.Clone(last)))
			}
		case err := <-files.Errors:
			s.log.Debug("events about spaces, host keys and settings were lost", "error", err)
			f(s.snapshot(slices.Clone(last)))
		case err := <-ended:
			cancel()
			return err
		case <-ctx.Done():
			return finish(nil)
		}
	}
}

// snapshot puts together what is known. A file that cannot be read leaves its
// part empty: the tunnels are what matters.
func (s traySource) snapshot(tunnels []tray.Tunnel) tray.Snapshot {
	shot := tray.Snapshot{
		Tunnels: tunnels, Windows: s.windows, Settings: s.preferences, Newer: s.releases().Newer(), IdleAfter: s.idleAfter(),
		Keys: map[string][]string{},
	}
	spaces, err := s.spaces()
	if err != nil {
		s.log.Warn("the tray does not know the spaces", "error", err)
		return shot
	}
	for _, space := range spaces {
		shot.Spaces = append(shot.Spaces, tray.Space{
			Alias: space.Alias, Name: space.Name, Domain: space.Domain, Region: space.Region,
		})
		pins, err := sshconfig.Pins(s.ssh, space.Alias)
		if err != nil {
			s.log.Warn("the tray does not know a host key", "alias", space.Alias, "error", err)
		}
		for _, pin := range pins {
			shot.Keys[space.Alias] = append(shot.Keys[space.Alias], pin.Fingerprint)
		}
	}
	return shot
}

// idleAfter is the setting of this moment. What cannot be read is as it was when
// the tray began.
func (s traySource) idleAfter() time.Duration {
	file, err := settings.Path()
	if err != nil || s.settings.Origin(settings.KeyIdleNotice) == settings.Administrator {
		return s.settings.IdleNotice
	}
	chosen, err := settings.Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		return s.settings.IdleNotice
	}
	return chosen.IdleNotice
}

// spaces returns the known spaces, the last used first.
func (q *parts) spaces() ([]session.Space, error) {
	spaces, err := q.store.Spaces()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(spaces, func(a, b session.Space) int { return b.LastUsed.Compare(a.LastUsed) })
	return spaces, nil
}

// Figures implements tray.Source.
func (s traySource) Figures(ctx context.Context) ([]tray.Tunnel, error) {
	all, err := registry.List(ctx, s.runtime)
	return trayTunnels(all), err
}

func trayTunnels(all []registry.Status) []tray.Tunnel {
	phases := map[registry.State]tray.Phase{
		registry.Connecting: tray.Connecting, registry.Waiting: tray.Ready, registry.Connected: tray.Connected,
		registry.Paused: tray.Paused, registry.Reconnecting: tray.Reconnecting,
	}
	tunnels := make([]tray.Tunnel, 0, len(all))
	for _, status := range all {
		phase, known := phases[status.State]
		t := tray.Tunnel{
			Alias: status.Alias, Phase: phase, Since: status.Since, In: status.BytesIn, Out: status.BytesOut,
			RTT: time.Duration(status.RTT * float64(time.Millisecond)), Active: status.LastActive, Ended: status.State == registry.Closed,
		}
		if t.Ended && status.Problem != nil && status.Problem.Code != problem.Cancelled {
			t.Failure, t.Hint = status.Problem.Sentence, status.Problem.Hint
		}
		if known && t.Alias != "" || t.Ended {
			tunnels = append(tunnels, t)
		}
	}
	return tunnels
}

// studioAddress is the address of Studio for the space that was used last, or
// of the console, which leads to every Studio.
func (q *parts) studioAddress() (string, error) {
	const console = "https://console.aws.amazon.com/sagemaker/home"
	spaces, err := q.spaces()
	if err != nil {
		return "", err
	}
	plain := func(text string) bool {
		return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	for _, space := range spaces {
		if space.Kind == session.SageMaker && space.Partition == "aws" && plain(space.Domain) && plain(space.Region) {
			return "https://studio-" + space.Domain + ".studio." + space.Region + ".sagemaker.aws/", nil
		}
	}
	return console, nil
}
