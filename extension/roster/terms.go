package roster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"paperplane/extension"
)

// publishing is what the verb asks of the database about published terms.
type publishing interface {
	// TermsVersions lists every published version, the newest first.
	TermsVersions(ctx context.Context, actor extension.Actor) ([]extension.TermsVersion, error)
	// TermsText gives one published text of the actor's organisation.
	TermsText(ctx context.Context, actor extension.Actor, id extension.TermsID) (extension.Terms, error)
	// PublishTerms makes all drafts the next version, with the actor's audit; ErrConflict when there is no draft.
	PublishTerms(ctx context.Context, actor extension.Actor, grace time.Duration, now time.Time) (int, error)
	// EvidencePage lists up to limit acceptances of a version in the order of their numbers, from the first above after.
	EvidencePage(ctx context.Context, actor extension.Actor, version int, after int64, limit int) ([]extension.Evidence, error)
	// EachEvidence tells of every acceptance of a version, in one order, and stops at an error of f, which it gives back.
	EachEvidence(ctx context.Context, actor extension.Actor, version int, f func(extension.Evidence) error) error
	Tally(ctx context.Context, actor extension.Actor, search string, now time.Time) (extension.Tallies, error)
}

// drafting is what the verb asks of the database about drafts.
type drafting interface {
	// Drafts lists the organisation's drafts by language.
	Drafts(ctx context.Context, actor extension.Actor) ([]extension.TermsDraft, error)
	SaveDraft(ctx context.Context, actor extension.Actor, draft extension.TermsDraft) error
	DropDraft(ctx context.Context, actor extension.Actor, language string) error
}

// EvidenceShown is how many acceptances a page lists.
const EvidenceShown = 50

// Terms are an organisation's texts: what was published, the newest version first, and what is being written.
type Terms struct {
	Versions []extension.TermsVersion
	Drafts   []extension.TermsDraft
}

// Current is the version that counts now; nil when none was ever published.
func (t Terms) Current() *extension.TermsVersion {
	if len(t.Versions) == 0 {
		return nil
	}
	return &t.Versions[0]
}

// Draft is the draft in a language; nil when there is none.
func (t Terms) Draft(language string) *extension.TermsDraft {
	at := slices.IndexFunc(t.Drafts, func(d extension.TermsDraft) bool { return d.Language == language })
	if at < 0 {
		return nil
	}
	return &t.Drafts[at]
}

// Left lists the languages of the current version that have no draft, so that the next version would be without them.
func (t Terms) Left() []string {
	var left []string
	if current := t.Current(); current != nil {
		for _, text := range current.Texts {
			if t.Draft(text.Language) == nil {
				left = append(left, text.Language)
			}
		}
	}
	return left
}

// Seal names exactly these drafts, so that what is published is what was confirmed: SHA-256 over the languages, the titles
// and the hashes of the texts, in lower-case hexadecimal.
func Seal(drafts []extension.TermsDraft) string {
	parts := make([]string, 0, len(drafts))
	for _, d := range drafts {
		parts = append(parts, d.Language+"\x00"+d.Title+"\x00"+extension.TermsHash(d.Text))
	}
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00\x00")))
	return hex.EncodeToString(sum[:])
}

// published is the seal that the drafts of a version had.
func published(version extension.TermsVersion) string {
	parts := make([]string, 0, len(version.Texts))
	for _, t := range version.Texts {
		parts = append(parts, t.Language+"\x00"+t.Title+"\x00"+t.SHA256)
	}
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00\x00")))
	return hex.EncodeToString(sum[:])
}

// Terms gives an organisation's texts. Of the published ones it may leave the texts themselves out: see Version.
func (p *Policy) Terms(ctx context.Context, actor extension.Actor) (Terms, error) {
	if !actor.Administrates() {
		return Terms{}, fmt.Errorf("list terms: %w", extension.ErrForbidden)
	}
	versions, err := p.store.TermsVersions(ctx, actor)
	if err != nil {
		return Terms{}, fmt.Errorf("list terms: %w", err)
	}
	slices.SortStableFunc(versions, func(a, b extension.TermsVersion) int { return cmp.Compare(b.Version, a.Version) })
	drafts, err := p.store.Drafts(ctx, actor)
	if err != nil {
		return Terms{}, fmt.Errorf("list drafts of the terms: %w", err)
	}
	return Terms{Versions: versions, Drafts: drafts}, nil
}

// Version gives one published version with its texts.
func (p *Policy) Version(ctx context.Context, actor extension.Actor, number int) (extension.TermsVersion, error) {
	terms, err := p.Terms(ctx, actor)
	if err != nil {
		return extension.TermsVersion{}, err
	}
	at := slices.IndexFunc(terms.Versions, func(v extension.TermsVersion) bool { return v.Version == number })
	if at < 0 {
		return extension.TermsVersion{}, fmt.Errorf("find version %d of the terms: %w", number, extension.ErrNotFound)
	}
	version := terms.Versions[at]
	for i, text := range version.Texts {
		if version.Texts[i], err = p.store.TermsText(ctx, actor, text.ID); err != nil {
			return extension.TermsVersion{}, fmt.Errorf("find terms %s: %w", text.ID, err)
		}
	}
	return version, nil
}

