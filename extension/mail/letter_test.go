package mail

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/locale"
)

var update = flag.Bool("update", false, "write the golden letters anew")

const (
	invitation = extension.InvitationID("0b6e1f8e-5f1c-4d56-9a54-8c0b3f1f2a77")
	link       = "https://onboarding.example.org/join/k1.C24fjl8cTVaaVIwLPx8qd7Q0mZ1l0Zr3b7S2o5jJk9wq0uX1c4yE8sQvH2nT6bLd"
)

func sampleLetter() extension.Letter {
	return extension.Letter{
		Version:      2,
		Organisation: "Northwind Health",
		Inviter:      "Alice Meyer",
		Language:     "en",
		Sender:       "Paperplane <invitations@onboarding.example.org>",
		ReplyTo:      "Northwind Help Desk <help@northwind.example>",
		PublicURL:    "https://onboarding.example.org",
		Expires:      time.Date(2026, time.November, 30, 15, 5, 42, 0, time.FixedZone("CET", 3600)),
	}
}

func sampleRecipient() extension.Recipient {
	return extension.Recipient{
		Invitation: invitation,
		Address:    "bob@northwind.example",
		Area:       "North Ward",
		Role:       "Nurse",
		LinkOf:     invitation,
		Expires:    sampleLetter().Expires,
		Link:       link,
	}
}

// recorder is a Sender that keeps what it is given.
type recorder struct {
	messages []Message
}

func (r *recorder) Memory() time.Duration { return time.Hour }

func (r *recorder) Send(_ context.Context, _ extension.ChunkID, messages []Message, _ extension.Mark) ([]Result, error) {
	r.messages = messages
	results := make([]Result, len(messages))
	for i := range results {
		results[i].MessageID = extension.NewID[string]()
	}
	return results, nil
}

func write(t *testing.T, letter extension.Letter, recipient extension.Recipient) Message {
	t.Helper()
	out := &recorder{}
	chunk := extension.Chunk{ID: "c", Letter: letter, Recipients: []extension.Recipient{recipient}}
	if _, err := NewPost(out).Deliver(t.Context(), chunk, nil); err != nil {
		t.Fatalf("deliver: %v", err)
	}
	if len(out.messages) != 1 {
		t.Fatalf("%d messages were sent, want 1", len(out.messages))
	}
	return out.messages[0]
}

func TestLetterIsAsItWasReleased(t *testing.T) {
	t.Parallel()
	bare := sampleLetter()
	bare.Inviter, bare.ReplyTo = "", ""
	alone := sampleRecipient()
	alone.Area, alone.Role = "", ""
	long := sampleLetter()
	long.Organisation = "Стационар № 4 и поликлиника – Verbund der Krankenhäuser an Rhein und Ruhr gGmbH, Standort Nord"
	many := sampleRecipient()
	many.Area = "North Ward, South Ward, Intensive Care, Outpatients, Physiotherapy, Radiology, Laboratory"
	many.Role = "Nurse, Team lead, Practice educator"
	many.Address = "a.very.long.address.of.somebody@department-of-physiotherapy.northwind.example"

	check := func(name string, letter extension.Letter, recipient extension.Recipient) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := write(t, letter, recipient)
			golden(t, name+".html", message.HTML)
			golden(t, name+".txt", "Subject: "+message.Subject+"\n\n"+message.Text)
		})
	}
	for version := range editions() {
		for name, letter := range map[string]struct {
			extension.Letter
			extension.Recipient
		}{"full": {sampleLetter(), sampleRecipient()}, "plain": {bare, alone}, "long": {long, many}} {
			letter.Version = version
			check(fmt.Sprintf("v%d-%s", version, name), letter.Letter, letter.Recipient)
		}
	}
	for version, languages := range editions() {
		if version == 1 {
			continue // it knew no reminders
		}
		for language := range languages {
			prefix := fmt.Sprintf("v%d", version)
			if language != locale.English {
				prefix += "-" + string(language)
			}
			reminder, bareReminder := sampleLetter(), bare
			reminder.Version, reminder.Language, reminder.Reminder = version, string(language), true
			check(prefix+"-reminder", reminder, sampleRecipient())
			bareReminder.Version, bareReminder.Language, bareReminder.Reminder = version, string(language), true
			check(prefix+"-reminder-plain", bareReminder, alone)
			if language != locale.English {
				reminder.Reminder, bareReminder.Reminder = false, false
				check(prefix+"-full", reminder, sampleRecipient())
				check(prefix+"-plain", bareReminder, alone)
			}
		}
	}
}

func TestTheNewestVersionIsKnown(t *testing.T) {
	t.Parallel()
	if _, ok := editions()[extension.LetterVersion]; !ok {
		t.Errorf("letters of version %d cannot be written", extension.LetterVersion)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed; a released wording never does, write a new version instead (-want +got):\n%s", file, diff)
	}
}

