package invite

import (
	"context"
	"fmt"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// Preflight is what a press of Invite would do with an order now.
type Preflight struct {
	Found recognise.Result // what was read; nothing when it was too much
	// Entries are all recognised and all rejected pieces with the outcomes that they would get. People whose invitation
	// has Expired are there as such, whether the order includes them or not.
	Entries   []extension.Entry
	Renewable int    // how many of the Expired an order that includes them would invite again
	TooMuch   bool   // the text is beyond what one press takes
	Fault     string // why Invite would refuse the text; empty when it would not, and for no text at all
	NeedsArea bool   // some address has no service area but the one that is picked for all
	NeedsRole bool   // likewise
}

// Outcomes counts the entries by what would become of them.
func (p Preflight) Outcomes() map[extension.Outcome]int {
	counts := map[extension.Outcome]int{}
	for _, e := range p.Entries {
		counts[e.Outcome]++
	}
	return counts
}

// Preview tells what Send would do with an order's text, by the same rules, and writes nothing. Who is known is asked in
// one query for all addresses.
func (s *Service) Preview(ctx context.Context, actor extension.Actor, order Order) (Preflight, error) {
	choices, err := s.Choices(ctx, actor)
	if err != nil {
		return Preflight{}, err
	}
	read := read(order.Text, choices)
	flight := Preflight{Found: read.found, Entries: read.entries, NeedsArea: read.needsArea, NeedsRole: read.needsRole, TooMuch: read.tooMuch()}
	if order.Text != "" {
		flight.Fault = read.fault()
	}
	if read.queued == 0 || flight.TooMuch {
		return flight, nil
	}
	keys := make([]string, 0, read.queued)
	for _, e := range read.entries {
		if e.Outcome == extension.OutcomeQueued {
			keys = append(keys, e.Key)
		}
	}
	known, renewable, err := s.store.Known(ctx, actor, keys, s.now())
	if err != nil {
		return Preflight{}, fmt.Errorf("find known addresses: %w", err)
	}
	flight.Renewable = renewable
	for i, e := range flight.Entries {
		if outcome, ok := known[e.Key]; ok && e.Outcome == extension.OutcomeQueued {
			flight.Entries[i].Outcome = outcome
		}
	}
	return flight, nil
}
