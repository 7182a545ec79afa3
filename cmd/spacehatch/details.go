package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// detailsOf is what is known of the connection to a space from the statuses of
// its tunnels. One tunnel is usual; where OpenSSH has no masters there are as
// many as there are ssh.
func detailsOf(space session.Space, all []registry.Status, now time.Time) view.Details {
	v := view.Details{Alias: space.Alias, Space: desktop.Space(space), Phase: view.PhaseEnded, SSH: "ssh " + space.Alias}
	var open []registry.Status
	for _, s := range all {
		if s.State != registry.Closed {
			open = append(open, s)
		} else if p := s.Problem; p != nil && p.Code != problem.Cancelled {
			v.Problem = &view.Problem{Code: string(p.Code), Sentence: p.Sentence, Hint: p.Hint, Details: p.Detail}
		}
	}
	if len(open) > 0 {
		v.Phase, v.Problem = phaseOf(open), nil
		v.Figures = figuresOf(open, now)
	}
	v.Text = detailsText(v)
	return v
}

// tunnelsOf are the tunnels of one space.
func tunnelsOf(all []registry.Status, alias string) []registry.Status {
	return slices.DeleteFunc(slices.Clone(all), func(s registry.Status) bool { return s.Alias != alias })
}

// phaseOf is that of the tunnel that matters most to a person.
func phaseOf(open []registry.Status) view.Phase {
	phases := []struct {
		state registry.State
		phase view.Phase
	}{
		{registry.Reconnecting, view.PhaseReconnecting}, {registry.Paused, view.PhasePaused},
		{registry.Connected, view.PhaseConnected}, {registry.Waiting, view.PhaseReady},
		{registry.Connecting, view.PhaseConnecting},
	}
	for _, p := range phases {
		if slices.ContainsFunc(open, func(s registry.Status) bool { return s.State == p.state }) {
			return p.phase
		}
	}
	return view.PhaseSilent
}

// figuresOf adds the tunnels up.
func figuresOf(open []registry.Status, now time.Time) []view.Figure {
	sum := open[0]
	processes := []string{strconv.Itoa(sum.PID)}
	for _, s := range open[1:] {
		if s.Since.Before(sum.Since) {
			sum.Since = s.Since
		}
		sum.BytesIn += s.BytesIn
		sum.BytesOut += s.BytesOut
		sum.RateIn += s.RateIn
		sum.RateOut += s.RateOut
		sum.Unacknowledged += s.Unacknowledged
		sum.Window += s.Window
		sum.Retransmissions += s.Retransmissions
		sum.Reconnects += s.Reconnects
		if sum.RTT == 0 || s.RTT > 0 && s.RTT < sum.RTT {
			sum.RTT = s.RTT
		}
		if s.LastLoss != nil && (sum.LastLoss == nil || s.LastLoss.At.After(sum.LastLoss.At)) {
			sum.LastLoss = s.LastLoss
		}
		processes = append(processes, strconv.Itoa(s.PID))
	}
	var all []view.Figure
	add := func(kind view.FigureKind, format string, args ...any) {
		all = append(all, view.Figure{Kind: kind, Value: fmt.Sprintf(format, args...)})
	}
	add(view.OpenFor, "%s", age(now.Sub(sum.Since)))
	roundTrip := "-"
	if sum.RTT > 0 {
		roundTrip = milliseconds(sum.RTT)
	}
	add(view.RoundTrip, "%s", roundTrip)
	add(view.Receiving, "%s/s", size(sum.RateIn))
	add(view.Sending, "%s/s", size(sum.RateOut))
	add(view.Received, "%s", size(sum.BytesIn))
	add(view.Sent, "%s", size(sum.BytesOut))
	add(view.Unacknowledged, "%s / %s", size(int64(sum.Unacknowledged)), size(int64(sum.Window)))
	add(view.SentAgain, "%d", sum.Retransmissions)
	if sum.Origin != "" {
		add(view.SessionFrom, "%s", sum.Origin)
	}
	if len(open) > 1 {
		add(view.Tunnels, "%d", len(open))
	}
	add(view.Reconnects, "%d", sum.Reconnects)
	add(view.ProcessID, "%s", strings.Join(processes, ", "))
	if loss := sum.LastLoss; loss != nil {
		add(view.LastReconnect, "%s: %s", loss.At.In(now.Location()).Format(time.TimeOnly), loss.Reason)
	}
	return all
}

// detailsText is what a person reads in a terminal, or copies.
func detailsText(v view.Details) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-15s %s\n", name, value)
		}
	}
	line("Space", v.Space.Name)
	line("Alias", v.Alias)
	line("Application", v.Space.Application)
	line("Account", v.Space.Account)
	line("Region", v.Space.Region)
	line("Domain", v.Space.Domain)
	line("User profile", v.Space.UserProfile)
	line("State", phaseText(v.Phase))
	for _, f := range v.Figures {
		if text, known := originTexts[f.Value]; known && f.Kind == view.SessionFrom {
			f.Value = text
		}
		line(figureNames[f.Kind], f.Value)
	}
	if p := v.Problem; p != nil {
		line("Problem", p.Sentence)
		line("", p.Hint)
	}
	return b.String()
}

func phaseText(p view.Phase) string {
	switch p {
	case view.PhaseReady:
		return "open, no ssh uses it yet"
	case view.PhaseSilent:
		return "does not answer"
	case view.PhaseEnded:
		return "no connection"
	}
	return string(p)
}

var figureNames = map[view.FigureKind]string{
	view.OpenFor: "Open for", view.Receiving: "Receiving", view.Sending: "Sending", view.Received: "Received",
	view.Sent: "Sent", view.RoundTrip: "Round trip", view.Unacknowledged: "On the way", view.SentAgain: "Sent again",
	view.Reconnects: "Reconnects", view.LastReconnect: "Last reconnect", view.Tunnels: "Tunnels",
	view.SessionFrom: "Session from", view.ProcessID: "Process",
}

var originTexts = map[string]string{
	string(session.FromLink): "a link from Studio", string(session.FromAPI): "your AWS credentials",
}