func TestLetterSaysEverythingInBothForms(t *testing.T) {
	t.Parallel()
	message := write(t, sampleLetter(), sampleRecipient())
	for _, want := range []string{
		"Alice Meyer", "Northwind Health", "North Ward", "Nurse", link, "onboarding.example.org",
		"Monday, 30 November 2026, 14:05 UTC", "bob@northwind.example", "help@northwind.example",
		"ignore it: nothing happens", "Ask Alice Meyer", "do not forward",
	} {
		if !strings.Contains(message.Text, want) {
			t.Errorf("the text does not say %q", want)
		}
		if !strings.Contains(message.HTML, want) {
			t.Errorf("the HTML does not say %q", want)
		}
	}
}

func TestLetterLoadsNothingAndLinksOnlyToTheInvitation(t *testing.T) {
	t.Parallel()
	message := write(t, sampleLetter(), sampleRecipient())
	for _, banned := range []string{"<img", "<script", "<link", "src=", "url(", "@import", "background=", "<form", "<iframe"} {
		if strings.Contains(strings.ToLower(message.HTML), banned) {
			t.Errorf("the HTML has %s", banned)
		}
	}
	wantLinks(t, message)
}

var hrefs = regexp.MustCompile(`href="([^"]*)"`)

func wantLinks(t *testing.T, message Message) {
	t.Helper()
	found := hrefs.FindAllStringSubmatch(message.HTML, -1)
	if len(found) != 2 {
		t.Errorf("the HTML has %d links, want the button and the text", len(found))
	}
	for _, href := range found {
		if href[1] != link {
			t.Errorf("the HTML links to %s", href[1])
		}
	}
	if n := strings.Count(message.HTML+message.Text, "://"); n != 4 {
		t.Errorf("the letter has %d addresses, want the button, its text and the plain text", n)
	}
}

