package gate

// Guesses is how many are kept.
func (g *Gate) Guesses() int { return len(g.guesses.sessions) }
