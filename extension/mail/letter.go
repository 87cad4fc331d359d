package mail

import (
	"embed"
	"errors"
	htmltemplate "html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// The wordings, a pair of files for each version, and from the third one on a pair for each language of it. A released
// version never changes, nor do the rules of name and of dates that go into it: its retries must have the bytes of their
// first call. A new wording is a new version.
//
// The files of notices and news have no version, and their words stand in the catalogs: a notice is sent while Kratos waits,
// and the key of news follows from what it says.
//
//go:embed letters/*.html letters/*.txt
var letters embed.FS

// errAddress says that a recipient's address is none that a message may be addressed to.
var errAddress = errors.New("not a bare mail address")

// untilLayout says date, time and zone in words that mean the same everywhere: "Monday, 30 November 2026, 14:05 UTC".
const untilLayout = "Monday, 2 January 2006, 15:04 MST"

// tagInvitation names the tag that brings a message's invitation back in the provider's webhooks.
const tagInvitation = "invitation"

// edition is one version of the letter in all its languages, English always among them.
type edition map[locale.Language]wording

// wording is one version of the letter in one language.
type wording struct {
	html   *htmltemplate.Template
	text   *texttemplate.Template // defines "subject" and "letter"
	nobody string                 // stands for an organisation without a name
	// operator stands for the operator's built-in name, which is no person's; empty where the letter has no words for it.
	operator inviter
	until    func(extension.Letter, extension.Recipient) time.Time
	moment   func(time.Time) string // words for it
}

// editions are all versions there have been. The first one knows a single expiry for all of its links; from the second
// one on there are reminders, each of which says when the link that it repeats ends; from the third one on the letter is
// written in the organisation's language, and suits somebody who has an account already.
func editions() map[int]edition {
	common := func(letter extension.Letter, _ extension.Recipient) time.Time { return letter.Expires }
	own := func(_ extension.Letter, recipient extension.Recipient) time.Time { return recipient.Expires }
	english := func(at time.Time) string { return at.UTC().Format(untilLayout) }
	third := edition{}
	for _, language := range locale.Languages() {
		words := parse("v3.html", "v3."+string(language)+".html", "v3."+string(language)+".txt")
		words.nobody = words.line("nobody")
		words.operator = inviter{start: words.line("operator"), within: words.line("operator within"), asked: words.line("operator asked")}
		words.until, words.moment = own, language.DateTime
		third[language] = words
	}
	first, second := parse("v1.html", "v1.txt"), parse("v2.html", "v2.txt")
	first.nobody, first.until, first.moment = "an organisation", common, english
	second.nobody, second.until, second.moment = "an organisation", own, english
	return map[int]edition{1: {locale.English: first}, 2: {locale.English: second}, 3: third}
}

// inviter is a name as sentences need it: a person's is the same everywhere.
type inviter struct {
	start  string // at the beginning of one
	within string
	asked  string // in the case that asking takes
}

// inviter is how a letter calls who invites.
func (w wording) inviter(typed string) inviter {
	if typed == extension.OperatorName && w.operator.start != "" {
		return w.operator
	}
	called := name(typed, maxName)
	return inviter{start: called, within: called, asked: called}
}

// in gives the wording in the language of a BCP 47 tag, whatever its region, or else the English one. It looks at the tag
// alone and not at what is nearest to it, so that the same letter always has the same bytes.
func (e edition) in(tag string) wording {
	primary, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	if words, ok := e[locale.Language(strings.ToLower(primary))]; ok {
		return words
	}
	return e[locale.English]
}

// parse reads the files of a wording, the page first. They are part of the program, so a fault in them is a fault of the
// build.
func parse(files ...string) wording {
	var words wording
	for _, file := range files {
		switch path := "letters/" + file; {
		case strings.HasSuffix(file, ".txt"):
			words.text = texttemplate.Must(texttemplate.ParseFS(letters, path))
		case words.html == nil:
			words.html = htmltemplate.Must(htmltemplate.ParseFS(letters, path)).Lookup(file)
		default:
			htmltemplate.Must(words.html.ParseFS(letters, path))
		}
	}
	return words
}

// line gives what one of the text's templates says without being told anything.
func (w wording) line(name string) string {
	var said strings.Builder
	if err := w.text.ExecuteTemplate(&said, name, nil); err != nil {
		panic(err) // as Must does
	}
	return said.String()
}

// page is what the templates see: everything in it that a person typed has gone through name.
type page struct {
	Subject      string
	Organisation string
	Inviter      string // may be empty, and then so are the two below
	Within       string // the inviter within a sentence, from version 3
	Asked        string // the inviter as somebody to ask, from version 3
	Area         string // may be empty
	Role         string // may be empty
	Address      string
	Link         string
	Host         string // of the link, so that the reader knows where it leads
	Until        string
	ReplyTo      string // the bare address that answers go to; may be empty
	Reminder     bool   // of a letter that went out before, from version 2
}

// headers keep machines from answering, since a Reply-To may be a person's mailbox: Auto-Submitted stops answering
// programs that follow RFC 3834 §5, X-Auto-Response-Suppress Exchange's out-of-office and rules (MS-OXCMAIL
// §2.2.3.2.14; not "All", which would suppress bounces too). X-Entity-Ref-ID keeps Gmail from folding a second
// invitation into the thread of the first, whose link no longer works.
func headers(invitation extension.InvitationID) map[string]string {
	return map[string]string{
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "OOF, AutoReply",
		"X-Entity-Ref-ID":          string(invitation),
	}
}

// checkSender makes sure that the configured mailbox is one, before a whole chunk is refused because of it.
func checkSender(sender string) error {
	if _, err := netmail.ParseAddress(sender); err != nil || hasControl(sender) {
		return errors.New("sender of the letter is no mailbox (RFC 5322 §3.4)")
	}
	return nil
}

// bareAddress tells whether a text is one address and nothing else: no name, no list, no comment, no line break.
func bareAddress(text string) bool {
	parsed, err := netmail.ParseAddress(text)
	return err == nil && parsed.Address == text
}

// replies gives the Reply-To mailbox as it was configured, and its bare address. One that cannot be read is left out:
// the letter then names the inviter alone, which is better than no letter.
func replies(mailbox string) (field, address string) {
	parsed, err := netmail.ParseAddress(mailbox)
	if err != nil || hasControl(mailbox) {
		return "", ""
	}
	return mailbox, parsed.Address
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// linkHost gives the host that a link leads to, and makes sure that it is ours. The error never holds the link.
func linkHost(publicURL, link string) (string, error) {
	ours, err := url.Parse(publicURL)
	if err != nil || ours.Host == "" || (ours.Scheme != "https" && ours.Scheme != "http") {
		return "", errors.New("public URL is no web address")
	}
	theirs, err := url.Parse(link)
	if err != nil || theirs.Scheme != ours.Scheme || theirs.Host != ours.Host || theirs.User != nil ||
		strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }) {
		return "", errors.New("link does not lead to the public URL")
	}
	return ours.Host, nil
}
