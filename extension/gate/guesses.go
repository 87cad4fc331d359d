package gate

import (
	"hash/maphash"
	"sync"

	"paperplane/extension"
)

// maxGuesses bounds the memory of guesses to about 2 MiB. When it is full all are dropped: each costs one request that asks
// one after the other.
const maxGuesses = 16384

// guesses remember which session a credential was, so that the database can be asked while Kratos is. A guess decides
// nothing, and no credential is kept: a hash that two of them share is a wrong guess and no more.
type guesses struct {
	seed maphash.Seed

	mu       sync.Mutex
	sessions map[uint64]extension.Session
}

func newGuesses() *guesses {
	return &guesses{seed: maphash.MakeSeed(), sessions: map[uint64]extension.Session{}}
}

// of gives the session that a credential was when it was last seen.
func (g *guesses) of(credential string) (extension.Session, bool) {
	key := maphash.String(g.seed, credential)
	g.mu.Lock()
	defer g.mu.Unlock()
	session, ok := g.sessions[key]
	return session, ok && credential != ""
}

func (g *guesses) remember(credential string, session extension.Session) {
	key := maphash.String(g.seed, credential)
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.sessions[key]; !known && len(g.sessions) >= maxGuesses {
		clear(g.sessions)
	}
	g.sessions[key] = extension.Session{ID: session.ID, Identity: session.Identity}
}

func (g *guesses) forget(credential string) {
	key := maphash.String(g.seed, credential)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, key)
}
