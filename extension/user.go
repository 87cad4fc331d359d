package extension

import (
	"strings"
	"time"
)

// User is one address in one organisation, from invitation to deactivation. An address in two organisations is two
// users and one Kratos identity.
type User struct {
	ID           UserID
	Organisation OrganisationID
	Address      string // as mail is sent to it: domain in A-labels (RFC 5890), see recognise
	FirstName    string
	LastName     string
	Mobile       string       // E.164, as the invitee gave it to Kratos
	Identity     IdentityID   // empty until provisioned
	Invitation   InvitationID // the newest one
	Refused      Refusal      // why the newest invitation was not sent; empty when it was, or still will be
	Letter       LetterFacts  // of the newest message: the newest invitation's, or a reminder's of it
	NotMailed    Refusal      // why the newest message was not sent; empty when it was, or still will be
	Suppressed   Suppression  // empty unless an earlier message bounced or was complained about
	Factors      []Factor     // the second factors that the user has proven, for all organisations alike; told to none before they have begun there
	Elsewhere    bool         // the person has begun in another organisation too; told of an entry alone
	Declined     time.Time    // of the current terms; zero once they were accepted
	Stumble      Stumble      // the last mistake on the way in; zero when there was none
	Facts        Facts
	Assignments  []Assignment
}

// Name is what the user is called on pages and in letters: the name once given, until then the address. Nobody is called
// OperatorName.
func (u User) Name() string {
	name := strings.TrimSpace(strings.TrimSpace(u.FirstName) + " " + strings.TrimSpace(u.LastName))
	if name == "" || operatorsName(name) {
		return u.Address
	}
	return name
}

// operatorsName tells whether a name is what the operator is called. It is no person's, wherever they have it from: an account
// may bring names along that no form of ours has seen.
func operatorsName(name string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(name), " "), OperatorName)
}

// Detailed tells whether the user has given everything that registration asks for beside the password.
func (u User) Detailed() bool { return u.FirstName != "" && u.LastName != "" && u.Mobile != "" }

// Initials are shown in the menu at the top right: of the first and last name, or the first letter of the address.
func (u User) Initials() string {
	var initials strings.Builder
	for _, part := range []string{u.FirstName, u.LastName} {
		for _, r := range strings.TrimSpace(part) {
			initials.WriteRune(r)
			break
		}
	}
	if initials.Len() == 0 {
		for _, r := range u.Address {
			initials.WriteRune(r)
			break
		}
	}
	return strings.ToUpper(initials.String())
}