// Draft gives the draft in a language. When there is none it gives one to begin with, whose By is empty: the current text
// in that language, or else in the organisation's own.
func (p *Policy) Draft(ctx context.Context, actor extension.Actor, language string) (extension.TermsDraft, error) {
	if !extension.ValidLanguage(language) {
		return extension.TermsDraft{}, fmt.Errorf("find draft: %w", extension.ErrNotFound)
	}
	terms, err := p.Terms(ctx, actor)
	if err != nil {
		return extension.TermsDraft{}, err
	}
	if draft := terms.Draft(language); draft != nil {
		return *draft, nil
	}
	begun := extension.TermsDraft{Language: language}
	current := terms.Current()
	if current == nil || len(current.Texts) == 0 {
		return begun, nil
	}
	at := slices.IndexFunc(current.Texts, func(t extension.Terms) bool { return t.Language == language })
	text, err := p.store.TermsText(ctx, actor, current.Texts[max(at, 0)].ID)
	if err != nil {
		return extension.TermsDraft{}, fmt.Errorf("find current terms: %w", err)
	}
	begun.Title, begun.Text = text.Title, text.Text
	return begun, nil
}

// SaveDraft keeps a draft, in the place of the one that the actor was shown: seen is that one's Seal, or empty when there
// was none. ErrConflict says that somebody else has saved or deleted it since. What is refused is an InvalidError with the
// fields language, title and text.
func (p *Policy) SaveDraft(ctx context.Context, actor extension.Actor, draft extension.TermsDraft, seen string) error {
	if !actor.Administrates() {
		return fmt.Errorf("save draft: %w", extension.ErrForbidden)
	}
	draft = tidy(draft)
	if err := checkDraft(draft); err != nil {
		return err
	}
	return p.alone(ctx, actor, draft.Language, func(ctx context.Context, held string) error {
		if held == Seal([]extension.TermsDraft{draft}) {
			return nil // pressed twice
		}
		if held != seen {
			return fmt.Errorf("save draft: %w", extension.ErrConflict)
		}
		draft.Updated, draft.By = p.now(), actor.Name
		if err := p.store.SaveDraft(ctx, actor, draft); err != nil {
			return fmt.Errorf("save draft: %w", err)
		}
		return nil
	})
}

// DropDraft deletes the draft that the actor was shown: seen is its Seal. ErrConflict says that somebody else has changed
// it since; one that is gone already is no error.
func (p *Policy) DropDraft(ctx context.Context, actor extension.Actor, language, seen string) error {
	if !actor.Administrates() {
		return fmt.Errorf("delete draft: %w", extension.ErrForbidden)
	}
	return p.alone(ctx, actor, language, func(ctx context.Context, held string) error {
		if held == "" {
			return nil
		}
		if held != seen {
			return fmt.Errorf("delete draft: %w", extension.ErrConflict)
		}
		if err := p.store.DropDraft(ctx, actor, language); err != nil {
			return fmt.Errorf("delete draft: %w", err)
		}
		return nil
	})
}

// alone does something to the draft in a language while nobody else changes or publishes the organisation's drafts. held
// is its Seal, empty when there is none.
func (p *Policy) alone(ctx context.Context, actor extension.Actor, language string, do func(ctx context.Context, held string) error) error {
	return p.store.Exclusive(ctx, draftsLock(actor), func(ctx context.Context) error {
		drafts, err := p.store.Drafts(ctx, actor)
		if err != nil {
			return fmt.Errorf("list drafts of the terms: %w", err)
		}
		held := ""
		if draft := (Terms{Drafts: drafts}).Draft(language); draft != nil {
			held = Seal([]extension.TermsDraft{*draft})
		}
		return do(ctx, held)
	})
}

func draftsLock(actor extension.Actor) string { return "terms " + string(actor.Organisation) }

// tidy is a draft as it is kept: lines end in LF whatever the browser sent (HTML, "form submission"), and no empty lines
// stand around the text, because a browser drops the first one when it shows the text for editing again.
func tidy(draft extension.TermsDraft) extension.TermsDraft {
	draft.Title = strings.TrimSpace(draft.Title)
	draft.Text = strings.Trim(strings.ReplaceAll(strings.ReplaceAll(draft.Text, "\r\n", "\n"), "\r", "\n"), "\n")
	return draft
}

