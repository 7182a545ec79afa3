package sshconfig

import (
	"strings"
	"testing"
)

// Machines get the user's keys and a login of their own, known or not. A space
// that is named like one stays a space.
func TestMachines(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.Machines = Machines{Patterns: []string{"i-????????.hatch", "i-?????????????????.hatch", "mi-?????????????????.hatch"}, User: "ec2-user"}
	const like = "i-ab.d-abcdefghijkl.hatch" // seventeen characters in between
	s.Hosts = append(s.Hosts, Host{Alias: "i-0123456789abcdef0.hatch", User: "ubuntu"}, Host{Alias: like})
	apply(t, s)
	for alias, want := range map[string][2]string{
		"i-0123456789abcdef0.hatch":  {"ubuntu", "true"},
		"i-01234567.hatch":           {"ec2-user", "true"},
		"mi-0123456789abcdef0.hatch": {"ec2-user", "true"},
		like:                         {"sagemaker-user", "false"},
		"my-space.hatch":             {"sagemaker-user", "false"},
		"i-0123.hatch":               {"sagemaker-user", "false"},
	} {
		got := effectiveFor(t, place(s.SSHDir).userConfig(), alias)
		if user, keys := got["user"][0], got["pubkeyauthentication"][0]; user != want[0] || keys != want[1] {
			t.Errorf("%s: user %s, keys %s", alias, user, keys)
		}
		if machine := want[1] == "true"; (got["identitiesonly"][0] == "no") != machine || got["forwardagent"][0] != "no" || got["passwordauthentication"][0] != "no" {
			t.Errorf("%s: %v %v %v", alias, got["identitiesonly"], got["forwardagent"], got["passwordauthentication"])
		}
	}
}

func TestUsersThatMayNotStandInAConfig(t *testing.T) {
	for user, want := range map[string]bool{
		"ubuntu": true, `CORP\alice`: true, "alice@corp": true,
		"-l": false, "a b": false, "a\nHost *": false, `a"`: false, "a%h": false, "a#": false, "é": false,
	} {
		s := home(t)
		s.Hosts = []Host{{Alias: "i-01234567.hatch", User: user}}
		if _, err := s.normal(); (err == nil) != want {
			t.Errorf("%q: %v", user, err)
		}
	}
}

// TestEachSortOfHostIsVerified: machines, and spaces that are named like one,
// have options that no other host has.
func TestEachSortOfHostIsVerified(t *testing.T) {
	s := Settings{Machines: Machines{Patterns: []string{"i-????????.hatch"}, User: "ec2-user"}, Hosts: []Host{
		{Alias: "a.hatch"}, {Alias: "b.hatch"}, {Alias: "c.hatch", Keys: true}, {Alias: "d.hatch", ForwardAgent: true},
		{Alias: "i-01234567.hatch", User: "ubuntu"}, {Alias: "i-12345678.hatch", User: "admin"}, {Alias: "i-abcdefgh.hatch"},
	}}
	var got []string
	for _, h := range s.examples() {
		got = append(got, h.Alias)
	}
	if want := "a.hatch c.hatch d.hatch i-01234567.hatch i-abcdefgh.hatch"; strings.Join(got, " ") != want {
		t.Errorf("verified are %q, want %s", got, want)
	}
}
