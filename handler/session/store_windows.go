package session

import "io/fs"

// ownedAlone trusts %LocalAppData%, whose access list Windows keeps to the
// user.
func ownedAlone(fs.FileInfo, fs.FileMode) error { return nil }
