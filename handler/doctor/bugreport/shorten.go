package bugreport

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Tail returns the last lines of a text, at most limit bytes of whole lines,
// and says so where something was left out.
func Tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := text[len(text)-limit:]
	// A line that is cut could be one whose beginning says what to take out.
	if at := strings.IndexByte(cut, '\n'); at >= 0 {
		cut = cut[at+1:]
	} else {
		cut = ""
	}
	return "(what came before was left out)\n" + cut
}

// form compiles a pattern when it is first needed: every ssh starts a process
// of ours, and none of those makes a report.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// plainValue is a setting's value that tells nothing about the user: one of a
// few words of ours, a time, or the name of an IDE.
var plainValue = form(`^(?:true|false|"(?:debug|info|warn|error|off|[0-9hms]{2,12}|code|code-insiders|codium|cursor|windsurf|kiro|positron)")$`)

// Settings returns a settings.toml, line for line, with its keys and without
// those values that say something about the user. Comments and lines that are
// no setting are not shown; the numbers of the lines stay.
func Settings(text string, known ...string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSpace(line)
		key, value, isSetting := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			b.WriteString("# (a comment)")
		case !isSetting:
			b.WriteString("(a line that is not shown)")
		case !slices.Contains(known, key):
			b.WriteString("(an unknown key) = ***")
		case plainValue().MatchString(value):
			b.WriteString(key + " = " + value)
		default:
			b.WriteString(key + " = ***")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// telling are the environment variables that are listed: a prefix ends in "_".
var telling = []string{
	"AWS_", "SPACEHATCH_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "LANG", "LC_ALL",
}

// harmless are the variables whose value is shown, with the form that it must
// have.
var harmless = map[string]func() *regexp.Regexp{
	"AWS_REGION":                          regionForm,
	"AWS_DEFAULT_REGION":                  regionForm,
	"AWS_EC2_METADATA_DISABLED":           boolForm,
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": boolForm,
	"AWS_USE_FIPS_ENDPOINT":               boolForm,
	"AWS_USE_DUALSTACK_ENDPOINT":          boolForm,
	"AWS_MAX_ATTEMPTS":                    form(`^\d{1,3}$`),
	"AWS_RETRY_MODE":                      form(`^(?:legacy|standard|adaptive)$`),
	"AWS_STS_REGIONAL_ENDPOINTS":          form(`^(?:legacy|regional)$`),
	"SPACEHATCH_LOG":                      form(`^(?:debug|info|warn|error)$`),
	"SPACEHATCH_EDITOR":                   form(`^(?:code|code-insiders|codium|cursor|windsurf|kiro|positron)$`),
}

var (
	regionForm = form(`^[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-\d{1,2}$`)
	boolForm   = form(`^(?i:true|false|0|1)$`)
)

// nameForm is the form of a variable's name that is shown.
var nameForm = form(`^[A-Z][A-Z_0-9]{0,63}$`)

// Environment lists the variables of an environment ("NAME=value" each, as
// [os.Environ] gives it) that a connection reads, sorted. A value is shown only
// where it can tell nothing about the user.
func Environment(environ []string) string {
	var lines []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		upper := strings.ToUpper(name)
		if !nameForm().MatchString(upper) || !slices.ContainsFunc(telling, func(t string) bool {
			return upper == t || strings.HasSuffix(t, "_") && strings.HasPrefix(upper, t)
		}) {
			continue
		}
		shown := "(set, not shown)"
		if looks := harmless[upper]; value == "" {
			shown = "(empty)"
		} else if looks != nil && looks().MatchString(value) {
			shown = value
		}
		lines = append(lines, fmt.Sprintf("%s = %s\n", name, shown))
	}
	slices.SortFunc(lines, cmp.Compare)
	return strings.Join(lines, "")
}

// markers stand around our lines in the user's SSH config.
const (
	firstMarker = "# >>> spacehatch >>>"
	lastMarker  = "# <<< spacehatch <<<"
)

// SSHConfig returns of the user's SSH config our own lines with their place,
// and nothing of the user's.
func SSHConfig(text string) string {
	var b strings.Builder
	number, inside := 0, false
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		first, last := strings.HasPrefix(line, firstMarker), strings.HasPrefix(line, lastMarker)
		switch {
		case first:
			fmt.Fprintf(&b, "%4d  %s\n", number, firstMarker)
		case last:
			fmt.Fprintf(&b, "%4d  %s\n", number, lastMarker)
		case inside && strings.HasPrefix(line, "Include ") && strings.Contains(line, "spacehatch"):
			fmt.Fprintf(&b, "%4d  %s\n", number, line)
		case inside:
			fmt.Fprintf(&b, "%4d  (a line of the user's)\n", number)
		}
		inside = (inside || first) && !last
	}
	if b.Len() == 0 {
		b.WriteString("None of Spacehatch's lines is in it.\n")
	}
	fmt.Fprintf(&b, "(%d lines in all)\n", number)
	return b.String()
}
