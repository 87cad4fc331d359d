package admin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

const (
	// pollEvery is how often the database is asked for a batch that is being sent, once a process however many follow.
	pollEvery = time.Second
	// pollSlowly is how often for one of which only the provider may still tell.
	pollSlowly = 5 * time.Second
	// pollShare bounds what following costs the database: it rests this many times as long as the question took.
	pollShare = 20
	// pollAtLeast is how often it is asked however long that takes.
	pollAtLeast = 15 * time.Second
)

// board keeps the batches that are followed on this process, each asked for once and told to all who follow.
type board struct {
	ask     func(ctx context.Context, organisation extension.OrganisationID, batch extension.BatchID) (batchNews, error)
	mutex   sync.Mutex
	watches map[extension.BatchID]*watch
}

// watch is one batch that somebody follows.
type watch struct {
	stop    context.CancelFunc
	hurry   chan struct{} // somebody has come who was told nothing yet
	readers map[*reader]bool
}

// reader is one who follows. What was asked before they came may be older than the page that they look at.
type reader struct {
	since time.Time
	told  *batchNews
	news  chan batchNews
}

// follow gives a channel with the batch's news, the newest alone and none from before, until leave is called.
func (b *board) follow(ctx context.Context, organisation extension.OrganisationID, batch extension.BatchID) (news <-chan batchNews, leave func()) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	w := b.watches[batch]
	if w == nil {
		polling, stop := context.WithCancel(context.WithoutCancel(ctx)) // the first to follow may leave first
		w = &watch{stop: stop, hurry: make(chan struct{}, 1), readers: map[*reader]bool{}}
		b.watches[batch] = w
		go b.poll(polling, w, organisation, batch)
	}
	mine := &reader{since: time.Now(), news: make(chan batchNews, 1)}
	w.readers[mine] = true
	select {
	case w.hurry <- struct{}{}:
	default: // asked for already
	}
	return mine.news, func() { b.leave(batch, w, mine) }
}

func (b *board) leave(batch extension.BatchID, w *watch, mine *reader) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(w.readers, mine)
	if len(w.readers) == 0 {
		w.stop()
		delete(b.watches, batch)
	}
}

// poll asks until the last reader has left. What cannot be asked now is asked again: who follows sees no news.
func (b *board) poll(ctx context.Context, w *watch, organisation extension.OrganisationID, batch extension.BatchID) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.hurry:
		case <-timer.C:
		}
		asked := time.Now()
		news, err := b.ask(ctx, organisation, batch)
		every := pollEvery
		if err == nil {
			b.tell(w, asked, news)
			if news.Done {
				every = pollSlowly
			}
		}
		timer.Reset(max(every, min(pollShare*time.Since(asked), pollAtLeast)))
	}
}

// tell gives news to all for whom it is news, in the place of older news that they have not taken yet.
func (b *board) tell(w *watch, asked time.Time, news batchNews) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for r := range w.readers {
		if asked.Before(r.since) || r.told != nil && *r.told == news {
			continue
		}
		r.told = &news
		select {
		case <-r.news:
		default:
		}
		r.news <- news // nobody else sends, so there is room
	}
}

// askNews reads a batch for everybody on this process who follows it. Each of them was let in by their own right, and is
// asked for it again at every heartbeat.
func (p *Pages) askNews(ctx context.Context, organisation extension.OrganisationID, batch extension.BatchID) (batchNews, error) {
	const longest = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	followed, progress, err := p.inviter.Follow(ctx, extension.System(organisation, "followers of a batch"), batch)
	if err != nil {
		return batchNews{}, err
	}
	return newsOf(followed, progress, p.shell.Now()), nil
}

// follower is who holds a stream, and what is asked again while they do.
type follower struct {
	browser extension.Browser
	slug    string
	visit   visit
	batch   extension.BatchID
}

// streamBatch tells a page of a batch's progress as it comes: an event when something has changed, a heartbeat when not.
func (p *Pages) streamBatch(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	if _, _, err := p.inviter.Follow(c.UserContext(), v.Actor, id); err != nil {
		return err
	}
	who := follower{browser: p.shell.Browser(c), slug: v.Organisation.Slug, visit: v, batch: id}
	return p.shell.Events(c, "events "+string(v.User.ID), func(stream *web.Stream) error { return p.tellFollower(stream, who) })
}

func (p *Pages) tellFollower(stream *web.Stream, who follower) error {
	news, leave := p.board.follow(stream.Context(), who.visit.Organisation.ID, who.batch)
	defer leave()
	beat := time.NewTicker(stream.Beat())
	defer beat.Stop()
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case told := <-news:
			if err := stream.Event("progress", told); err != nil {
				return err
			}
			if told.Over {
				return stream.Event("end", nil)
			}
		case <-beat.C:
			if over, err := p.beat(stream, who); over || err != nil {
				return err
			}
		}
	}
}

// beat says that the stream is alive, or tells a follower who may not read on so; then it is over.
func (p *Pages) beat(stream *web.Stream, who follower) (over bool, err error) {
	err = p.mayFollow(stream.Context(), who)
	switch {
	case errors.Is(err, extension.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return true, nil // nobody can tell now; the page asks anew
	case err != nil:
		return true, stream.Event("gone", nil)
	}
	return false, stream.Heartbeat()
}

// mayFollow asks again what was asked when the stream was opened: whether the session still is, whether its owner is in
// and elevated, and whether they may see this batch.
func (p *Pages) mayFollow(ctx context.Context, who follower) error {
	const longest = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	session, err := p.sessions.Session(ctx, who.browser)
	if err != nil {
		return err
	}
	entry, err := p.gate.Enter(ctx, session, who.slug)
	if err != nil {
		return err
	}
	if entry.User.ID != who.visit.User.ID {
		return errors.New("the session is another user's now")
	}
	if err := (visit{Entry: entry}).admission(); err != nil {
		return err
	}
	_, _, err = p.inviter.Follow(ctx, entry.Actor, who.batch)
	return err
}
