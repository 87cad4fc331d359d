package recognise

import "strings"

// chainLength returns how many tokens at the start form a chain of words with
// masks for @ or for dots between them; 1 if there is none. A chain ends with a
// phrase of several words, because only its first one belongs to the chain.
func chainLength(tokens []token) int {
	n := 1
	for n+1 < len(tokens) && joinsChain(tokens[n-1], tokens[n], tokens[n+1]) {
		n += 2
		if tokens[n-1].words > 1 {
			break
		}
	}
	return n
}

// joinsChain reports whether mask connects the words left and right. A word that
// has its @ already needs no other one.
func joinsChain(left, mask, right token) bool {
	return isChainWord(left) && isChainWord(right) && (mask.kind == maskDot ||
		mask.kind == maskAt && left.kind != candidate && right.kind != candidate)
}

// isChainWord reports whether t can stand beside a mask.
func isChainWord(t token) bool {
	return t.kind == phrase || t.kind == dotted || t.kind == candidate
}

// settleChain settles the first n tokens, which are a chain, and returns those
// that are left. With something for the @ and something for a dot the chain is a
// masked address, otherwise it is a remark in brackets.
func (s *scanner) settleChain(run *ignoredRun, tokens []token, n int) []token {
	reason, complete := judgeChain(tokens[:n])
	if !complete {
		for _, t := range tokens[:n-1] {
			s.extend(run, t)
		}
		return tokens[n-1:]
	}
	first, last := &tokens[0], &tokens[n-1]
	if space := strings.LastIndexByte(s.text[first.start:first.end], ' '); space >= 0 {
		s.extend(run, token{start: first.start, end: first.start + space, gap: first.gap})
		first.start += space + 1
	}
	left, rest := tokens[n:], *last
	if space := strings.IndexByte(s.text[last.start:last.end], ' '); space >= 0 {
		last.end = last.start + space
		rest.start, rest.words = last.end+1, rest.words-1
	}
	s.flush(run)
	s.out.rejectMeant(s.text[first.start:last.end], reason, s.unmask(tokens[:n]))
	if rest.start > last.end {
		left = tokens[n-1:]
		left[0] = rest
	}
	return left
}

// judgeChain reports whether a chain is a masked address and what is wrong with
// it then.
func judgeChain(chain []token) (reason Reason, complete bool) {
	at, dot := false, false
	reason = NoAtSign
	for i, t := range chain {
		switch t.kind {
		case maskAt:
			at = true
		case maskDot:
			dot = true
		case dotted:
			dot = dot || i > 0
		case candidate:
			at, reason = true, BadName
			if i == 0 {
				reason = BadDomain
			}
		default: // a word of the name or the domain
		}
	}
	return reason, at && dot
}

// unmask returns the address that a chain stands for.
func (s *scanner) unmask(chain []token) string {
	var b strings.Builder
	for _, t := range chain {
		switch t.kind {
		case maskAt:
			b.WriteByte('@')
		case maskDot:
			b.WriteByte('.')
		default:
			b.WriteString(s.text[t.start:t.end])
		}
	}
	return b.String()
}
