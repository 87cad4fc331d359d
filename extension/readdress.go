package extension

// Readdress is one correction of a user's address, as it is written down in one transaction.
type Readdress struct {
	Batch   Batch // the resend batch that invites the new address
	User    UserID
	Address string // as mail is sent to it
	Key     string // the normalised address
}

// TakenError says that the organisation has an address already.
type TakenError struct {
	User      UserID // who has it; empty when the actor may not see them
	Withdrawn bool   // an invitation to it was cancelled before it was sent
}

// Error names nobody.
func (e *TakenError) Error() string { return "the organisation has this address already" }

// Is makes it an ErrConflict.
func (e *TakenError) Is(target error) bool { return target == ErrConflict }
