package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// problemJSON is the media type of errors for programs (RFC 9457).
const problemJSON = "application/problem+json"

// retryAfter is how long a caller is asked to wait when the part that is missing did not say.
const retryAfter = 10 * time.Second

// Problem is an error in a person's words: what happened, what is safe, what to do.
type Problem struct {
	Status    int
	Title     string   // what happened
	Sentences []string // more about it, what is safe, and last what to do
	Retry     time.Duration
	RequestID string // set when only the log can tell more
}

// Explain turns an error into a Problem in the reader's language. Errors that are ours or a neighbour's to mend go to the log. Pages that must
// keep what was typed use it to say in their own place what an error page would say.
func (s *Shell) Explain(c *fiber.Ctx, err error) Problem {
	return s.explain(c, s.Language(c), err)
}

func (s *Shell) explain(c *fiber.Ctx, language locale.Language, err error) Problem {
	problem := problemOf(language, err)
	if cooldown, ok := errors.AsType[*extension.CooldownError](err); ok {
		problem = tooSoon(language, cooldown.Until.Sub(s.now()))
	}
	if problem.Status >= http.StatusInternalServerError {
		level := slog.LevelError
		if problem.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		problem.RequestID = requestID(c)
		s.log.Log(c.UserContext(), level, "request failed", "error", err, "status", problem.Status, "request_id", problem.RequestID)
	}
	return problem
}

// fail answers an error: the sign-in page for somebody without a session, a page in plain words, or for programs the
// same words as application/problem+json.
func (s *Shell) fail(c *fiber.Ctx, err error) error {
	s.setHeaders(c)                                         // Fiber itself answers what it could not even read
	c.Response().Header.Del(fiber.HeaderContentDisposition) // and no browser saves an error as the file that was asked for
	if errors.Is(err, extension.ErrNoSession) && !WantsJSON(c) {
		return c.Redirect(s.SignInPath(c), fiber.StatusSeeOther)
	}
	language := s.Language(c)
	if missing(err) {
		language = s.Reader(c) // administrators' pages are none of theirs
	}
	problem := s.explain(c, language, err)
	if problem.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(problem.Retry.Seconds()))))
	}
	if WantsJSON(c) {
		body := fiber.Map{"type": "about:blank", "title": problem.Title, "status": problem.Status, "detail": strings.Join(problem.Sentences, " ")}
		if problem.RequestID != "" {
			body["request_id"] = problem.RequestID
		}
		return c.Status(problem.Status).JSON(body, problemJSON)
	}
	if problem.Status == http.StatusRequestHeaderFieldsTooLarge {
		return s.Render(c, problem.Status, s.unreadPage(inEveryLanguage(err)))
	}
	return s.Render(c, problem.Status, s.problemPage(problem, language))
}

// missing tells whether there is no such page, for this reader or for anybody.
func missing(err error) bool {
	refused, ok := errors.AsType[*fiber.Error](err)
	return errors.Is(err, extension.ErrNotFound) || ok && (refused.Code == http.StatusNotFound || refused.Code == http.StatusMethodNotAllowed)
}

// worded is a problem in one language.
type worded struct {
	Problem
	language locale.Language
}

// inEveryLanguage words the problem of a request whose header could not be read, so that nobody knows its reader's.
func inEveryLanguage(err error) []worded {
	var all []worded
	for _, language := range locale.Languages() {
		all = append(all, worded{Problem: problemOf(language, err), language: language})
	}
	return all
}

// SignInPath is where somebody without a session signs in, to come back afterwards to the page that was asked for, or
// after a change to the page that it was made on.
func (s *Shell) SignInPath(c *fiber.Ctx) string {
	back := localPath(c.OriginalURL())
	if !safe(c) {
		back = s.LocalPath(c.Get(fiber.HeaderReferer))
	}
	if back == "" {
		return "/login"
	}
	return "/login?return_to=" + url.QueryEscape(back)
}

