package invite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// placing is what the press of Invite asks of the database.
type placing interface {
	Choices(ctx context.Context, organisation extension.OrganisationID) (extension.Choices, error)
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
	choices.Areas = slices.DeleteFunc(choices.Areas, func(a extension.ServiceArea) bool { return a.Archived || !actor.MayActIn(a.ID) })
	choices.Roles = slices.DeleteFunc(choices.Roles, func(r extension.Role) bool { return !actor.MayGrant(r) })
	return choices, nil
}

// Send takes an order: it recognises the addresses, writes everything down in one transaction and returns at once with
// the batch whose page is the confirmation screen. Pressing twice gives the same batch. Input that is refused comes
// back as an InvalidError with the fields addresses, area and role, all at once.
func (s *Service) Send(ctx context.Context, actor extension.Actor, order Order) (extension.BatchID, error) {
	choices, err := s.Choices(ctx, actor)
	if err != nil {
		return "", err
	}
	placement, err := place(order, choices)
	if err != nil {
		return "", err
	}
	placement.Batch.Organisation = actor.Organisation
	placement.Batch.Inviter, placement.Batch.InviterUser = actor.Name, actor.User
	placement.Batch.Pressed = s.now()
	placement.Batch.Starts = placement.Batch.Pressed
	if err := s.store.Place(ctx, actor, placement); err != nil {
		return "", fmt.Errorf("place batch %s: %w", placement.Batch.ID, err)
	}
	s.goOn(ctx, placement.Batch.ID)
	return placement.Batch.ID, nil
}

// goOn asks for a worker. When that fails, nothing is lost: the rows are the work order, and the sweep finds them.
func (s *Service) goOn(ctx context.Context, batch extension.BatchID) { _ = s.queue.GoOn(ctx, batch) }

// place checks an order against the choices and recognises its text.
func place(order Order, choices extension.Choices) (extension.Placement, error) {
	id, err := extension.ParseID[extension.BatchID](string(order.Batch))
	if err != nil {
		return extension.Placement{}, extension.Invalid("", "This page is too old to be sent. Load it again; your addresses are kept.")
	}
	var refused extension.InvalidError
	refuse := func(field, sentence string) {
		refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
	}

	found := recognise.Result{}
	if len(order.Text) > MaxPaste {
		refuse("addresses", TooMuch())
	} else if found = recognise.Recognise(order.Text); len(found.Recognised) == 0 {
		refuse("addresses", nothingRecognised(found))
	} else if len(found.Recognised)+len(found.Rejected) > MaxPieces {
		refuse("addresses", TooMuch())
	}
	area := slices.IndexFunc(choices.Areas, func(a extension.ServiceArea) bool { return a.ID == order.Area })
	if area < 0 {
		refuse("area", "Choose one of your service areas.")
	}
	role := slices.IndexFunc(choices.Roles, func(r extension.Role) bool { return r.ID == order.Role })
	if role < 0 {
		refuse("role", "Choose one of the roles.")
	}
	if len(refused.Fields) > 0 {
		return extension.Placement{}, &refused
	}
	return extension.Placement{
		Batch:      extension.Batch{ID: id, Kind: extension.BatchInvite, Area: choices.Areas[area], Role: choices.Roles[role]},
		Entries:    entries(found),
		Recognised: len(found.Recognised),
		Duplicates: found.Duplicates,
	}, nil
}

// TooMuch is the sentence for text beyond MaxPaste or MaxPieces.
func TooMuch() string {
	return fmt.Sprintf("This is more than %d MB of text or 100,000 addresses. Invite the people in several goes.", MaxPaste>>20)
}

func nothingRecognised(found recognise.Result) string {
	if len(found.Rejected)+len(found.Ignored) == 0 {
		return "Type or paste at least one email address."
	}
	return "No email address was recognised in this text. Check it for typing mistakes."
}

// entries keeps every recognised and every rejected piece; duplicates are only counted, ignored words are dropped.
func entries(found recognise.Result) []extension.Entry {
	all := make([]extension.Entry, 0, len(found.Recognised)+len(found.Rejected))
	for _, a := range found.Recognised {
		all = append(all, extension.Entry{Text: cut(a.Raw), Address: a.Send, Key: a.Key, Outcome: extension.OutcomeQueued})
	}
	for _, r := range found.Rejected {
		all = append(all, extension.Entry{Text: cut(r.Text), Outcome: extension.OutcomeInvalid, Reason: string(r.Reason)})
	}
	return all
}

// cut makes a piece fit for a row: valid UTF-8 without NUL, at most MaxEntryText bytes, no character split.
func cut(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= extension.MaxEntryText {
		return text
	}
	end := 0
	for i := range text {
		if i > extension.MaxEntryText {
			break
		}
		end = i
	}
	return text[:end]
}
