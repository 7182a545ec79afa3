package api

import (
	"fmt"
	"strings"
)

// constraints collects what a request broke, in the words that AWS's services
// share: "Value 'x' at 'maxResults' failed to satisfy constraint: …".
type constraints []string

func (c *constraints) broken(member, value, rule string) {
	if value != "null" {
		value = "'" + value + "'"
	}
	*c = append(*c, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s", value, member, rule))
}

// err returns the ValidationException, or nil where nothing was broken.
func (c constraints) err() error {
	if len(c) == 0 {
		return nil
	}
	noun := "error"
	if len(c) > 1 {
		noun = "errors"
	}
	return validation("%d validation %s detected: %s", len(c), noun, strings.Join(c, "; "))
}

func (c *constraints) required(member, value string) bool {
	if value == "" {
		c.broken(member, "null", "not be null")
	}
	return value != ""
}

// domainID checks d-(-*[a-z0-9]){1,61}, at most 63 bytes.
func (c *constraints) domainID(member, value string) {
	rest, ok := strings.CutPrefix(value, "d-")
	if value != "" && (!ok || len(value) > 63 || !isName("a"+rest, false)) {
		c.broken(member, value, `satisfy regular expression pattern: d-(-*[a-z0-9]){1,61}`)
	}
}

// name checks [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}, at most 63 bytes.
func (c *constraints) name(member, value string) {
	if value != "" && (len(value) > 63 || !isName(value, true)) {
		c.broken(member, value, `satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`)
	}
}

func (c *constraints) enum(member, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	if value != "" {
		c.broken(member, value, "satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

func (c *constraints) maxResults(value *int) {
	switch {
	case value == nil:
	case *value > 100:
		c.broken("maxResults", fmt.Sprint(*value), "have value less than or equal to 100")
	case *value < 1:
		c.broken("maxResults", fmt.Sprint(*value), "have value greater than or equal to 1")
	}
}

// isName reports whether s is letters, digits and hyphens, with neither end a
// hyphen.
func isName(s string, capitals bool) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, b := range []byte(s) {
		switch {
		case b == '-', b >= 'a' && b <= 'z', b >= '0' && b <= '9':
		case capitals && b >= 'A' && b <= 'Z':
		default:
			return false
		}
	}
	return true
}
