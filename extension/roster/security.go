package roster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"paperplane/extension"
)

// Policy is the verb about what an organisation asks of everybody who enters it: the second factor (this file), the terms
// and conditions (terms.go) and what is known of one person's (factors.go). Only administrators may.
type Policy struct {
	store   PolicyStore
	holders Holders
	now     func() time.Time
}

// PolicyStore is what the verb asks of the database.
type PolicyStore interface {
	securing
	drafting
	publishing
	proving

	// Exclusive runs f while no other caller holds the same name, on any replica.
	Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error
}

// securing is what the verb asks of the database about the second factor.
type securing interface {
	Organisation(ctx context.Context, id extension.OrganisationID) (extension.Organisation, error)
	// SetSecurity changes the organisation's TwoFactor, Ways, Language and Region, with the actor's audit.
	SetSecurity(ctx context.Context, actor extension.Actor, wanted extension.Organisation, now time.Time) error
	// Unsecured counts the Active users of the organisation who have proven none of these factors, nor a security key.
	Unsecured(ctx context.Context, organisation extension.OrganisationID, ways []extension.Factor) (int, error)
}

// NewPolicy makes a Policy.
func NewPolicy(store PolicyStore, holders Holders, now func() time.Time) *Policy {
	return &Policy{store: store, holders: holders, now: now}
}

// Security is what an organisation's administrators decide about signing in, and in what language and country they think
// people are.
type Security struct {
	TwoFactor extension.TwoFactor
	Ways      []extension.Factor // in the order of extension.Ways
	Language  string             // BCP 47, of letters, and of pages until their reader chooses another
	Region    string             // ISO 3166-1 alpha-2: how a mobile number without + is read; empty means that + is needed
}

// SecurityOf is what holds for an organisation.
func SecurityOf(o extension.Organisation) Security {
	return Security{TwoFactor: o.TwoFactor, Ways: o.Ways, Language: o.Language, Region: o.Region}.ordered()
}

// ordered brings the ways into one order, each once, so that equal settings compare equal. What is no way stays, to be
// refused.
func (s Security) ordered() Security {
	var ways []extension.Factor
	for _, way := range append(extension.Ways(), s.Ways...) {
		if slices.Contains(s.Ways, way) && !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	s.Ways = ways
	return s
}

// Equal tells whether two settings say the same.
func (s Security) Equal(other Security) bool {
	return s.TwoFactor == other.TwoFactor && s.Language == other.Language && s.Region == other.Region &&
		slices.Equal(s.ordered().Ways, other.ordered().Ways)
}

// Asks tells whether another second factor is asked for than before: it is required now, or by other ways.
func (s Security) Asks(before Security) bool {
	return s.TwoFactor == extension.TwoFactorRequired &&
		(before.TwoFactor != s.TwoFactor || !slices.Equal(s.ordered().Ways, before.ordered().Ways))
}

// Check refuses settings that no organisation can have, all faults at once: the fields are two-factor, ways, language and
// region. What passes breaks no rule of the schema.
func (s Security) Check() error {
	var refused extension.InvalidError
	refuse := func(wrong bool, field, sentence string) {
		if wrong {
			refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
		}
	}
	refuse(s.TwoFactor != extension.TwoFactorOff && s.TwoFactor != extension.TwoFactorRequired, "two-factor",
		"Choose whether two-factor authentication is off or required.")
	refuse(len(s.Ways) == 0, "ways", "Allow at least one way, even while two-factor authentication is off.")
	unknown := func(way extension.Factor) bool { return !slices.Contains(extension.Ways(), way) }
	refuse(slices.ContainsFunc(s.Ways, unknown), "ways", "Choose among the authenticator app, text messages and email.")
	refuse(!extension.ValidLanguage(s.Language), "language", "Choose one of the languages.")
	region := regexp.MustCompile(`^([A-Z]{2})?$`)
	refuse(!region.MatchString(s.Region), "region",
		"The country is its two capital letters (ISO 3166-1), such as SE, DE or GB. Leave it empty to ask for the country code in every number.")
	if len(refused.Fields) > 0 {
		return &refused
	}
	return nil
}

// Affected counts the Active users who would be asked to set up a second factor at their next entry, because they have
// proven none that the settings allow; none when none is required.
func (p *Policy) Affected(ctx context.Context, actor extension.Actor, wanted Security) (int, error) {
	if !actor.Administrates() {
		return 0, fmt.Errorf("count users without a second factor: %w", extension.ErrForbidden)
	}
	if wanted.TwoFactor != extension.TwoFactorRequired {
		return 0, nil
	}
	affected, err := p.store.Unsecured(ctx, actor.Organisation, wanted.ordered().Ways)
	if err != nil {
		return 0, fmt.Errorf("count users without a second factor: %w", err)
	}
	return affected, nil
}

// ChangeSecurity changes the settings. seen is what the actor was shown: ErrConflict says that somebody else has changed
// them since. What is refused is an InvalidError with the fields of Security.Check.
func (p *Policy) ChangeSecurity(ctx context.Context, actor extension.Actor, seen, wanted Security) error {
	if !actor.Administrates() {
		return fmt.Errorf("change security: %w", extension.ErrForbidden)
	}
	wanted = wanted.ordered()
	if err := wanted.Check(); err != nil {
		return err
	}
	return p.store.Exclusive(ctx, "security "+string(actor.Organisation), func(ctx context.Context) error {
		organisation, err := p.store.Organisation(ctx, actor.Organisation)
		if err != nil {
			return fmt.Errorf("find organisation: %w", err)
		}
		held := SecurityOf(organisation)
		if held.Equal(wanted) {
			return nil
		}
		if !held.Equal(seen) {
			return fmt.Errorf("change security: %w", extension.ErrConflict)
		}
		organisation.TwoFactor, organisation.Ways = wanted.TwoFactor, wanted.Ways
		organisation.Language, organisation.Region = wanted.Language, wanted.Region
		if err := p.store.SetSecurity(ctx, actor, organisation, p.now()); err != nil {
			return fmt.Errorf("change security: %w", err)
		}
		return nil
	})
}
