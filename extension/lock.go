package extension

// IdentityLock is the name under which everything that changes an identity's state in Kratos excludes everything else,
// on any replica: Start and alignment.
func IdentityLock(id IdentityID) string { return "identity:" + string(id) }

// RecoveryLock is the name under which the recovery codes of an identity are shown to Kratos one at a time. It is not the
// identity's own, which the hook takes that Kratos asks meanwhile.
func RecoveryLock(id IdentityID) string { return "recovery:" + string(id) }
