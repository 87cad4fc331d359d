package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Establish writes a new organisation with its areas, roles and terms in one transaction; its batches are sent as the
// schema's defaults say. A slug that is taken is a conflict.
func (db *DB) Establish(ctx context.Context, actor extension.Actor, charter extension.Charter, now time.Time) error {
	o := charter.Organisation
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		statements := []*bun.RawQuery{tx.NewRaw(`
			INSERT INTO organisations (id, slug, name, two_factor, two_factor_ways, link_lifetime, language, region, reply_to, created_at)
			VALUES (?, ?, ?, ?, ?::text[], ?, ?, ?, ?, ?)`,
			o.ID, o.Slug, o.Name, string(o.TwoFactor), array(o.Ways), int64(o.LinkLifetime/time.Second), o.Language, o.Region, o.ReplyTo, now.UTC())}
		for _, a := range charter.Areas {
			statements = append(statements, tx.NewRaw(`INSERT INTO areas (id, organisation_id, name) VALUES (?, ?, ?)`, a.ID, o.ID, a.Name))
		}
		for _, r := range charter.Roles {
			statements = append(statements, tx.NewRaw(`INSERT INTO roles (id, organisation_id, name, grants) VALUES (?, ?, ?, ?)`,
				r.ID, o.ID, r.Name, string(r.Right)))
		}
		t := charter.Terms
		statements = append(statements, tx.NewRaw(`
			INSERT INTO terms (id, organisation_id, version, language, title, body, sha256, grace, published_at, published_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, o.ID, t.Version, t.Language, t.Title, t.Text, t.SHA256, int64(t.Grace/time.Second), now.UTC(), actor.Name))
		if err := execAll(ctx, statements); err != nil {
			return fmt.Errorf("establish organisation: %w", err)
		}
		founded := by(actor, extension.ActionOrganisationCreated, now)
		founded.Detail = o.Slug
		if err := audit(ctx, tx, founded); err != nil {
			return err
		}
		published := by(actor, extension.ActionTermsPublished, now)
		published.Detail = fmt.Sprintf("version %d, SHA-256 %s", t.Version, t.SHA256)
		return audit(ctx, tx, published)
	})
}

// organisationColumns reads an organisation o into an organisationRow, under names that no other row has.
const organisationColumns = `o.slug, o.name AS organisation, o.two_factor, o.two_factor_ways, o.link_lifetime, o.language, o.region, o.reply_to,
	o.undo_delay, o.reminder_days, o.stop_loss_percent, o.stop_loss_after`

type organisationRow struct {
	Slug            string
	Organisation    string
	TwoFactor       extension.TwoFactor
	TwoFactorWays   []string `bun:",array"`
	LinkLifetime    int64
	Language        string
	Region          string
	ReplyTo         string
	UndoDelay       int64
	ReminderDays    []int `bun:",array"`
	StopLossPercent int
	StopLossAfter   int
}

func (r organisationRow) organisation(id extension.OrganisationID) extension.Organisation {
	return extension.Organisation{
		ID: id, Slug: r.Slug, Name: r.Organisation, TwoFactor: r.TwoFactor, Ways: kindsOf(r.TwoFactorWays),
		LinkLifetime: time.Duration(r.LinkLifetime) * time.Second, Language: r.Language, Region: r.Region, ReplyTo: r.ReplyTo,
		Sending: extension.Sending{
			UndoDelay: time.Duration(r.UndoDelay) * time.Second, Reminders: append([]int(nil), r.ReminderDays...),
			StopLoss: extension.StopLoss{Percent: r.StopLossPercent, After: r.StopLossAfter},
		},
	}
}

// OrganisationBySlug finds an organisation.
func (db *DB) OrganisationBySlug(ctx context.Context, slug string) (extension.Organisation, error) {
	var row struct {
		ID extension.OrganisationID
		organisationRow
	}
	err := db.bun.NewRaw("SELECT o.id, "+organisationColumns+" FROM organisations o WHERE o.slug = ?", slug).Scan(ctx, &row)
	if err != nil {
		return extension.Organisation{}, kind(err)
	}
	return row.organisation(row.ID), nil
}
