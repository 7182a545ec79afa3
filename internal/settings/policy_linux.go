package settings

// policyPath is root's to write, like everything there.
const policyPath = "/etc/spacehatch/policy.toml"

// SystemPolicy reads what an administrator has decided for this machine.
func SystemPolicy() (Policy, error) { return PolicyFile(policyPath) }
