package session

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

const (
	aliasSuffix = ".hatch"
	// maxAlias keeps room in socket paths (104 bytes on macOS) and in DNS-like
	// labels (63 bytes).
	maxAlias = 64
	// maxQualifier is the room that the domain takes at most beside the name.
	maxQualifier = 24
)

var aliasPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)?\.hatch$`)

// validAlias reports whether alias could have been made by aliasFor. Only such
// text may become part of a file name or an SSH config.
func validAlias(alias string) bool {
	return len(alias) <= maxAlias && aliasPattern.MatchString(alias)
}

// aliasFor returns the alias that space has in known, by its ARN, or the one
// it would get: "<space>.hatch", where that is taken "<space>.<domain>.hatch",
// where that is taken too a part of the ARN's hash. The result is at most
// maxAlias bytes of [a-z0-9.-].
func aliasFor(space Space, known []Space) string {
	taken := make(map[string]bool, len(known))
	for _, k := range known {
		if k.ARN == space.ARN {
			return k.Alias
		}
		taken[k.Alias] = true
	}
	name := hostLabel(space.Name)
	if name == "" {
		name = "space"
	}
	qualifier := hostLabel(qualifierOf(space))

	candidates := []string{joinAlias(name, "", "")}
	if _, machine := InstanceID(name); machine && space.Kind != Instance {
		// The bare name is the machine's, known or not.
		candidates = nil
	}
	if qualifier != "" {
		candidates = append(candidates, joinAlias(name, qualifier, ""))
	}
	sum := sha256.Sum256([]byte(space.ARN))
	hash := hex.EncodeToString(sum[:])
	for _, digits := range []int{6, 12, 24} {
		candidates = append(candidates, joinAlias(name, qualifier, hash[:digits]))
	}
	free := slices.IndexFunc(candidates, func(c string) bool { return !taken[c] })
	if free < 0 {
		// 24 digits are 96 bits of SHA-256: nobody gets here by chance.
		free = len(candidates) - 1
	}
	return candidates[free]
}

// qualifierOf tells two spaces of one name apart. HyperPod has no domains;
// there the Kubernetes namespace does it.
func qualifierOf(space Space) string {
	if space.Domain != "" {
		return space.Domain
	}
	if parts := strings.Split(space.ARN, "/"); space.Kind == HyperPod && len(parts) > 1 {
		return parts[len(parts)-2]
	}
	return ""
}

// joinAlias puts the parts together and cuts the name, then the qualifier,
// where there is no room; hash is never cut.
func joinAlias(name, qualifier, hash string) string {
	tail := aliasSuffix
	if hash != "" {
		tail = "-" + hash + tail
	}
	if qualifier != "" {
		tail = "." + cut(qualifier, maxQualifier) + tail
	}
	return cut(name, maxAlias-len(tail)) + tail
}

// cut shortens a host label and leaves no hyphen at its end.
func cut(label string, limit int) string {
	if len(label) > limit {
		label = strings.TrimRight(label[:limit], "-")
	}
	return label
}

// hostLabel writes name in [a-z0-9-], without a hyphen at either end or two in
// a row, and keeps clear of the names that Windows reserves for devices even
// where a suffix follows: aliases become file names.
func hostLabel(name string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
	}
	label := strings.TrimRight(out.String(), "-")
	if windowsDevice.MatchString(label) {
		return "space-" + label
	}
	return label
}

var windowsDevice = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)
