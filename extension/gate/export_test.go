package gate

// Seen is how many sessions are kept.
func (g *Gate) Seen() int { return len(g.seen.sessions) }
