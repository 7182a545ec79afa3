package installer

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
)

const (
	interceptPrefix = Name + "-intercept-"
	// keyNext is the key in our entry with the id of who had the links before.
	keyNext = "X-Spacehatch-Next"
)

func (i Interception) claim() (claim, error) {
	f, err := xdgFolders()
	return claim{
		folders: f, state: i.state, scheme: i.scheme, id: interceptPrefix + i.scheme + ".desktop",
		what: "desktop entry that gets " + i.scheme + ":// links first",
		more: []owned{{
			path: filepath.Join(f.data, Name, "intercept-"+i.scheme), what: "script that the entry starts",
			mode: 0o755, ours: isOurScript,
		}},
	}, err
}

// others: who gets the links is asked for without us.
func others(_ string, entry []byte) bool { return !isManaged(entry) }

func (i Interception) status() (InterceptionStatus, error) {
	st := InterceptionStatus{Scheme: i.scheme, State: InterceptionOff}
	c, err := i.claim()
	if err != nil {
		return st, err
	}
	mime := mimeType(i.scheme)
	st.Handler, _ = c.handler(mime, anybody)
	entry, err := readIfThere(c.entryPath())
	if err != nil {
		return st, fmt.Errorf("read who gets %s links: %w", i.scheme, err)
	}
	next := c.nextOf(entry, mime)
	st.Next, st.NextName = next.id, next.name()
	if !isManaged(entry) {
		return st, nil
	}
	_, try := parseKeyfile(entry).find(entryGroup, "TryExec")
	st.Program = unescapeString(try)
	switch {
	case !exists(st.Program):
		st.State = InterceptionBroken
		st.Warning = fmt.Sprintf("%s:// links were to come to %s, which is not there any more.", i.scheme, printable.Text(st.Program, 300))
	case st.Handler != c.id:
		st.State = InterceptionTaken
	case !exists(c.more[0].path):
		st.State = InterceptionBroken
		st.Warning = fmt.Sprintf("%s:// links start %s, which is not there any more: `spacehatch intercept enable %[1]s` makes it anew.",
			i.scheme, printable.Text(c.more[0].path, 300))
	case next.path == "" && parseKeyfile(entry).remembers(keyNext):
		st.State = InterceptionBroken
		st.Warning = fmt.Sprintf("No program is left that %s:// links could be passed on to.", i.scheme)
	default:
		st.State = InterceptionOn
	}
	return st, nil
}

// handlerEntry is a desktop entry that gets links; the zero value is none.
type handlerEntry struct {
	id, path string
	text     keyfile
}

func (h handlerEntry) value(key string) string {
	_, value := h.text.find(entryGroup, key)
	return value
}

// name returns its name for people, or its id.
func (h handlerEntry) name() string {
	if name := unescapeString(h.value("Name")); name != "" && checkText(name) {
		return name
	}
	return h.id
}

// nextOf returns who gets what is not ours: who is remembered in our entry, or
// whose turn it would be without us.
func (f folders) nextOf(ours []byte, mime string) handlerEntry {
	if _, id := parseKeyfile(ours).find(entryGroup, keyNext); id != "" && isManaged(ours) {
		id = unescapeString(id)
		if path := f.entry(id); path != "" {
			if text, err := os.ReadFile(path); err == nil && startable(text) && others(id, text) {
				return handlerEntry{id, path, parseKeyfile(text)}
			}
		}
	}
	id, path := f.handler(mime, others)
	text, err := os.ReadFile(path)
	if err != nil {
		return handlerEntry{}
	}
	return handlerEntry{id, path, parseKeyfile(text)}
}

// interceptText is our entry. NoDisplay, as the IDEs' own entries for links
// have it: nobody wants to start it from a menu.
func interceptText(scheme, script, program string, next handlerEntry) string {
	name, icon, notify := "Spacehatch", Name, ""
	if next.path != "" {
		name = escapeString(next.name()) + " through Spacehatch"
		icon, notify = cmp.Or(next.value("Icon"), icon), next.value("StartupNotify")
	}
	text := "[Desktop Entry]\n" +
		"Type=Application\n" +
		"Name=" + name + "\n" +
		"Comment=Opens links from SageMaker Studio, and passes the others on\n" +
		"Exec=" + quoteExec(script) + " %u\n" +
		"TryExec=" + escapeString(program) + "\n" +
		"Icon=" + icon + "\n" +
		"Terminal=false\n" +
		"NoDisplay=true\n"
	if notify == "true" || notify == "false" {
		text += "StartupNotify=" + notify + "\n"
	}
	text += "MimeType=" + mimeType(scheme) + ";\n"
	if next.id != "" {
		text += keyNext + "=" + escapeString(next.id) + "\n"
	}
	return text + managed + "\n"
}

