package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// sentenceNotice tells that a code or news did not go out now. Whoever sends it tries again, and not for ever.
const sentenceNotice = "The mail server did not take an email now."

// From gives a post whose notices and news come from this mailbox (RFC 5322 §3.4). Letters name theirs themselves.
func (p *Post) From(mailbox string) *Post {
	sender := *p
	sender.from = mailbox
	return &sender
}

// Notify mails one code, under a key that follows from Notice.Key, so that a repetition within the provider's memory sends
// no second message. A provider that remembers no keys may send it twice after an answer was lost: the same code twice
// does no harm, and none at all would. An *extension.TroubleError says that the same call should be made again; every other
// error that it need not be. No error holds the code.
func (p *Post) Notify(ctx context.Context, notice extension.Notice) error {
	key := noticeKey(notice)
	message, err := p.notice(notice, key)
	if err != nil {
		return fmt.Errorf("write notice %s: %w", key, err)
	}
	result, err := p.handOver(ctx, key, message)
	switch {
	case err != nil:
	case result.Refused != "":
		err = fmt.Errorf("refused: %s", result.Refused)
	case result.MessageID == "":
		err = &extension.TroubleError{Sentence: sentenceNotice, Cause: errors.New(result.fate())}
	}
	if err != nil {
		return fmt.Errorf("send notice %s: %w", key, err)
	}
	return nil
}

// handOver sends one message that is not remembered here, and gives what became of it.
func (p *Post) handOver(ctx context.Context, key string, message Message) (Result, error) {
	unmarked := func(context.Context, extension.InvitationID) (bool, error) { return true, nil }
	results, err := p.send(ctx, extension.ChunkID(key), []Message{message}, unmarked)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

// fate says in a few words why a message that was not refused was not accepted either.
func (r Result) fate() string {
	switch {
	case r.PutOff != "":
		return r.PutOff
	case r.Unknown:
		return "it may or may not have been sent"
	}
	return "it was not sent"
}

// noticeKey is the notice's key in characters that a provider and a Message-ID can hold. It tells nothing of the notice.
func noticeKey(notice extension.Notice) string {
	sum := sha256.Sum256([]byte(notice.Key))
	return "notice-" + hex.EncodeToString(sum[:16])
}

func (p *Post) notice(notice extension.Notice, key string) (Message, error) {
	if err := checkSender(p.from); err != nil {
		return Message{}, err
	}
	if !bareAddress(notice.Address) {
		return Message{}, errAddress
	}
	if notice.Code == "" || hasControl(notice.Code) || notice.Key == "" {
		return Message{}, errors.New("notice has no code of one line, or no key")
	}
	words, ok := noticeWords(notice)
	if !ok {
		return Message{}, fmt.Errorf("notice of unknown kind %q", notice.Kind)
	}
	id := extension.InvitationID(key)
	message := Message{Invitation: id, From: p.from, To: notice.Address, Headers: headers(id), Subject: words.Subject}
	var text, html bytes.Buffer
	if err := p.notices.text.ExecuteTemplate(&text, "letter", words); err != nil {
		return Message{}, fmt.Errorf("write text: %w", err)
	}
	if err := p.notices.html.Execute(&html, words); err != nil {
		return Message{}, fmt.Errorf("write HTML: %w", err)
	}
	message.Text, message.HTML = text.String(), html.String()
	return message, nil
}

// noticePage is what the templates of a notice see.
type noticePage struct {
	Language string
	Subject  string
	Heading  string
	Purpose  string // what to do with the code
	Code     string
	Validity string // how long it works
	Secrecy  string
	NotYours string // what to do for somebody who did not ask for it
	Sender   string
}

// noticeWords gives a notice's words in its reader's language; false for an unknown kind. The subject does not hold the code,
// because a locked phone shows subjects.
func noticeWords(notice extension.Notice) (noticePage, bool) {
	language := locale.Match(notice.Language)
	organisation := name(notice.Organisation, maxName)
	page := noticePage{
		Language: string(language), Code: notice.Code,
		Validity: language.Say("The code works once, and for a short time only."),
		Secrecy:  language.Say("Do not pass it on: nobody who works for us will ever ask you for it."),
		Sender:   language.Say("Sent by Paperplane"),
	}
	if notice.Minutes > 0 {
		page.Validity = language.Say("The code works once, for the next %d min.", notice.Minutes)
	}
	switch notice.Kind {
	case extension.NoticeSecondFactor:
		page.Heading = language.Say("Your code to sign in")
		page.Purpose = language.Say("Type this code on the page that asks for it. It is the second step after your password.")
		page.NotYours = language.Say("If this was not you, somebody may know your password: change it, and tell your administrator.")
	case extension.NoticeRecovery:
		page.Heading = language.Say("Your code to recover your account")
		page.Purpose = language.Say("Type this code on the page that asks for it. Then you can choose a new password.")
		page.NotYours = language.Say("If this was not you, ignore this email: without the code nothing changes. If it comes again, tell your administrator.")
	case extension.NoticeVerification:
		page.Heading = language.Say("Your code to confirm your email address")
		page.Purpose = language.Say("Type this code on the page that asks for it. It shows that this email address is yours.")
		page.NotYours = language.Say("If this was not you, ignore this email: without the code nothing changes. If it comes again, tell your administrator.")
	default:
		return noticePage{}, false
	}
	page.Subject = page.Heading
	if organisation != "" {
		page.Subject = language.Say("%s: %s", shorten(organisation, maxSubject), page.Heading)
		page.Sender = language.Say("Sent by Paperplane for %s", organisation)
	}
	return page, true
}
