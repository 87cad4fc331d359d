package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paperplane/extension"
)

// Change is what an identity is about to save, before Kratos writes it.
type Change struct {
	Method   extension.SettingsMethod
	Identity extension.IdentityID
	Before   extension.Traits
	After    extension.Traits
	Session  extension.SessionID // empty when Kratos did not tell (v1.3.1)
	Cookie   string              // Kratos' session cookie value, only when Session is empty; never logged
	// Malformed says that the traits could not be read, as those of another schema may be: then only identities that
	// have no user here get a judgement.
	Malformed error
}

// Objection is why a change is refused, at the trait it is about ("" for the change as a whole).
type Objection struct {
	Trait    string // JSON pointer below /traits, such as email or terms/version
	ID       int64  // our own message id, outside of Kratos' ranges
	Sentence string
}

// The ids of our objections. They are a promise to organisations that word them on pages of their own.
const (
	ObjectionEmail = extension.FirstObjection + iota
	ObjectionPaused
	ObjectionTerms
	ObjectionFactor
	ObjectionName
	ObjectionCodes
	ObjectionCodeUsed
	ObjectionPastPages
)

// Guard judges a change. nil lets it through; so it does for identities that have no user here, or none that the account was
// made for or that has begun. An error means that no judgement was possible, and Kratos refuses the save.
func (g *Gate) Guard(ctx context.Context, change Change) (*Objection, error) {
	return twice(func() (*Objection, error) { return g.guard(ctx, change) })
}

// twice judges again where a factor seems not to have been shown: one that was taken away between two questions takes its
// proofs along, and nobody can show it any more.
func twice(judge func() (*Objection, error)) (*Objection, error) {
	objection, err := judge()
	if err != nil || objection == nil || objection.ID != ObjectionFactor {
		return objection, err
	}
	return judge()
}

func (g *Gate) guard(ctx context.Context, change Change) (*Objection, error) {
	members, err := g.bound(ctx, change.Identity)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	if change.Malformed != nil {
		return nil, fmt.Errorf("judge change of identity %s: %w", change.Identity, change.Malformed)
	}
	if identifier(change.Before.Email) != identifier(change.After.Email) {
		return &Objection{Trait: "email", ID: ObjectionEmail, Sentence: "Your email address cannot be changed here."}, nil
	}
	if corrected(change.Before.Email, members) {
		return &Objection{ID: ObjectionEmail, Sentence: "This invitation was sent to another address meanwhile, so nothing can be saved here. Ask your administrator."}, nil
	}
	if allPaused(members) {
		return &Objection{ID: ObjectionPaused, Sentence: "Your access is paused, so nothing can be changed. Ask your administrator."}, nil
	}
	if objection := guardNames(change); objection != nil {
		return objection, nil
	}
	if objection, err := g.guardTerms(ctx, change); objection != nil || err != nil {
		return objection, err
	}
	return g.guardFactor(ctx, change, members)
}

// bound lists the users of an identity whose organisations have a say in its settings: those that have taken an invitation
// on with it, and while none has, the one that it was made for. An invitation that nobody has accepted binds no account of
// somebody's.
func (g *Gate) bound(ctx context.Context, id extension.IdentityID) ([]extension.Member, error) {
	members, err := g.store.Members(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find users of identity %s: %w", id, err)
	}
	if begun := slices.DeleteFunc(slices.Clone(members), func(m extension.Member) bool { return !m.User.Facts.Begun() }); len(begun) > 0 || len(members) == 0 {
		return begun, nil
	}
	identity, err := g.kratos.Identity(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find whom identity %s was made for: %w", id, err)
	}
	return slices.DeleteFunc(slices.Clone(members), func(m extension.Member) bool { return m.User.ID != identity.Mark }), nil
}

// guardNames holds names to the rules of our own form, wherever they are typed. It looks only at those that change.
func guardNames(change Change) *Objection {
	for _, name := range []struct{ trait, what, before, after string }{
		{"name/first", "first name", change.Before.FirstName, change.After.FirstName},
		{"name/last", "last name", change.Before.LastName, change.After.LastName},
	} {
		if name.before == name.after {
			continue
		}
		if sentence := extension.NameRefusal(name.after, name.what); sentence != "" {
			return &Objection{Trait: name.trait, ID: ObjectionName, Sentence: sentence}
		}
	}
	return nil
}

// guardTerms lets only a current version be accepted, by somebody who has given the details that registration asks for. It
// looks at the trait only when it differs, so that an old acceptance never stands in the way of another change; taking the
// claim away changes nothing of the evidence.
func (g *Gate) guardTerms(ctx context.Context, change Change) (*Objection, error) {
	version := change.After.Terms.Version
	if version == change.Before.Terms.Version || version == "" {
		return nil, nil
	}
	if change.After.FirstName == "" || change.After.LastName == "" || change.After.Mobile == "" {
		return &Objection{ID: ObjectionName, Sentence: "Enter your first name, last name and mobile number first, then accept the terms."}, nil
	}
	if id, err := extension.ParseID[extension.TermsID](string(version)); err == nil {
		current, err := g.store.CurrentTerms(ctx, change.Identity, id)
		if err != nil {
			return nil, fmt.Errorf("find current terms of identity %s: %w", change.Identity, err)
		}
		if current {
			return nil, nil
		}
	}
	return &Objection{
		Trait: "terms/version", ID: ObjectionTerms,
		Sentence: "These terms are not the current version. Load the page again and read the new ones.",
	}, nil
}

// identifier is what Kratos makes of an address. Unicode's case folding would be wider: it takes ſ for s, which is another
// mailbox.
func identifier(address string) string { return strings.ToLower(address) }

// corrected tells whether an administrator has corrected the address of somebody who had not registered, so that whoever
// holds the old mailbox, perhaps in the middle of the form, must not finish. Kratos gets the new address a moment later.
func corrected(email string, members []extension.Member) bool {
	for _, m := range members {
		if !m.User.Facts.Registered.IsZero() || identifier(m.User.Address) == identifier(email) {
			return false
		}
	}
	return true
}

func allPaused(members []extension.Member) bool {
	for _, m := range members {
		if m.User.Facts.Paused.IsZero() {
			return false
		}
	}
	return true
}
