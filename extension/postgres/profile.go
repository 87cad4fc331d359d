package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// RecordProfile keeps the names and the mobile that an identity has in Kratos, for the user whom it was made for and for
// those who have taken an invitation on: an organisation that has merely invited somebody learns nothing of the account
// that they have. Codes that once went to a number or an address that the
// identity no longer has prove nothing, so such factors go, with their proofs and an audit row.
func (db *DB) RecordProfile(ctx context.Context, identity extension.Identity) error {
	traits := identity.Traits
	var rows []factorRow
	err := db.bun.NewRaw(`
		WITH kept AS (
			UPDATE users SET first_name = ?, last_name = ?, mobile = ?
			 WHERE identity_id = ? AND (first_name, last_name, mobile) IS DISTINCT FROM (?, ?, ?)
			   AND (id = ? OR registered_at IS NOT NULL OR started_at IS NOT NULL))
		SELECT kind, address, proven_at FROM factors WHERE identity_id = ? AND kind IN ('sms', 'email')`,
		traits.FirstName, traits.LastName, traits.Mobile, identity.ID, traits.FirstName, traits.LastName, traits.Mobile, nullID(identity.Mark), identity.ID).Scan(ctx, &rows)
	if err != nil || len(outdated(provenOf(rows), traits)) == 0 {
		return kind(err)
	}
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := holdIdentity(ctx, tx, identity.ID); err != nil {
			return err
		}
		proven, err := factorsOf(ctx, tx, identity.ID) // again: somebody may have proven the new number meanwhile
		if err != nil {
			return err
		}
		return dropFactors(ctx, tx, identity.ID, outdated(proven, traits), time.Time{})
	})
}

// outdated lists the factors whose codes went elsewhere than to what the identity has now.
func outdated(proven []extension.ProvenFactor, traits extension.Traits) []extension.Factor {
	var kinds []extension.Factor
	for _, f := range proven {
		switch f.Kind {
		case extension.FactorSMS:
			if !sameAddress(f.Kind, f.Address, traits.Mobile) {
				kinds = append(kinds, f.Kind)
			}
		case extension.FactorEmail:
			if f.Address != "" && traits.Email != "" && !sameAddress(f.Kind, f.Address, traits.Email) {
				kinds = append(kinds, f.Kind)
			}
		case extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery:
		}
	}
	return kinds
}

// sameAddress tells whether codes of a kind go to the same place, however it is spelled: Kratos lower-cases addresses, and
// a number can have been typed with spaces on pages that are not ours.
func sameAddress(kind extension.Factor, a, b string) bool {
	switch kind {
	case extension.FactorSMS:
		return digits(a) == digits(b)
	case extension.FactorEmail:
		return strings.EqualFold(a, b)
	case extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery:
	}
	return true
}

func digits(number string) string {
	return string(slices.DeleteFunc([]rune(number), func(r rune) bool { return r < '0' || r > '9' }))
}
