package web

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
)

const (
	chosenCookie  = "language"         // the reader's own choice
	invitedCookie = "invited_language" // an invitation's
	languageTime  = 365 * 24 * time.Hour
	languagePath  = "/language"
)

// rememberedKey is where the language of this very request's invitation lies in Fiber's locals: the cookie comes back
// with the next request only.
const rememberedKey = "remembered language"

// Language is the one in which a page speaks to its reader. It is empty on administrators' pages, which are in English, and
// so are the errors shown on them.
func (s *Shell) Language(c *fiber.Ctx) locale.Language {
	if strings.HasPrefix(c.Path(), "/o/") {
		return ""
	}
	return s.Reader(c)
}

// Reader is the reader's own language, wherever they are: their choice, then that of the invitation they came with, then
// their browser's. What is said to somebody who is no administrator is said in it on administrators' pages too.
func (s *Shell) Reader(c *fiber.Ctx) locale.Language {
	remembered, _ := c.Locals(rememberedKey).(string)
	invited := cmp.Or(remembered, s.ReadCookie(c, invitedCookie, "/"))
	for _, tag := range []string{s.ReadCookie(c, chosenCookie, "/"), invited} {
		if language, ok := locale.Parse(tag); ok {
			return language
		}
	}
	return locale.Match(c.Get(fiber.HeaderAcceptLanguage))
}

// Speak has this page speak the language of an invitation (a BCP 47 tag), unless the reader has chosen one. One that there
// is no translation for leaves the choice to the browser.
func (s *Shell) Speak(c *fiber.Ctx, language string) {
	if matched, ok := locale.Parse(language); ok {
		c.Locals(rememberedKey, string(matched))
	}
}

// Remember is Speak for this page and for those that follow it.
func (s *Shell) Remember(c *fiber.Ctx, language string) {
	s.Speak(c, language)
	if matched, ok := locale.Parse(language); ok {
		s.keepLanguage(c, invitedCookie, matched)
	}
}

// chooseLanguage takes the reader's own choice and leads back to where it was made. It holds no form token: the pages
// that offer it need no session, and nothing but the language changes.
func (s *Shell) chooseLanguage(c *fiber.Ctx) error {
	language, ok := locale.Parse(Posted(c, "language"))
	if !ok {
		return extension.Invalid("language", s.Language(c).Say("Choose one of the languages that the page offers."))
	}
	s.keepLanguage(c, chosenCookie, language)
	return c.Redirect(cmp.Or(s.LocalPath(c.Get(fiber.HeaderReferer)), "/next"), fiber.StatusSeeOther)
}

func (s *Shell) keepLanguage(c *fiber.Ctx, cookie string, language locale.Language) {
	s.SetCookie(c, Cookie{Name: cookie, Value: string(language), Path: "/", Until: s.now().Add(languageTime)})
}

// Said gives sentences about fields in the reader's language. Verbs word them in English.
func Said(language locale.Language, fields []extension.FieldError) []extension.FieldError {
	said := make([]extension.FieldError, 0, len(fields))
	for _, field := range fields {
		said = append(said, extension.FieldError{Field: field.Field, Message: language.Say(field.Message)})
	}
	return said
}

// languageKey is where the layout puts the page's language, so that the parts inside it need not be told each.
type languageKey struct{}

func inLanguage(ctx context.Context, language locale.Language) context.Context {
	return context.WithValue(ctx, languageKey{}, language)
}

// languageOf is the language of the page that is being written; English outside of a layout.
func languageOf(ctx context.Context) locale.Language {
	language, ok := ctx.Value(languageKey{}).(locale.Language)
	if !ok || language == "" {
		return locale.English
	}
	return language
}
