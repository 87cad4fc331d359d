package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// telling is what letters about changes ask of the database.
type telling interface {
	// NoteReported notes a change that Kratos has reported, once however often the same report comes.
	NoteReported(ctx context.Context, identity extension.IdentityID, change extension.AccountChange, report string) error
	// Announce notes a change that is about to be made in Kratos; it is told once TellNow says that it was, or later.
	Announce(ctx context.Context, identity extension.IdentityID, change extension.AccountChange) (announced string, err error)
	TellNow(ctx context.Context, announced string) error
	// ClaimNews hands out the letter that is due. Its address is empty when nobody is left to be told.
	ClaimNews(ctx context.Context) (news extension.News, there bool, err error)
	// EndNews says that a letter needs no further attempt.
	EndNews(ctx context.Context, id extension.NewsID) error
	// PutOffNews has a letter tried again, not before a time has passed, or gives it up after extension.NewsFor.
	PutOffNews(ctx context.Context, id extension.NewsID, wait time.Duration) (givenUp bool, err error)
	// PurgeNews deletes news that was sent or given up long ago.
	PurgeNews(ctx context.Context) error
}

// TellNext mails the letter about changes of somebody's account that is due, and tells whether there was one. Changes are
// noted where they are recorded, in the same transaction. An error that comes with a letter is about that one alone, and
// says what becomes of it: it waits, also for what is our own fault and can be put right, or it is given up, because it was
// refused for good or has waited for too long. No error holds an address or what a provider says of one.
func (s *Service) TellNext(ctx context.Context) (there bool, err error) {
	news, there, err := s.store.ClaimNews(ctx)
	if err != nil {
		return false, fmt.Errorf("claim a letter about changes: %w", err)
	}
	if !there {
		return false, nil
	}
	if news, err = s.trueNews(ctx, news); err != nil {
		return true, s.putOffNews(ctx, news, err)
	}
	if news.Address != "" && len(news.Changes) > 0 {
		news.Settings = s.settingsURL
		err = s.post.Tell(ctx, maskedNews(news))
	}
	if err != nil && !errors.Is(err, extension.ErrRefused) {
		return true, s.putOffNews(ctx, news, err)
	}
	if ended := s.store.EndNews(context.WithoutCancel(ctx), news.ID); ended != nil {
		return true, fmt.Errorf("end letter %s about changes of identity %s: %w", news.ID, news.Identity, errors.Join(ended, err))
	}
	if err != nil {
		return true, fmt.Errorf("letter %s about changes of identity %s is given up: %w", news.ID, news.Identity, err)
	}
	return true, nil
}

// putOffNews has a letter tried again later, also when there is no more time for anything else.
func (s *Service) putOffNews(ctx context.Context, news extension.News, cause error) error {
	var wait time.Duration
	if trouble, ok := errors.AsType[*extension.TroubleError](cause); ok {
		wait = trouble.After
	}
	givenUp, err := s.store.PutOffNews(context.WithoutCancel(ctx), news.ID, wait)
	switch {
	case err != nil:
		return fmt.Errorf("put off letter %s about changes of identity %s: %w", news.ID, news.Identity, errors.Join(err, cause))
	case givenUp:
		return fmt.Errorf("letter %s about changes of identity %s is given up after %s: %w", news.ID, news.Identity, extension.NewsFor, cause)
	}
	return fmt.Errorf("letter %s about changes of identity %s waits: %w", news.ID, news.Identity, cause)
}

// trueNews leaves out what was announced and has not come true: a number that Kratos has not let go of.
func (s *Service) trueNews(ctx context.Context, news extension.News) (extension.News, error) {
	freed := func(c extension.AccountChange) bool { return c.Kind == extension.ChangeMobileFreed }
	if !slices.ContainsFunc(news.Changes, freed) {
		return news, nil
	}
	identity, err := s.identities.Identity(ctx, news.Identity)
	if errors.Is(err, extension.ErrNotFound) {
		news.Changes = nil // nobody is left to be told
		return news, nil
	}
	if err != nil {
		return news, fmt.Errorf("find identity %s: %w", news.Identity, err)
	}
	news.Changes = slices.DeleteFunc(news.Changes, func(c extension.AccountChange) bool {
		return freed(c) && c.Address == identity.Traits.Mobile
	})
	return news, nil
}

// maskedNews shows of numbers and addresses what their holder knows them by.
func maskedNews(news extension.News) extension.News {
	changes := slices.Clone(news.Changes)
	for i, c := range changes {
		way := c.Factor
		if c.Kind == extension.ChangeMobileFreed {
			way = extension.FactorSMS
		}
		changes[i].Address = masked(way, extension.User{Mobile: c.Address, Address: c.Address})
	}
	news.Changes = changes
	return news
}

// noteReported notes what a report tells of that nothing else does: that a password was set, recovery codes made or taken
// away, or another way to sign in linked or unlinked. What the account is like now is asked of Kratos, and when it was saved:
// v1.3.1 reports every save of a form alike. One that comes again after another save may be told again.
func (s *Service) noteReported(ctx context.Context, report Report) error {
	change := extension.AccountChange{At: s.now()}
	switch report.Method {
	case extension.MethodPassword:
		change.Kind = extension.ChangePassword
	case extension.MethodPasskey, extension.MethodOIDC:
		change.Kind = extension.ChangeSignIns
	case extension.MethodLookupSecret:
		change.Kind, change.Factor = extension.ChangeRemoved, extension.FactorRecovery
	case extension.MethodProfile, extension.MethodTOTP, extension.MethodWebAuthn:
	}
	if change.Kind == "" { // noted with the factors
		return nil
	}
	identity, err := s.identities.Identity(ctx, report.Identity)
	if err != nil {
		return fmt.Errorf("find identity %s: %w", report.Identity, err)
	}
	if change.Factor == extension.FactorRecovery && identity.Recovery {
		change.Kind = extension.ChangeAdded
	}
	name := report.Change + " " + identity.Saved.UTC().Format(time.RFC3339Nano)
	if err := s.store.NoteReported(ctx, report.Identity, change, name); err != nil {
		return fmt.Errorf("note a change of identity %s: %w", report.Identity, err)
	}
	return nil
}
