package extension

import "time"

// Member is a user with the organisation it belongs to, that organisation's current terms without their text, and who
// invited it last.
type Member struct {
	Organisation Organisation
	User         User
	Inviter      string
	Terms        Terms
}

// Invited is an invitation with all that decides what its link may do.
type Invited struct {
	Invitation InvitationID
	Revoked    bool
	Refused    bool
	Expires    time.Time // zero until its letter is first handed to the provider
	Area       string    // names of what the user has now; the letter may say others
	Role       string
	Member     Member
}

// Standing is what our rows want of one Kratos identity.
type Standing struct {
	Address      string
	Need         Need // the strongest of its users'
	Ours         bool // we have made it, so its state in Kratos is ours to keep
	LeftInactive bool // it was us who made it inactive
	Memberships  []Membership
	Asked        int64 // how often alignment had been asked for when this was read
}
