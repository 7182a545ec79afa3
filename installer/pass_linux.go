package installer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

func (i Interception) pass(link string) error {
	c, err := i.claim()
	if err != nil {
		return cannotPass(i.scheme, "its folders are not known", "", err)
	}
	ours, _ := readIfThere(c.entryPath()) // without it, whose turn it is
	next := c.nextOf(ours, mimeType(i.scheme))
	if next.path == "" {
		return cannotPass(i.scheme, "no other program on this machine opens such links",
			"Install the IDE that they are for, or run `spacehatch intercept disable "+i.scheme+"`.", nil)
	}
	argv, err := next.command(link)
	if errors.Is(err, errUnusual) {
		argv, err = []string{"gio", "launch", next.path}, nil
		if link != "" {
			argv = append(argv, link)
		}
	}
	if err != nil {
		return cannotPass(i.scheme, "the entry "+next.id+" cannot be read", "Install "+next.name()+" again.", err)
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return cannotPass(i.scheme, fmt.Sprintf("%q is not there", argv[0]), "Install "+next.name()+" again.", err)
	}
	if dir := unescapeString(next.value("Path")); dir != "" && argv[0] != "gio" {
		_ = os.Chdir(dir) // one that is gone matters to nobody
	}
	err = syscall.Exec(program, argv, environmentFor(os.Environ(), next.path))
	return cannotPass(i.scheme, fmt.Sprintf("%q does not start", program), "Install "+next.name()+" again.", err)
}

// environmentFor is ours, with the entry that GIO tells about being the next
// program's.
func environmentFor(ours []string, path string) []string {
	const entry = "GIO_LAUNCHED_DESKTOP_FILE="
	env := make([]string, 0, len(ours))
	for _, v := range ours {
		if strings.HasPrefix(v, entry) {
			v = entry + path
		}
		env = append(env, v)
	}
	return env
}

// errUnusual: an entry that we do not start ourselves. GIO knows all of the
// specification and takes some twenty milliseconds; the entries of IDEs need
// little of it.
var errUnusual = errors.New("the entry is an unusual one")

// command returns what the entry starts for a link, without one where it is
// empty: the key Exec by the Desktop Entry Specification 1.5, as GIO reads it.
func (h handlerEntry) command(link string) ([]string, error) {
	if h.value("Terminal") == "true" || h.value("DBusActivatable") == "true" {
		return nil, errUnusual
	}
	line := unescapeString(h.value("Exec"))
	var (
		argv   []string
		word   strings.Builder
		inWord bool // also an empty one in quotes
		placed bool // the link has been
		quote  byte
	)
	end := func() {
		if inWord {
			argv = append(argv, word.String())
		}
		word.Reset()
		inWord = false
	}
	for at := 0; at < len(line); at++ {
		c := line[at]
		switch {
		case c == '%':
			if at++; at == len(line) {
				return nil, errUnusual
			}
			switch code := line[at]; {
			case code == '%':
				word.WriteByte('%')
				inWord = true
			case quote != 0 || code != 'u' && code != 'U' || placed:
				return nil, errUnusual
			default:
				placed = true
				word.WriteString(link)
				inWord = inWord || link != ""
			}
		case quote == '\'' && c != '\'' || quote == '"' && c != '"' && c != '\\':
			word.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case c == '\\':
			if at++; at == len(line) {
				return nil, errUnusual
			}
			if quote == '"' && !strings.ContainsRune("\"\\`$\n", rune(line[at])) {
				word.WriteByte('\\')
			}
			word.WriteByte(line[at])
			inWord = true
		case c == ' ' || c == '\t' || c == '\n':
			end()
		case c == '#' && !inWord:
			return nil, errUnusual
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	end()
	if quote != 0 || len(argv) == 0 || !placed {
		return nil, errUnusual
	}
	return argv, nil
}

// escapeGlob makes a path one that filepath.Glob takes literally.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