// problemOf is the one table of errors. Whatever it does not know is our own fault and told by the request's id alone.
func problemOf(language locale.Language, err error) Problem {
	var trouble *extension.TroubleError
	var invalid *extension.InvalidError
	var refused *fiber.Error
	switch {
	case errors.As(err, &invalid):
		return invalidProblem(language, invalid)
	case errors.As(err, &trouble):
		return unavailable(language, language.Say(trouble.Sentence), trouble.After)
	case errors.Is(err, extension.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return unavailable(language, language.Say("A part that Paperplane depends on does not answer."), 0)
	case errors.As(err, &refused):
		return transportProblem(language, refused)
	}
	for _, known := range kinds(language) {
		if errors.Is(err, known.kind) {
			return Problem{Status: known.status, Title: known.title, Sentences: []string{known.safe, known.do}}
		}
	}
	return Problem{Status: http.StatusInternalServerError, Title: language.Say("Something went wrong on our side"), Sentences: []string{
		language.Say("What was saved before is safe."),
		language.Say("Try again in a moment. If it happens again, tell your administrator the number below."),
	}}
}

// kind is how one kind of error is answered.
type kind struct {
	kind            error
	status          int
	title, safe, do string
}

func kinds(language locale.Language) []kind {
	return []kind{
		{
			extension.ErrNotFound, http.StatusNotFound, language.Say("There is no such page"),
			language.Say("The address may be mistyped, or the page is not yours to see."), language.Say("Check the address, or go on from the start page."),
		},
		{
			extension.ErrForbidden, http.StatusForbidden, language.Say("You may not do this"),
			language.Say("Your role does not allow it, so nothing was changed."), language.Say("Ask an administrator of your organisation."),
		},
		{
			extension.ErrConflict, http.StatusConflict, language.Say("Something has changed meanwhile"),
			language.Say("Somebody else was first, so this change was not made."), language.Say("Load the page again and look at what it says now."),
		},
		{
			extension.ErrNoSession, http.StatusUnauthorized, language.Say("You are not signed in"),
			language.Say("Your session has ended, so nothing was changed."), language.Say("Sign in and try again."),
		},
		{
			extension.ErrStaleSession, http.StatusForbidden, language.Say("Please sign in again first"),
			language.Say("It is some time since you signed in, so this change was not made."), language.Say("Sign out, sign in again and repeat it."),
		},
		{
			extension.ErrFlowExpired, http.StatusGone, language.Say("This form has run out"),
			language.Say("Forms work for a limited time only. Nothing was changed."), language.Say("Start again from the start page."),
		},
		{
			extension.ErrDisabled, http.StatusForbidden, language.Say("This account is switched off"),
			language.Say("Nothing in it was changed or deleted."), language.Say("Ask your administrator to switch it on again."),
		},
		{
			ErrStaleForm, http.StatusForbidden, language.Say("This form is out of date"),
			language.Say("You have signed in again, or signed out, since the page was loaded. Nothing was changed."), language.Say("Go back, load the page again and repeat it."),
		},
		{
			errCrossSite, http.StatusForbidden, language.Say("This did not come from a page of Paperplane"),
			language.Say("Another site, or a program that hides where it comes from, asked for a change. Nothing was changed."),
			language.Say("If it was you, open the page again and press the button there."),
		},
		{
			errHost, http.StatusBadRequest, language.Say("This is not the address of Paperplane"),
			language.Say("A change was sent to another host name than the public one. Nothing was changed."),
			language.Say("Open the page under its public address and try again."),
		},
		{
			errAddress, http.StatusBadRequest, language.Say("This request cannot be read"),
			language.Say("Nothing was changed."), language.Say("Check the address, or go on from the start page."),
		},
		{
			errStreams, http.StatusTooManyRequests, language.Say("This is open in too many windows"),
			language.Say("Nothing was changed, and the other windows go on."), language.Say("Close some of them, then load this page again."),
		},
		{
			errEncoding, http.StatusUnsupportedMediaType, language.Say("This request cannot be read"),
			language.Say("Its body is compressed. Nothing was changed."), language.Say("Send it without Content-Encoding."),
		},
	}
}

func invalidProblem(language locale.Language, invalid *extension.InvalidError) Problem {
	problem := Problem{Status: http.StatusUnprocessableEntity, Title: language.Say("Something needs to be put right")}
	for _, field := range Said(language, invalid.Fields) {
		problem.Sentences = append(problem.Sentences, field.Message)
	}
	problem.Sentences = append(problem.Sentences, language.Say("Nothing was changed. Go back, put it right and try again."))
	return problem
}

func unavailable(language locale.Language, sentence string, after time.Duration) Problem {
	if after <= 0 {
		after = retryAfter
	}
	return Problem{
		Status: http.StatusServiceUnavailable, Title: language.Say("This does not work right now"), Retry: after,
		Sentences: []string{sentence, language.Say("What was saved before is safe."), language.Say("Wait a moment, then try again.")},
	}
}

// tooSoon answers a press that would send another code too early.
func tooSoon(language locale.Language, wait time.Duration) Problem {
	return Problem{
		Status: http.StatusTooManyRequests, Title: language.Say("A code was sent already"), Retry: max(wait, time.Second),
		Sentences: []string{
			language.Say("Codes are sent only so often. The newest one still works."),
			language.Say("Look for it once more, or wait a moment and ask for another one."),
		},
	}
}

// transportProblem answers what Fiber refuses before a handler sees it.
func transportProblem(language locale.Language, refused *fiber.Error) Problem {
	switch refused.Code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		problem := problemOf(language, extension.ErrNotFound)
		problem.Status = refused.Code
		return problem
	case http.StatusRequestEntityTooLarge:
		return Problem{Status: refused.Code, Title: language.Say("This is too much at once"), Sentences: []string{
			language.Say("One request can hold up to %d MB. Nothing was sent or changed.", BodyLimit>>20),
			language.Say("Go back and do it in smaller parts."),
		}}
	case http.StatusRequestHeaderFieldsTooLarge:
		return Problem{Status: refused.Code, Title: language.Say("Your browser sends too many cookies"), Sentences: []string{
			language.Say("The request could not be read. Nothing was changed."), language.Say("Delete the cookies of this site and sign in again."),
		}}
	}
	if refused.Code >= http.StatusInternalServerError {
		return problemOf(language, nil)
	}
	return Problem{Status: refused.Code, Title: language.Say("This request cannot be read"), Sentences: []string{
		language.Say("Nothing was changed."), language.Say("Open the page again and try once more."),
	}}
}
