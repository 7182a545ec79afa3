package session

import (
	"errors"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func studio(account, domain, name string) Space {
	return Space{Kind: SageMaker, ARN: "arn:aws:sagemaker:us-east-1:" + account + ":space/" + domain + "/" + name,
		Partition: "aws", Region: "us-east-1", Account: account, Domain: domain, Name: name}
}

func TestAliases(t *testing.T) {
	long := strings.Repeat("x", 57) + "-tail"
	steps := []struct {
		space Space
		want  string
	}{
		{studio("111122223333", "d-abc", "my-space"), "my-space.hatch"},
		{studio("111122223333", "d-xyz", "my-space"), "my-space.d-xyz.hatch"},
		{studio("444455556666", "d-xyz", "my-space"), "my-space.d-xyz-05ea80.hatch"},
		{studio("111122223333", "d-abc", "my-space"), "my-space.hatch"},
		{studio("111122223333", "d-abc", "MySpace"), "myspace.hatch"},
		{studio("111122223333", "d-abc", "myspace"), "myspace.d-abc.hatch"},
		{studio("111122223333", "d-abc", "con"), "space-con.hatch"},
		{studio("111122223333", "d-abc", long), strings.Repeat("x", 57) + ".hatch"},
		{studio("111122223333", "d-abc", long+"2"), strings.Repeat("x", 52) + ".d-abc.hatch"},
		{Space{ARN: "a", Name: "../../Ärger_.hatch"}, "rger-hatch.hatch"},
		{Space{ARN: "b", Name: "日本"}, "space.hatch"},
		{Space{ARN: "c", Name: "日本"}, "space-2e7d2c.hatch"},
		{Space{ARN: "arn:aws:eks:us-east-2:111122223333:cluster/c1/team-a/ws1", Kind: HyperPod, Name: "ws1"}, "ws1.hatch"},
		{Space{ARN: "arn:aws:eks:us-east-2:111122223333:cluster/c1/team-b/ws1", Kind: HyperPod, Name: "ws1"}, "ws1.team-b.hatch"},
		{Space{ARN: "hyperpod:us-east-2/team-c/ws1", Kind: HyperPod, Name: "ws1"}, "ws1.team-c.hatch"},
	}
	var known []Space
	for _, step := range steps {
		space := step.space
		space.Alias = aliasFor(space, known)
		if space.Alias != step.want {
			t.Errorf("%s gets %s, want %s", space.ARN, space.Alias, step.want)
		}
		known = append(known, space)
	}
}

func FuzzAlias(f *testing.F) {
	f.Add("my-space", "d-abc", "arn")
	f.Add(strings.Repeat("a-", 200), strings.Repeat("-Q", 100), "arn:2")
	f.Add("", "..", "\x00")
	f.Fuzz(func(t *testing.T, name, domain, arn string) {
		var known []Space
		for _, suffix := range []string{"", "1", "2", "3", "4"} {
			space := Space{Name: name, Domain: domain, ARN: arn + suffix}
			space.Alias = aliasFor(space, known)
			if !validAlias(space.Alias) {
				t.Fatalf("%q is no alias", space.Alias)
			}
			for _, k := range known {
				if k.Alias == space.Alias {
					t.Fatalf("%q is given twice", space.Alias)
				}
			}
			known = append(known, space)
		}
	})
}

func TestParseARN(t *testing.T) {
	for arn, want := range map[string]Space{
		"arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:space/d-abc/My-Space": {Kind: SageMaker,
			Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "111122223333", Domain: "d-abc", Name: "My-Space"},
		"arn:aws:eks:us-east-2:111122223333:cluster/c1/default/ws1": {Kind: HyperPod,
			Partition: "aws", Region: "us-east-2", Account: "111122223333", Name: "ws1"},
	} {
		want.ARN = arn
		if got, err := ParseARN(arn); err != nil || got != want {
			t.Errorf("ParseARN(%s) = %+v, %v", arn, got, err)
		}
	}
	for _, arn := range []string{
		"", "my-space", "-oProxyCommand=x", "arn:aws:sagemaker:us-east-1:1:space/d/s",
		"arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my-space\n",
		"arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/../x",
		"arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my space",
		"arn:aws.evil.example/:sagemaker:us-east-1:111122223333:space/d-abc/x",
		"arn:aws:sagemaker:us.evil.example/:111122223333:space/d-abc/x",
		"arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/" + strings.Repeat("x", 600),
	} {
		if _, err := ParseARN(arn); !errors.Is(err, &problem.Problem{Code: problem.Rejected}) {
			t.Errorf("ParseARN(%q) = %v", arn, err)
		}
	}
	_, err := ParseARN("arn:\x1b[2J\u202eevil")
	golden(t, "problems/arn-malformed", told(t, err))
}

// Names of instances are the instances', whether they are known or not: a link
// to a space of that name must not stand in their place.
func TestInstancesKeepTheirNames(t *testing.T) {
	const id = "i-0123456789abcdef0"
	space := Space{Kind: SageMaker, Name: id, Domain: "d-abc", ARN: "arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/" + id}
	if got := aliasFor(space, nil); got != id+".d-abc.hatch" {
		t.Errorf("the space is %s", got)
	}
	space.Kind, space.Domain, space.ARN = HyperPod, "", "arn:aws:eks:us-east-1:111122223333:cluster/c/"+id+"/"+id
	if got := aliasFor(space, nil); got == id+".hatch" {
		t.Errorf("the workspace is %s", got)
	}
	if got := aliasFor(NewInstance(id, "aws", "us-east-1"), nil); got != id+".hatch" {
		t.Errorf("the instance is %s", got)
	}
	if got := aliasFor(Space{Kind: SageMaker, Name: "i-am-a-space", ARN: "x"}, nil); got != "i-am-a-space.hatch" {
		t.Errorf("another space is %s", got)
	}
}
