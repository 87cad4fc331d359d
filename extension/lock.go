package extension

// IdentityLock is the name under which everything that changes an identity's state in Kratos excludes everything else,
// on any replica: Start and alignment.
func IdentityLock(id IdentityID) string { return "identity:" + string(id) }
