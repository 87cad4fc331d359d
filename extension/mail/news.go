package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// Tell mails news, under a key that follows from all that it says: a repetition sends no second message within the
// provider's memory, and the same news in other words is another message. A provider that remembers no keys may send it
// twice after an answer was lost, which does no harm. extension.ErrRefused says that the message was refused for good, or
// that its address is none; every other error that the same call should be made again, once what is wrong is put right. No
// error quotes what the provider says of this address.
func (p *Post) Tell(ctx context.Context, news extension.News) error {
	message, err := p.tells(news)
	if err != nil {
		return fmt.Errorf("write news %s: %w", news.ID, err)
	}
	key := newsKey(news.ID, message)
	message.Invitation, message.Headers = extension.InvitationID(key), headers(extension.InvitationID(key))
	result, err := p.handOver(ctx, key, message)
	switch {
	case err != nil:
	case result.Refused != "":
		err = extension.ErrRefused
	case result.MessageID == "":
		err = &extension.TroubleError{Sentence: sentenceNotice}
	}
	if err != nil {
		return fmt.Errorf("send news %s: %w", news.ID, err)
	}
	return nil
}

// newsKey is a key in characters that a provider and a Message-ID can hold.
func newsKey(id extension.NewsID, m Message) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{string(id), m.From, m.To, m.ReplyTo, m.Subject, m.Text, m.HTML}))
	return "news-" + hex.EncodeToString(sum[:16])
}

// tells writes the letter.
func (p *Post) tells(news extension.News) (Message, error) {
	if err := checkSender(p.from); err != nil {
		return Message{}, err
	}
	if !bareAddress(news.Address) {
		return Message{}, fmt.Errorf("%w: %w", extension.ErrRefused, errAddress)
	}
	if settings, err := url.Parse(news.Settings); err != nil || settings.Host == "" {
		return Message{}, errors.New("the page of the account is no web address")
	}
	words, err := newsWords(news)
	if err != nil {
		return Message{}, err
	}
	message := Message{From: p.from, To: news.Address, Subject: words.Subject}
	message.ReplyTo, _ = replies(news.Contact)
	var text, html bytes.Buffer
	if err := p.news.text.ExecuteTemplate(&text, "letter", words); err != nil {
		return Message{}, fmt.Errorf("write text: %w", err)
	}
	if err := p.news.html.Execute(&html, words); err != nil {
		return Message{}, fmt.Errorf("write HTML: %w", err)
	}
	message.Text, message.HTML = text.String(), html.String()
	return message, nil
}

// newsPage is what the templates of news see.
type newsPage struct {
	Language string
	Subject  string
	Heading  string
	Changes  []toldChange
	Yours    string // what to do for somebody who did it
	NotYours string // and for somebody who did not
	Look     string // leads to Settings
	Settings string
	Asks     string // that the link signs nobody in
	Sender   string
}

// toldChange is one change in words.
type toldChange struct {
	What string
	When string
}

// newsWords gives the words in the reader's language.
func newsWords(news extension.News) (newsPage, error) {
	language := locale.Match(news.Language)
	page := newsPage{
		Language: string(language), Settings: news.Settings,
		Heading:  language.Say("Your account was changed"),
		Yours:    language.Say("If you did this, or asked for it, there is nothing to do."),
		NotYours: notYours(language, news),
		Look:     language.Say("Look at your account"),
		Asks:     language.Say("The link leads to your settings and signs nobody in: you sign in yourself, as always."),
		Sender:   language.Say("Sent by Paperplane"),
	}
	page.Subject = page.Heading
	if organisation := name(news.Organisation, maxName); organisation != "" {
		page.Subject = language.Say("%s: %s", shorten(organisation, maxSubject), page.Heading)
		page.Sender = language.Say("Sent by Paperplane for %s", organisation)
	}
	for _, change := range news.Changes {
		what := changeWords(language, change)
		if what == "" {
			return newsPage{}, fmt.Errorf("there are no words for a change %q of %q", change.Kind, change.Factor)
		}
		page.Changes = append(page.Changes, toldChange{What: what, When: language.DateTime(change.At)})
	}
	if len(page.Changes) == 0 {
		return newsPage{}, errors.New("nothing has changed")
	}
	return page, nil
}

// notYours says what to do for somebody who did not do it. With several organisations, or none that says whom to ask, the
// reader knows best.
func notYours(language locale.Language, news extension.News) string {
	if _, contact := replies(news.Contact); contact != "" {
		return language.Say("If not, somebody else may have: sign in, look at your account, change your password, and tell your administrator. Your reply to this email goes to %s.", contact)
	}
	return language.Say("If not, somebody else may have: sign in, look at your account, change your password, and tell your administrator.")
}

// changeWords says what has changed; empty for what there are no words for.
func changeWords(language locale.Language, change extension.AccountChange) string {
	switch change.Kind {
	case extension.ChangeAdded:
		return addedWords(language, change)
	case extension.ChangeRemoved:
		return removedWords(language, change)
	case extension.ChangeReset:
		return language.Say("An administrator has taken your second factor away, and you were signed out everywhere. When one is asked for, you can set it up anew.")
	case extension.ChangeMobileFreed:
		return language.Say("An administrator has taken the mobile number %s out of your account: somebody else needs it for theirs, and in yours it was never confirmed. If it is your number, you can enter it again in your settings.", change.Address)
	case extension.ChangePassword:
		return language.Say("A new password was set.")
	case extension.ChangeSignIns:
		return language.Say("A passkey, or a way to sign in with an account at another site, was added or removed.")
	case extension.ChangeRecovered:
		return language.Say("A recovery code was used to sign in.")
	}
	return ""
}

func addedWords(language locale.Language, change extension.AccountChange) string {
	switch change.Factor {
	case extension.FactorTOTP:
		return language.Say("An authenticator app was added as a second factor.")
	case extension.FactorSMS:
		return language.Say("Codes by text message to %s were added as a second factor.", change.Address)
	case extension.FactorEmail:
		return language.Say("Codes by email were added as a second factor.")
	case extension.FactorWebAuthn:
		return language.Say("A security key was added as a second factor.")
	case extension.FactorRecovery:
		return language.Say("New recovery codes were made. Older ones no longer work.")
	}
	return ""
}

func removedWords(language locale.Language, change extension.AccountChange) string {
	switch change.Factor {
	case extension.FactorTOTP:
		return language.Say("The authenticator app is no longer a second factor.")
	case extension.FactorSMS:
		return language.Say("Codes by text message to %s are no longer a second factor.", change.Address)
	case extension.FactorEmail:
		return language.Say("Codes by email are no longer a second factor.")
	case extension.FactorWebAuthn:
		return language.Say("Security keys are no longer a second factor.")
	case extension.FactorRecovery:
		return language.Say("The recovery codes were taken away.")
	}
	return ""
}
