package gate

import (
	"hash/maphash"
	"sync"

	"paperplane/extension"
)

// maxSeen bounds the memory of seen to about 2 MiB. When it is full all are dropped: each costs one request that asks
// one after the other.
const maxSeen = 16384

// seen remembers which session a credential was, so that the database can be asked while Kratos is. A guess decides
// nothing, and no credential is kept: a hash that two of them share is a wrong guess and no more.
type seen struct {
	seed maphash.Seed

	mu       sync.Mutex
	sessions map[uint64]extension.Session
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), sessions: map[uint64]extension.Session{}}
}

// of gives the session that a credential was when it was last seen.
func (s *seen) of(credential string) (extension.Session, bool) {
	key := maphash.String(s.seed, credential)
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[key]
	return session, ok && credential != ""
}

func (s *seen) remember(credential string, session extension.Session) {
	key := maphash.String(s.seed, credential)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.sessions[key]; !known && len(s.sessions) >= maxSeen {
		clear(s.sessions)
	}
	s.sessions[key] = extension.Session{ID: session.ID, Identity: session.Identity}
}

func (s *seen) forget(credential string) {
	key := maphash.String(s.seed, credential)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, key)
}