func TestMessageIsAddressedToOnePersonAndMarkedAsAutomatic(t *testing.T) {
	t.Parallel()
	message := write(t, sampleLetter(), sampleRecipient())
	message.HTML, message.Text = "", ""
	want := Message{
		Invitation: invitation,
		From:       "Paperplane <invitations@onboarding.example.org>",
		To:         "bob@northwind.example",
		ReplyTo:    "Northwind Help Desk <help@northwind.example>",
		Subject:    "Your invitation to join Northwind Health",
		Headers: map[string]string{
			"Auto-Submitted":           "auto-generated",
			"X-Auto-Response-Suppress": "OOF, AutoReply",
			"X-Entity-Ref-ID":          string(invitation),
		},
		Tags: []Tag{{Name: "invitation", Value: string(invitation)}},
	}
	if diff := cmp.Diff(want, message); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

// payloads are what somebody might type as a name to misuse our letters.
func payloads() map[string]string {
	return map[string]string{
		"header":    "Eve\r\nBcc: victim@evil.example\r\n\r\nHello",
		"newlines":  "Eve\n\nYOUR ACCOUNT IS LOCKED\nhttps://evil.example/login",
		"markup":    `<a href="https://evil.example">x</a><script>alert(1)</script>"><img src=x onerror=alert(1)>`,
		"scheme":    "Pay at https://evil.example/pay?x=1 now",
		"www":       "www.evil.example and WWW.X.example",
		"domain":    "evil.example/login",
		"mail":      "write to eve@evil.example",
		"ideograph": "evil。example ｅｖｉｌ．ｅｘａｍｐｌｅ evil․example",
		"bidi":      "\u202Eelpmaxe.live\u202C evil\u200b.\u200bexample evil.\u00adexample",
		"separator": "Eve\u2028Bcc: victim\u2029x\u0085y\x00z\x7f",
		"invalid":   "Eve \xff\xfe evil\xff.example",
		"template":  `{{.Link}} {{define "letter"}}owned{{end}}`,
		"long":      strings.Repeat("Eve wins a prize. ", 1000),
		"share":     `\\evil.example\share`,
	}
}

func TestNamesCanNotBreakOutOfTheLetter(t *testing.T) {
	t.Parallel()
	fields := map[string]func(*extension.Letter, *extension.Recipient, string){
		"organisation": func(l *extension.Letter, _ *extension.Recipient, s string) { l.Organisation = s },
		"inviter":      func(l *extension.Letter, _ *extension.Recipient, s string) { l.Inviter = s },
		"reply to":     func(l *extension.Letter, _ *extension.Recipient, s string) { l.ReplyTo = s },
		"language":     func(l *extension.Letter, _ *extension.Recipient, s string) { l.Language = s },
		"area":         func(_ *extension.Letter, r *extension.Recipient, s string) { r.Area = s },
		"role":         func(_ *extension.Letter, r *extension.Recipient, s string) { r.Role = s },
	}
	for field, set := range fields {
		for kind, payload := range payloads() {
			t.Run(field+" "+kind, func(t *testing.T) {
				t.Parallel()
				for version, languages := range editions() {
					for language := range languages {
						letter, recipient := sampleLetter(), sampleRecipient()
						letter.Version, letter.Language = version, string(language)
						set(&letter, &recipient, payload)
						wantHarmless(t, write(t, letter, recipient))
					}
				}
			})
		}
	}
}

// linkable is what mail clients make a link of.
var linkable = regexp.MustCompile(`(?i)(evil|www|x)[.。．․｡]\S|www\.\S|evil\.example|\\\\`)

func wantHarmless(t *testing.T, message Message) {
	t.Helper()
	wantLinks(t, message)
	fields := []string{message.From, message.To, message.ReplyTo, message.Subject}
	for name, value := range message.Headers {
		fields = append(fields, name, value)
	}
	for _, field := range fields {
		if strings.ContainsFunc(field, unicode.IsControl) {
			t.Errorf("header text %q has a control character", field)
		}
	}
	for _, banned := range []string{"<script", "<img", "onerror=alert(1)>"} {
		if strings.Contains(message.HTML, banned) {
			t.Errorf("the HTML has %q", banned)
		}
	}
	for _, form := range []string{message.Subject, message.Text, message.HTML} {
		if found := linkable.FindString(form); found != "" {
			t.Errorf("a mail client makes a link of %q", found)
		}
		if strings.ContainsFunc(form, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
			t.Error("the letter has an invisible character")
		}
	}
	for line := range strings.Lines(message.Text) {
		if strings.HasPrefix(line, "Bcc") || strings.HasPrefix(line, "YOUR ACCOUNT") {
			t.Errorf("a name began a line of its own: %q", line)
		}
	}
	if n := len([]rune(message.Subject)); n > 100 {
		t.Errorf("the subject has %d characters", n)
	}
}

func TestLetterIsNotWrittenWithWhatCanNotBeRight(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*extension.Letter, *extension.Recipient){
		"a sender that is no mailbox": func(l *extension.Letter, _ *extension.Recipient) { l.Sender = "Paperplane" },
		"a sender with a line break": func(l *extension.Letter, _ *extension.Recipient) {
			l.Sender = "P <p@example.org>\r\nBcc: x@example.org"
		},
		"no expiry": func(_ *extension.Letter, r *extension.Recipient) { r.Expires = time.Time{} },
		"no expiry in the first wording": func(l *extension.Letter, _ *extension.Recipient) {
			l.Version, l.Expires = 1, time.Time{}
		},
		"no public URL":          func(l *extension.Letter, _ *extension.Recipient) { l.PublicURL = "" },
		"an unknown version":     func(l *extension.Letter, _ *extension.Recipient) { l.Version = 99 },
		"no link":                func(_ *extension.Letter, r *extension.Recipient) { r.Link = "" },
		"a link to another host": func(_ *extension.Letter, r *extension.Recipient) { r.Link = "https://evil.example/join/x" },
		"a link that only looks like ours": func(_ *extension.Letter, r *extension.Recipient) {
			r.Link = "https://onboarding.example.org@evil.example/"
		},
		"a link with a user":            func(_ *extension.Letter, r *extension.Recipient) { r.Link = "https://evil@onboarding.example.org/" },
		"a link of another scheme":      func(_ *extension.Letter, r *extension.Recipient) { r.Link = "javascript:alert(1)" },
		"a link with a line break":      func(_ *extension.Letter, r *extension.Recipient) { r.Link = link + "\r\nx" },
		"a link with markup and spaces": func(_ *extension.Letter, r *extension.Recipient) { r.Link = link + `" onclick="x` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			letter, recipient := sampleLetter(), sampleRecipient()
			change(&letter, &recipient)
			out := &recorder{}
			chunk := extension.Chunk{ID: "c", Letter: letter, Recipients: []extension.Recipient{recipient}}
			_, err := NewPost(out).Deliver(t.Context(), chunk, nil)
			if err == nil || len(out.messages) > 0 {
				t.Fatalf("it was sent, error %v", err)
			}
			if recipient.Link != "" && strings.Contains(err.Error(), recipient.Link) {
				t.Errorf("the error tells the link: %v", err)
			}
		})
	}
}

func TestBadAddressRefusesOnePersonAlone(t *testing.T) {
	t.Parallel()
	chunk := extension.Chunk{ID: "c", Letter: sampleLetter()}
	for _, address := range []string{
		"a@example.org", "Eve <eve@example.org>", "b@example.org\r\nBcc: x@example.org", "c@example.org, d@example.org", "", "e@example.org",
	} {
		recipient := sampleRecipient()
		recipient.Invitation, recipient.Address = extension.NewID[extension.InvitationID](), address
		chunk.Recipients = append(chunk.Recipients, recipient)
	}
	out := &recorder{}
	receipts, err := NewPost(out).Deliver(t.Context(), chunk, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, receipt := range receipts {
		if receipt.Invitation != chunk.Recipients[i].Invitation {
			t.Errorf("receipt %d is for another invitation", i)
		}
		good := i == 0 || i == 5
		if (receipt.MessageID != "") != good || (receipt.Refused == "") != good {
			t.Errorf("receipt of %q: %+v", chunk.Recipients[i].Address, receipt)
		}
	}
	if len(out.messages) != 2 || out.messages[1].To != "e@example.org" {
		t.Errorf("sent %d messages", len(out.messages))
	}
}

func TestEveryVersionThereHasBeenCanBeWritten(t *testing.T) {
	t.Parallel()
	for version := 1; version <= len(editions()); version++ {
		letter := sampleLetter()
		letter.Version = version
		write(t, letter, sampleRecipient())
	}
}