// checkDraft refuses what cannot be kept, all faults at once.
func checkDraft(draft extension.TermsDraft) error {
	var refused extension.InvalidError
	refuse := func(wrong bool, field, sentence string) {
		if wrong {
			refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
		}
	}
	refuse(!extension.ValidLanguage(draft.Language), "language", "Choose one of the languages.")
	refuse(draft.Title == "", "title", "Give the text a title, such as “Terms and conditions”.")
	refuse(len(draft.Title) > extension.MaxTermsTitle, "title", "The title is too long: up to 200 letters fit.")
	refuse(strings.TrimSpace(draft.Text) == "", "text", "Write the text that people are asked to accept.")
	refuse(len(draft.Text) > extension.MaxTermsText, "text", "The text is too long: up to 200,000 letters fit.")
	refuse(!storable(draft.Title) || strings.ContainsAny(draft.Title, "\r\n"), "title", "The title has characters in it that cannot be kept. Type it anew.")
	refuse(!storable(draft.Text), "text", "The text has characters in it that cannot be kept. Paste it again as plain text.")
	if len(refused.Fields) > 0 {
		return &refused
	}
	return nil
}

// storable tells whether PostgreSQL can keep a text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// Publication is what publishing now would do.
type Publication struct {
	Terms
	Seal     string // of the drafts
	Active   int    // users who are asked again
	OnTheWay int    // users who are asked on their way in
}

// Publication gives what publishing now would do.
func (p *Policy) Publication(ctx context.Context, actor extension.Actor) (Publication, error) {
	terms, err := p.Terms(ctx, actor)
	if err != nil {
		return Publication{}, err
	}
	tallies, err := p.store.Tally(ctx, actor, "", p.now())
	if err != nil {
		return Publication{}, fmt.Errorf("count users: %w", err)
	}
	counts := tallies.ByStatus("")
	return Publication{
		Terms: terms, Seal: Seal(terms.Drafts),
		Active: counts[extension.Active], OnTheWay: counts[extension.Pending] + counts[extension.Expired],
	}, nil
}

// Publish makes the drafts that the actor confirmed the next version and tells its number. seal names those drafts:
// ErrConflict says that they are others now. Pressed twice, the second press finds that version published and tells the
// same number. What is refused is an InvalidError with the field grace, or about the drafts as a whole.
func (p *Policy) Publish(ctx context.Context, actor extension.Actor, seal string, grace time.Duration) (int, error) {
	if !actor.Administrates() {
		return 0, fmt.Errorf("publish terms: %w", extension.ErrForbidden)
	}
	if grace < 0 || grace > extension.MaxGrace || grace%(24*time.Hour) != 0 {
		return 0, extension.Invalid("grace", "The time to read it is a whole number of days from 0 to 90.")
	}
	number := 0
	err := p.store.Exclusive(ctx, draftsLock(actor), func(ctx context.Context) error {
		terms, err := p.Terms(ctx, actor)
		if err != nil {
			return err
		}
		if current := terms.Current(); len(terms.Drafts) == 0 && current != nil && published(*current) == seal {
			number = current.Version
			return nil
		}
		if err := p.publishable(ctx, actor, terms, seal); err != nil {
			return err
		}
		number, err = p.store.PublishTerms(ctx, actor, grace, p.now())
		return err
	})
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		return 0, refused
	}
	if err != nil {
		return 0, fmt.Errorf("publish terms: %w", err)
	}
	return number, nil
}

// publishable tells whether these drafts can be the next version.
func (p *Policy) publishable(ctx context.Context, actor extension.Actor, terms Terms, seal string) error {
	if len(terms.Drafts) == 0 || Seal(terms.Drafts) != seal {
		return extension.ErrConflict
	}
	organisation, err := p.store.Organisation(ctx, actor.Organisation)
	if err != nil {
		return fmt.Errorf("find organisation: %w", err)
	}
	if terms.Draft(organisation.Language) == nil {
		return extension.Invalid("", "There is no draft in the organisation’s own language. Everybody is shown that one for whose language there is no text, so write it first.")
	}
	return nil
}

// Evidence gives one page of the acceptances of a version, those whose number is above after (0 for the first page), and
// tells whether there are more: they follow the number of the last one.
func (p *Policy) Evidence(ctx context.Context, actor extension.Actor, version int, after int64) (rows []extension.Evidence, more bool, err error) {
	if !actor.Administrates() {
		return nil, false, fmt.Errorf("list acceptances: %w", extension.ErrForbidden)
	}
	rows, err = p.store.EvidencePage(ctx, actor, version, after, EvidenceShown+1)
	if err != nil {
		return nil, false, fmt.Errorf("list acceptances of version %d: %w", version, err)
	}
	if more = len(rows) > EvidenceShown; more {
		rows = rows[:EvidenceShown]
	}
	return rows, more, nil
}

// EachEvidence tells of every acceptance of a version, as it is read, and stops at an error of f, which it gives back.
func (p *Policy) EachEvidence(ctx context.Context, actor extension.Actor, version int, f func(extension.Evidence) error) error {
	if !actor.Administrates() {
		return fmt.Errorf("list acceptances: %w", extension.ErrForbidden)
	}
	if err := p.store.EachEvidence(ctx, actor, version, f); err != nil {
		return fmt.Errorf("list acceptances of version %d: %w", version, err)
	}
	return nil
}
