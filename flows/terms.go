package flows

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// currentTerms shows the current terms of an organisation that the person belongs to, to read again and to print, or gives
// them to a program: an installation's own page of the terms needs their id to accept them.
func (p *Pages) currentTerms(c *fiber.Ctx) error {
	wish := onboard.Wish{Slug: c.Params("slug"), Language: p.readIn(c)}
	_, place, err := p.placeAt(c, wish)
	if err != nil {
		return err
	}
	if place.Organisation.Slug != wish.Slug || place.Terms.ID == "" {
		return extension.ErrNotFound
	}
	c.Vary(fiber.HeaderAccept)
	if web.WantsJSON(c) {
		return c.JSON(publishedOf(place.Terms))
	}
	languages, err := p.onboarding.TermsLanguages(c.UserContext(), place)
	if err != nil {
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.termsPage(p.stopAt(c, place), languages))
}

// published is one version of the terms as programs get it.
type published struct {
	ID        extension.TermsID `json:"id"`
	Version   int               `json:"version"`
	Language  string            `json:"language"` // BCP 47
	Title     string            `json:"title"`
	Text      string            `json:"text"`   // Markdown (CommonMark)
	SHA256    string            `json:"sha256"` // of text, lower-case hexadecimal
	Published time.Time         `json:"published"`
}

func publishedOf(t extension.Terms) published {
	return published{
		ID: t.ID, Version: t.Version, Language: t.Language, Title: t.Title, Text: t.Text, SHA256: t.SHA256, Published: t.Published.UTC(),
	}
}

// readIn is the language of the terms: the one that was asked for on their page, else the reader's.
func (p *Pages) readIn(c *fiber.Ctx) string {
	if asked := c.Query("language"); isTag(asked) {
		return asked
	}
	return string(p.shell.Language(c))
}

// isTag tells whether a text can be the tag of a language: letters, digits and hyphens (RFC 5646 §2.1), and no more than 35
// of them (§4.4.1).
func isTag(text string) bool {
	if text == "" || len(text) > 35 {
		return false
	}
	for _, b := range []byte(text) {
		if b != '-' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}
