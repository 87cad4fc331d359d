package postgres

import (
	"fmt"
	"time"

	"paperplane/extension"
)

// letterColumns reads the facts of a message from a row of invitations under this alias, for a letterRow.
func letterColumns(alias string) string {
	return fmt.Sprintf(`%[1]s.sent_at AS letter_sent_at, %[1]s.delayed_at AS letter_delayed_at, %[1]s.delivered_at AS letter_delivered_at,
		%[1]s.bounced_at AS letter_bounced_at, %[1]s.complained_at AS letter_complained_at, coalesce(%[1]s.delivery_detail, '') AS letter_detail`, alias)
}

type letterRow struct {
	LetterSentAt       *time.Time
	LetterDelayedAt    *time.Time
	LetterDeliveredAt  *time.Time
	LetterBouncedAt    *time.Time
	LetterComplainedAt *time.Time
	LetterDetail       string
}

func (r letterRow) letter() extension.LetterFacts {
	return extension.LetterFacts{
		Sent: fromNull(r.LetterSentAt), Delayed: fromNull(r.LetterDelayedAt), Delivered: fromNull(r.LetterDeliveredAt),
		Bounced: fromNull(r.LetterBouncedAt), Complained: fromNull(r.LetterComplainedAt), Detail: r.LetterDetail,
	}
}
