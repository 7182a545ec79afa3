package handler

import "strings"

// partition is one of AWS's separate worlds.
type partition struct {
	id     string // as in ARNs
	suffix string // of its host names
	// A region's name is a prefix, a direction and a number, joined by "-".
	prefixes []string
}

// partitions returns what the endpoint metadata of AWS's SDKs knows
// (partitions.json of aws-sdk-go-v2 1.47: ids, dnsSuffix, regionRegex). Not
// taken: suffixes of dual-stack hosts, which no stream URL is documented to
// use, and the pseudo regions (aws-global …), where no space can be.
func partitions() []partition {
	return []partition{
		{"aws", "amazonaws.com", []string{"us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"}},
		{"aws-cn", "amazonaws.com.cn", []string{"cn"}},
		{"aws-us-gov", "amazonaws.com", []string{"us-gov"}},
		{"aws-iso", "c2s.ic.gov", []string{"us-iso"}},
		{"aws-iso-b", "sc2s.sgov.gov", []string{"us-isob"}},
		{"aws-iso-e", "cloud.adc-e.uk", []string{"eu-isoe"}},
		{"aws-iso-f", "csp.hci.ic.gov", []string{"us-isof"}},
		{"aws-eusc", "amazonaws.eu", []string{"eusc-de"}},
	}
}

// partitionOf returns the partition of a region, nil where there is none. A
// region that did not exist when this was written is recognised by its form.
func partitionOf(region string) *partition {
	for _, p := range partitions() {
		for _, prefix := range p.prefixes {
			rest, ok := strings.CutPrefix(region, prefix+"-")
			direction, number, two := strings.Cut(rest, "-")
			if ok && two && direction != "" && len(direction) <= 20 && only(direction, "", lower) &&
				number != "" && len(number) <= 2 && only(number, "", digit) {
				return &p
			}
		}
	}
	return nil
}

// Partition returns the id of the partition that a region belongs to, such as
// "aws"; ok is false where it is no region.
func Partition(region string) (id string, ok bool) {
	p := partitionOf(region)
	if p == nil {
		return "", false
	}
	return p.id, true
}

// streamHostRegion tells partition and region of a Session Manager host,
// ssmmessages[-fips].<region>.<suffix>; ok is false for any other host.
// PrivateLink hosts are others: they are allowed by name only.
func streamHostRegion(host string) (id, region string, ok bool) {
	service, rest, _ := strings.Cut(host, ".")
	region, suffix, _ := strings.Cut(rest, ".")
	p := partitionOf(region)
	if p == nil || suffix != p.suffix || service != "ssmmessages" && service != "ssmmessages-fips" {
		return "", "", false
	}
	return p.id, region, true
}

// accountID reports whether s is an AWS account id, 12 digits.
func accountID(s string) bool { return len(s) == 12 && only(s, "", digit) }

// A byteRange is a range of ASCII letters.
type byteRange [2]byte

var (
	lower = byteRange{'a', 'z'}
	upper = byteRange{'A', 'Z'}
	digit = byteRange{'0', '9'}
)

// only reports whether every byte of s is in one of the sets or in others.
func only(s, others string, sets ...byteRange) bool {
next:
	for i := range len(s) {
		for _, in := range sets {
			if in[0] <= s[i] && s[i] <= in[1] {
				continue next
			}
		}
		if strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

// wellFormed reports whether s has 1 to longest bytes of the sets and of inner,
// those of inner neither first nor last.
func wellFormed(s string, longest int, inner string, sets ...byteRange) bool {
	return s != "" && len(s) <= longest && only(s, inner, sets...) &&
		only(s[:1], "", sets...) && only(s[len(s)-1:], "", sets...)
}