const scriptMark = "# Spacehatch made this; `spacehatch intercept disable` takes it away."

// interceptScript is what our entry starts: the program, or where that is gone
// the one who had the links before. Where no desktop environment helps it,
// xdg-open knows neither TryExec nor the second in a list of defaults.
func interceptScript(scheme, program string, next handlerEntry) string {
	text := "#!/bin/sh\n" + scriptMark + "\n" +
		"[ -x " + quoteShell(program) + " ] && exec " + quoteShell(program) + " pass " + scheme + ` "$@"` + "\n"
	if next.path == "" {
		return text + "exit 1\n"
	}
	text += "command -v gio >/dev/null && exec gio launch " + quoteShell(next.path) + ` "$@"` + "\n"
	const link = "\x00"
	if argv, err := next.command(link); err == nil && argv[len(argv)-1] == link {
		text += "exec"
		for _, arg := range argv[:len(argv)-1] {
			text += " " + quoteShell(arg)
		}
		return text + ` "$@"` + "\n"
	}
	return text + "exit 1\n"
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func isOurScript(text []byte) bool { return strings.Contains(string(text), "\n"+scriptMark+"\n") }

func (k keyfile) remembers(key string) bool {
	at, _ := k.find(entryGroup, key)
	return at >= 0
}

func (i Interception) edits(c *claim, program string) ([]edit, error) {
	if err := checkProgram(program); err != nil {
		return nil, cannotOpenLinks(program, err)
	}
	// Who has them now, not who is remembered: the person may have another IDE
	// since.
	next := c.nextOf(nil, mimeType(i.scheme))
	c.next = next.id
	script := &c.more[0]
	script.text = []byte(interceptScript(i.scheme, program, next))
	return c.edits(interceptText(i.scheme, script.path, program, next))
}

func (i Interception) plan(program string) ([]Change, error) {
	c, err := i.claim()
	if err != nil {
		return nil, err
	}
	edits, err := i.edits(&c, program)
	return changesOf(edits), err
}

func (i Interception) enable(ctx context.Context, program string) ([]Change, error) {
	c, err := i.claim()
	if err != nil {
		return nil, err
	}
	edits, err := i.edits(&c, program)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	return c.install(ctx, edits)
}

func (i Interception) disable(ctx context.Context) ([]Change, error) {
	c, err := i.claim()
	if err != nil {
		return nil, err
	}
	if r, err := loadRecord(i.state); err != nil {
		return nil, err
	} else if b := r.file(c.mimeapps()); b != nil {
		if at := slices.IndexFunc(b.Defaults, c.preference().about); at >= 0 && len(b.Defaults[at].IDs) > 1 {
			c.next = b.Defaults[at].IDs[1]
		}
	}
	return c.uninstall(ctx)
}

func intercepted(state string) ([]string, error) {
	f, err := xdgFolders()
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(f.cache())), interceptPrefix+"*.desktop"))
	if err != nil {
		return nil, err
	}
	var schemes []string
	for _, path := range found {
		scheme := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), interceptPrefix), ".desktop")
		if entry, err := readIfThere(path); err == nil && isManaged(entry) && validScheme(scheme) {
			schemes = append(schemes, scheme)
		}
	}
	r, err := loadRecord(state)
	if err != nil {
		return nil, err
	}
	if b := r.file(f.mimeapps()); b != nil {
		for _, p := range b.Defaults {
			scheme, ok := strings.CutPrefix(p.IDs[0], interceptPrefix)
			if scheme = strings.TrimSuffix(scheme, ".desktop"); ok && validScheme(scheme) {
				schemes = append(schemes, scheme)
			}
		}
	}
	slices.Sort(schemes)
	return slices.Compact(schemes), nil
}
