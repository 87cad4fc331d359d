package mail

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"paperplane/extension"
)

// drafts writes the letters of one chunk. The people of a chunk mostly share everything but their address and their
// link, so what they share is written once, as a form with gaps.
type drafts struct {
	words        wording
	letter       extension.Letter
	replyTo      string // the mailbox that answers go to; may be empty
	replyAddress string // its bare address
	alike        bool   // forms can be used: nothing in the letter looks like one of their gaps
	forms        map[shared]form
}

// shared is what the letters of one form have in common beside what all of the chunk have.
type shared struct {
	area, role, until string
}

// newDrafts begins the letters of a chunk.
func newDrafts(words wording, letter extension.Letter) (*drafts, error) {
	if err := checkSender(letter.Sender); err != nil {
		return nil, err
	}
	replyTo, replyAddress := replies(letter.ReplyTo)
	return &drafts{
		words: words, letter: letter, replyTo: replyTo, replyAddress: replyAddress, forms: map[shared]form{},
		alike: !strings.Contains(replyAddress, addressGap) && !strings.Contains(replyAddress, linkGap),
	}, nil
}

// message writes the letter to one person.
func (d *drafts) message(recipient extension.Recipient) (Message, error) {
	if !bareAddress(recipient.Address) {
		return Message{}, fmt.Errorf("address of invitation %s: %w", recipient.Invitation, errAddress)
	}
	host, err := linkHost(d.letter.PublicURL, recipient.Link)
	if err != nil {
		return Message{}, fmt.Errorf("link of invitation %s: %w", recipient.Invitation, err)
	}
	until := d.words.until(d.letter, recipient)
	if until.IsZero() {
		return Message{}, fmt.Errorf("letter of invitation %s says no time until when its link works", recipient.Invitation)
	}
	message := Message{
		Invitation: recipient.Invitation,
		From:       d.letter.Sender,
		To:         recipient.Address,
		ReplyTo:    d.replyTo,
		Headers:    headers(recipient.Invitation),
		Tags:       []Tag{{Name: tagInvitation, Value: string(recipient.Invitation)}},
	}
	common := shared{area: recipient.Area, role: recipient.Role, until: d.words.moment(until)}
	if !d.alike || !plain(recipient.Address) || !plain(recipient.Link) {
		err = d.words.write(&message, d.page(common, host, recipient.Address, recipient.Link))
		return message, err
	}
	written, ok := d.forms[common]
	if !ok {
		if written, err = d.words.form(d.page(common, host, addressGap, linkGap)); err != nil {
			return Message{}, err
		}
		d.forms[common] = written
	}
	written.fill(&message, recipient.Address, recipient.Link)
	return message, nil
}

// page is what the templates see of one letter.
func (d *drafts) page(common shared, host, address, link string) page {
	by := d.words.inviter(d.letter.Inviter)
	return page{
		Organisation: cmp.Or(name(d.letter.Organisation, maxName), d.words.nobody),
		Inviter:      by.start,
		Within:       by.within,
		Asked:        by.asked,
		Area:         name(common.area, maxNames),
		Role:         name(common.role, maxNames),
		Address:      address,
		Link:         link,
		Host:         host,
		Until:        common.until,
		ReplyTo:      d.replyAddress,
		Reminder:     d.letter.Reminder,
	}
}

// write fills in the subject, the text and the HTML.
func (w wording) write(message *Message, view page) error {
	var subject, text, html bytes.Buffer
	short := view
	short.Organisation = shorten(view.Organisation, maxSubject)
	if err := w.text.ExecuteTemplate(&subject, "subject", short); err != nil {
		return fmt.Errorf("write subject: %w", err)
	}
	view.Subject = subject.String()
	if err := w.text.ExecuteTemplate(&text, "letter", view); err != nil {
		return fmt.Errorf("write text: %w", err)
	}
	if err := w.html.Execute(&html, view); err != nil {
		return fmt.Errorf("write HTML: %w", err)
	}
	message.Subject, message.Text, message.HTML = view.Subject, text.String(), html.String()
	return nil
}

// The gaps of a form. They pass both templates as they are, and no name can hold one, because a dot between letters is
// parted (see unlinked).
const (
	addressGap = "address/gap.here"
	linkGap    = "link/gap.here"
)

// form is a letter in which address and link are still to be filled in.
type form struct {
	subject    string
	text, html []string // literal pieces and gaps
}

// form writes a letter around its gaps.
func (w wording) form(view page) (form, error) {
	var written Message
	if err := w.write(&written, view); err != nil {
		return form{}, err
	}
	return form{subject: written.Subject, text: pieces(written.Text), html: pieces(written.HTML)}, nil
}

// pieces cuts a text at its gaps, and keeps them.
func pieces(text string) []string {
	var all []string
	for text != "" {
		before, gap := text, ""
		for _, candidate := range []string{addressGap, linkGap} {
			if found, _, ok := strings.Cut(before, candidate); ok {
				before, gap = found, candidate
			}
		}
		all = append(all, before, gap)
		text = text[len(before)+len(gap):]
	}
	return all
}

// fill writes one person's letter. Address and link must be plain.
func (f form) fill(message *Message, address, link string) {
	message.Subject, message.Text, message.HTML = f.subject, filled(f.text, address, link), filled(f.html, address, link)
}

func filled(pieces []string, address, link string) string {
	var text strings.Builder
	for _, piece := range pieces {
		switch piece {
		case addressGap:
			text.WriteString(address)
		case linkGap:
			text.WriteString(link)
		default:
			text.WriteString(piece)
		}
	}
	return text.String()
}

// plain tells whether a text is the same in plain text, in HTML and in an attribute that holds a URL, as nearly all
// addresses and links are: then it needs no template's escaping.
func plain(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._:/-") == ""
}
