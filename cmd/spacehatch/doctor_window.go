package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/doctor"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// doctorInWindow is doctor in a window. It implements desktop.Work.
type doctorInWindow struct {
	*program
	visit visit
	panel *desktop.Panel

	doctor   doctor.Doctor    // who found the findings
	findings []doctor.Finding // in the order of shown.Findings
	shown    view.Diagnostics
}

func (p *program) doctorWindow(ctx context.Context, v visit) error {
	return p.panel(ctx, desktop.PanelOptions{Name: "diagnostics"}, &doctorInWindow{program: p, visit: v},
		"Run spacehatch doctor in a terminal; it says there what it finds.")
}

// Begin implements desktop.Work.
func (w *doctorInWindow) Begin(p *desktop.Panel) view.Screen {
	w.panel = p
	w.look(w.visit.online)
	return w.screen()
}

// Do implements desktop.Work.
func (w *doctorInWindow) Do(wish view.Wish) {
	busy := w.shown.Looking || w.shown.Mending != ""
	switch {
	case wish.Do == view.LookAgain && !busy:
		w.look(w.visit.online)
	case wish.Do == view.LookOnline && !busy:
		w.look(true)
	case wish.Do == view.Mend && !busy:
		w.mend(wish.Key)
	case wish.Do == view.SaveBundle && (w.shown.Bundle == nil || !w.shown.Bundle.Saving):
		w.save()
	}
	w.show()
}

func (w *doctorInWindow) show() { w.panel.Show(w.screen()) }

func (w *doctorInWindow) screen() view.Screen {
	shown := w.shown
	return view.Screen{Diagnostics: &shown}
}

// look begins a visit. What an earlier one found stays until it ends.
func (w *doctorInWindow) look(online bool) {
	w.visit.online = online
	w.shown.Looking, w.shown.Online, w.shown.Waiting, w.shown.Done, w.shown.All = true, online, "", 0, 0
	v := w.visit
	w.panel.Go(func(ctx context.Context) {
		d := w.newDoctor(ctx, v)
		d.Waiting = func(c doctor.Check) {
			w.panel.Then(func() {
				w.shown.Waiting = c.Title
				w.show()
			})
		}
		d.Ended = func(done int) {
			w.panel.Then(func() {
				w.shown.Done, w.shown.All, w.shown.Waiting = done, len(d.Checks), ""
				w.show()
			})
		}
		found := d.Look(ctx)
		w.panel.Then(func() {
			w.doctor, w.shown.Looking, w.shown.Waiting = d, false, ""
			w.found(found)
		})
	})
}

// mend begins to put one finding right.
func (w *doctorInWindow) mend(key string) {
	at := slices.IndexFunc(w.shown.Findings, func(f view.Finding) bool { return f.Key == key && f.Fixable })
	if at < 0 {
		return
	}
	w.shown.Mending = key
	d, f := w.doctor, w.findings[at]
	d.Waiting = nil
	w.panel.Go(func(ctx context.Context) {
		after := d.Mend(ctx, []doctor.Finding{f})
		w.panel.Then(func() {
			all := slices.Clone(w.findings)
			all[at] = after[0]
			w.shown.Mending = ""
			w.found(all)
		})
	})
}

// found shows what there is now, the worst first; what was put right keeps its
// place.
func (w *doctorInWindow) found(all []doctor.Finding) {
	slices.SortStableFunc(all, func(a, b doctor.Finding) int {
		return cmp.Compare(rank(b.Severity), rank(a.Severity))
	})
	w.findings = all
	w.shown.Text = findingsText(all, false)
	w.shown.Findings = nil
	keys := map[string]int{} // a check may find several things of one ID
	for _, f := range all {
		key := f.ID
		if keys[f.ID]++; keys[f.ID] > 1 {
			key = fmt.Sprintf("%s %d", f.ID, keys[f.ID])
		}
		severity := view.Severity(f.Severity)
		if f.Fixed {
			severity = view.Mended
		}
		w.shown.Findings = append(w.shown.Findings, view.Finding{
			Key: key, Severity: severity, Title: f.Title, Sentence: f.Sentence, Hint: f.Hint,
			Fixable: f.Fixable && f.Open(doctor.Warning),
		})
	}
	w.show()
}

func rank(s doctor.Severity) int {
	return slices.Index([]doctor.Severity{doctor.OK, doctor.Info, doctor.Warning, doctor.Error}, s)
}

// save begins to write a report into the person's folder for downloads.
func (w *doctorInWindow) save() {
	w.shown.Bundle = &view.Bundle{Saving: true}
	w.panel.Go(func(ctx context.Context) {
		file, err := w.saveReport(ctx, time.Now())
		w.panel.Then(func() {
			w.shown.Bundle = &view.Bundle{File: file, Folder: filepath.Dir(file)}
			if err != nil {
				w.shown.Bundle = &view.Bundle{Problem: desktop.Problem(problem.From(err))}
			}
			w.show()
		})
	})
}

// saveReport writes a report beside those that are there.
func (w *doctorInWindow) saveReport(ctx context.Context, now time.Time) (string, error) {
	folder, err := downloads()
	if err != nil {
		return "", err
	}
	report, err := w.makeReport(ctx, os.Environ(), nil)
	if err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	data, err := report.Zip()
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, fmt.Sprintf("spacehatch-bugreport-%s.zip", now.Format("2006-01-02-150405")))
	return path, writeReport(path, data, false)
}

// downloads is the folder in which people look for what they have saved: the
// home folder where there is no other.
func downloads() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(home, "Downloads")
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return folder, nil
	}
	return home, nil
}
