package session

import (
	"strings"
)

// Instance is a machine that Systems Manager reaches: an EC2 instance (i-…) or
// one elsewhere (mi-…). It has no link; a person names it.
const Instance Kind = "instance"

// instanceID is the form of such ids: eight digits on the oldest EC2
// instances, seventeen since 2016 and on all others.
var instanceID = lazily(`^(i-[0-9a-f]{8}|m?i-[0-9a-f]{17})$`)

// InstanceUser is who logs in to an instance where nobody said otherwise: the
// user of Amazon Linux.
const InstanceUser = "ec2-user"

// InstanceID returns the id of the machine that name is, in any case, with or
// without ".hatch"; ok is false where it is the name of something else.
func InstanceID(name string) (id string, ok bool) {
	id = strings.TrimSuffix(strings.ToLower(name), aliasSuffix)
	return id, instanceID().MatchString(id)
}

// userName is a user on a Linux machine, as useradd takes it; a domain's users
// have a backslash or an at sign in between.
var userName = lazily(`^[a-zA-Z_][a-zA-Z0-9_.@\\-]{0,63}$`)

// ValidUser reports whether name may log in: it stands in an SSH config.
func ValidUser(name string) bool { return userName().MatchString(name) }

// NewInstance returns what is known of the machine with this id, in a region
// of a partition. Its ARN leaves open what the id alone does not tell, as a
// pattern of IAM does: ids are unique, and a machine stays the same when its
// region is learned later.
func NewInstance(id, partition, region string) Space {
	return Space{Kind: Instance, ARN: instanceARN(id, "aws", "*"), Partition: partition, Region: region, Name: id}
}

// instanceARN is the ARN of a machine in whatever account.
func instanceARN(id, partition, region string) string {
	if strings.HasPrefix(id, "mi-") {
		return "arn:" + partition + ":ssm:" + region + ":*:managed-instance/" + id
	}
	return "arn:" + partition + ":ec2:" + region + ":*:instance/" + id
}

// HomeFolder is the folder of a user on a Linux machine.
func HomeFolder(user string) string {
	if user == "root" {
		return "/root"
	}
	return "/home/" + user
}
