package postgres

import (
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// givenBack are people who certainly were not sent anything.
type givenBack struct {
	unmarked, marked []extension.InvitationID // marked by the very attempt that gives them back
	all              []extension.InvitationID
	words            []string // why each of all was put off
}

func (g *givenBack) add(r extension.Receipt) {
	g.all, g.words = append(g.all, r.Invitation), append(g.words, r.PutOff)
	if r.Marked {
		g.marked = append(g.marked, r.Invitation)
		return
	}
	g.unmarked = append(g.unmarked, r.Invitation)
}

// givenBackOf tells who of the unmarked and the marked is still to be given back by a chunk.
const givenBackOf = `(id = ANY (?::uuid[]) AND handed_at IS NULL OR id = ANY (?::uuid[]))
	AND chunk_id = ? AND sent_at IS NULL AND refused_at IS NULL`

// putOff refuses people who have been put off for too long, and gives the others another time: as long from now as they
// have been put off, within bounds. Up to a tenth is added by chance, so that who was put off together does not come back
// together.
func putOff(tx bun.Tx, chunk extension.ChunkID, people givenBack, now time.Time) []*bun.RawQuery {
	if len(people.all) == 0 {
		return nil
	}
	return []*bun.RawQuery{
		tx.NewRaw(`
			UPDATE invitations SET refused_at = ?, refused = ?, refused_detail = (?::text[])[array_position(?::uuid[], id)]
			 WHERE put_off_at <= clock_timestamp() - make_interval(secs => ?) AND `+givenBackOf,
			now.UTC(), extension.RefusedByProvider, array(people.words), array(people.all), extension.PutOffFor.Seconds(),
			array(people.unmarked), array(people.marked), chunk),
		tx.NewRaw(`
			UPDATE invitations SET put_off_at = coalesce(put_off_at, clock_timestamp()),
			       not_before = clock_timestamp() + (1 + random() / 10) * greatest(make_interval(secs => ?),
			                    least(make_interval(secs => ?), clock_timestamp() - coalesce(put_off_at, clock_timestamp()))), `+outOfChunk+`
			 WHERE `+givenBackOf,
			extension.ShortestPutOff.Seconds(), extension.LongestPutOff.Seconds(), array(people.unmarked), array(people.marked), chunk),
	}
}
