package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// SetSecurity changes the TwoFactor, Ways, Language and Region of the actor's organisation to those of wanted, with the
// actor's audit; the other fields of wanted are not looked at. Settings that stay as they are write nothing.
func (db *DB) SetSecurity(ctx context.Context, actor extension.Actor, wanted extension.Organisation, now time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		held, err := organisationByID(ctx, tx, actor.Organisation, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		before, after := securityText(held), securityText(wanted)
		if before == after {
			return nil
		}
		_, err = tx.NewRaw(`UPDATE organisations SET two_factor = ?, two_factor_ways = ?::text[], language = ?, region = ? WHERE id = ?`,
			string(wanted.TwoFactor), array(wanted.Ways), wanted.Language, wanted.Region, actor.Organisation).Exec(ctx)
		if err != nil {
			return err
		}
		entry := by(actor, extension.ActionSecurityChanged, now)
		entry.Detail = before + " → " + after
		return audit(ctx, tx, entry)
	})
}

// securityText tells the settings in one line. The ways come in one order, whatever theirs is.
func securityText(o extension.Organisation) string {
	ways := texts(o.Ways)
	slices.Sort(ways)
	region := "no region"
	if o.Region != "" {
		region = "region " + o.Region
	}
	return "two-factor " + string(o.TwoFactor) + " by " + strings.Join(slices.Compact(ways), ", ") + ", language " + o.Language + ", " + region
}

// Unsecured counts the Active users of an organisation who have proven none of these factors, nor a security key: they
// would be asked to set one up at their next entry.
func (db *DB) Unsecured(ctx context.Context, organisation extension.OrganisationID, ways []extension.Factor) (int, error) {
	var n int
	err := db.bun.NewRaw(`
		SELECT count(*) FROM users u
		 WHERE u.organisation_id = ? AND u.activated_at IS NOT NULL AND u.paused_at IS NULL
		   AND NOT EXISTS (SELECT 1 FROM factors f WHERE f.identity_id = u.identity_id AND f.kind = ANY (?::text[]))`,
		organisation, array(append([]extension.Factor{extension.FactorWebAuthn}, ways...))).Scan(ctx, &n)
	return n, kind(err)
}
