package invite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// placing is what the press of Invite asks of the database.
type placing interface {
	Choices(ctx context.Context, organisation extension.OrganisationID) (extension.Choices, error)
	// Known tells what would become of those of the addresses with these keys that the organisation knows, and how many
	// of the Expired among them can be invited again. Those that would be queued are left out.
	Known(ctx context.Context, actor extension.Actor, keys []string, at time.Time) (outcomes map[string]extension.Outcome, renewable int, err error)
	// Place writes the batch and everything in it in one transaction, with the actor's audit. An address that the
	// organisation knows already gets its outcome instead of an invitation. A batch that exists is left as it is: nil.
	Place(ctx context.Context, actor extension.Actor, placement extension.Placement) error
}

// Choices gives the areas and roles that the actor may invite to: areas that are not archived and that the actor acts
// in, and roles with no more right than the actor's own. ErrForbidden for an actor without any right.
func (s *Service) Choices(ctx context.Context, actor extension.Actor) (extension.Choices, error) {
	if !actor.Elevated() {
		return extension.Choices{}, fmt.Errorf("choose area and role: %w", extension.ErrForbidden)
	}
	choices, err := s.store.Choices(ctx, actor.Organisation)
	if err != nil {
		return extension.Choices{}, fmt.Errorf("find areas and roles: %w", err)
	}
	return choices.For(actor), nil
}

// Send takes an order: it recognises the addresses, writes everything down in one transaction and returns at once with
// the batch whose page is the confirmation screen. Pressing twice gives the same batch. Input that is refused comes
// back as an InvalidError with the fields addresses, area, role and starts, all at once.
func (s *Service) Send(ctx context.Context, actor extension.Actor, order Order) (extension.BatchID, error) {
	choices, err := s.Choices(ctx, actor)
	if err != nil {
		return "", err
	}
	now := s.now()
	placement, err := place(order, choices, now)
	if err != nil {
		return "", err
	}
	placement.Batch.Organisation = actor.Organisation
	placement.Batch.Inviter, placement.Batch.InviterUser = actor.Name, actor.User
	placement.Batch.Pressed = now
	if placement.Batch.Starts.IsZero() {
		if placement.Batch.Starts, err = s.starts(ctx, actor.Organisation, now); err != nil {
			return "", err
		}
	}
	if err := s.store.Place(ctx, actor, placement); err != nil {
		return "", fmt.Errorf("place batch %s: %w", placement.Batch.ID, err)
	}
	s.goOn(ctx, placement.Batch.ID)
	return placement.Batch.ID, nil
}

// goOn asks for a worker. When that fails, nothing is lost: the rows are the work order, and the sweep finds them.
func (s *Service) goOn(ctx context.Context, batch extension.BatchID) { _ = s.queue.GoOn(ctx, batch) }

// place checks an order against the choices and recognises its text.
func place(order Order, choices extension.Choices, now time.Time) (extension.Placement, error) {
	id, err := extension.ParseID[extension.BatchID](string(order.Batch))
	if err != nil {
		return extension.Placement{}, extension.Invalid("", "This page is too old to be sent. Load it again; your addresses are kept.")
	}
	var refused extension.InvalidError
	refuse := func(field, sentence string) {
		if sentence != "" {
			refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
		}
	}
	read := read(order.Text, choices)
	refuse("addresses", read.fault())
	area := slices.IndexFunc(choices.Areas, func(a extension.ServiceArea) bool { return a.ID == order.Area })
	if area < 0 && (read.needsArea || order.Area != "") {
		refuse("area", "Choose one of your service areas.")
	}
	role := slices.IndexFunc(choices.Roles, func(r extension.Role) bool { return r.ID == order.Role })
	if role < 0 && (read.needsRole || order.Role != "") {
		refuse("role", "Choose one of the roles.")
	}
	refuse("starts", startFault(order.Starts, now))
	if len(refused.Fields) > 0 {
		return extension.Placement{}, &refused
	}
	batch := extension.Batch{ID: id, Kind: extension.BatchInvite, Starts: order.Starts}
	if area >= 0 {
		batch.Area = choices.Areas[area]
	}
	if role >= 0 {
		batch.Role = choices.Roles[role]
	}
	return extension.Placement{
		Batch: batch, Entries: read.entries, Recognised: len(read.found.Recognised), Duplicates: read.found.Duplicates, Expired: order.Expired,
	}, nil
}

// startFault says why a chosen start cannot be; empty for none chosen and for one that can.
func startFault(starts, now time.Time) string {
	switch {
	case starts.IsZero():
		return ""
	case !starts.After(now):
		return "This time is over. Choose a later one, or leave the field empty to send now. It is " + now.UTC().Format("15:04") + " UTC."
	case starts.After(now.Add(MaxLater)):
		return fmt.Sprintf("Choose a time within the next %d days.", int(MaxLater/(24*time.Hour)))
	}
	return ""
}

// TooMuch is the sentence for text beyond MaxPaste or MaxPieces.
func TooMuch() string {
	return fmt.Sprintf("This is more than %d MB of text or 100,000 addresses. Invite the people in several goes.", MaxPaste>>20)
}
