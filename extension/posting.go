package extension

import "time"

// Posting is one message to one user, as the person's page tells of it.
type Posting struct {
	Invitation InvitationID
	Batch      BatchID
	Kind       BatchKind
	By         string    // who pressed the button
	Pressed    time.Time // when
	Address    string    // where it went, or would have gone
	Facts      LetterFacts
	Refused    Refusal
	Detail     string    // why it was refused, cleaned
	Opened     time.Time // its link; perhaps by a mail scanner
	Started    time.Time // by its link
	Expires    time.Time // its link; zero until it is first handed to the provider
	Revoked    bool      // a newer one took its link's place
}

// State is how far the message has come.
func (p Posting) State() DeliveryState { return p.Facts.State(p.Refused) }
