package mail

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"paperplane/extension"
	"paperplane/extension/locale"
)

func TestALetterIsInTheLanguageOfItsOrganisation(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]struct{ language, subject, until string }{
		"en":      {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
		"en-GB":   {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
		"de":      {"de", "Ihre Einladung zu Northwind Health", "Montag, 30. November 2026, 14:05 UTC"},
		"de-CH":   {"de", "Ihre Einladung zu Northwind Health", "Montag, 30. November 2026, 14:05 UTC"},
		"fr_CA":   {"fr", "Votre invitation à rejoindre Northwind Health", "lundi 30 novembre 2026 à 14:05 UTC"},
		"SV":      {"sv", "Din inbjudan till Northwind Health", "måndag 30 november 2026 kl. 14:05 UTC"},
		"tlh":     {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
		"":        {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
		"<b>de":   {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
		"denmark": {"en", "Your invitation to join Northwind Health", "Monday, 30 November 2026, 14:05 UTC"},
	} {
		letter := sampleLetter()
		letter.Version, letter.Language = 3, tag
		message := write(t, letter, sampleRecipient())
		if message.Subject != want.subject || !strings.Contains(message.HTML, `<html lang="`+want.language+`">`) {
			t.Errorf("%q: the subject is %q", tag, message.Subject)
		}
		if !strings.Contains(message.HTML, want.until) || !strings.Contains(message.Text, want.until) {
			t.Errorf("%q: the letter does not say %q", tag, want.until)
		}
	}
}

func TestTheOperatorIsNamedInTheLanguageOfTheLetter(t *testing.T) {
	t.Parallel()
	for language, want := range map[locale.Language][2]string{
		locale.English: {"The operator of Paperplane invites you", "Ask the operator of Paperplane,"},
		locale.German:  {"Der Betreiber von Paperplane lädt Sie", "an den Betreiber von Paperplane,"},
		locale.French:  {"L’exploitant de Paperplane vous invite", "à l’exploitant de Paperplane,"},
		locale.Swedish: {"Den som driver Paperplane bjuder", "Fråga den som driver Paperplane,"},
	} {
		letter := sampleLetter()
		letter.Version, letter.Language, letter.Inviter = 3, string(language), extension.OperatorName
		message := write(t, letter, sampleRecipient())
		for _, words := range want {
			if !strings.Contains(message.Text, words) {
				t.Errorf("%s: the text does not say %q:\n%s", language, words, message.Text)
			}
		}
		if !strings.Contains(strings.Join(readable(t, message.HTML), " "), want[1]) {
			t.Errorf("%s: the HTML does not say %q", language, want[1])
		}
		letter.Reminder = true
		reminder := write(t, letter, sampleRecipient())
		if language != locale.English && strings.Contains(reminder.Text+reminder.HTML, extension.OperatorName) {
			t.Errorf("%s: the reminder names the operator in English", language)
		}
		if strings.Contains(reminder.Text, ": "+strings.SplitN(want[0], " ", 2)[0]+" ") {
			t.Errorf("%s: within a sentence the operator has a capital:\n%s", language, reminder.Text)
		}
	}
}

func TestEveryLanguageSaysEverythingInBothForms(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Languages() {
		for _, reminder := range []bool{false, true} {
			letter := sampleLetter()
			letter.Version, letter.Language, letter.Reminder = 3, string(language), reminder
			message := write(t, letter, sampleRecipient())
			wantLinks(t, message)
			for _, want := range []string{
				"Alice Meyer", "Northwind Health", "North Ward", "Nurse", link, "onboarding.example.org", language.DateTime(letter.Expires),
				"bob@northwind.example", "help@northwind.example", "Paperplane",
			} {
				if !strings.Contains(message.Text, want) || !strings.Contains(message.HTML, want) {
					t.Errorf("%s: one of the forms does not say %q", language, want)
				}
			}
			for _, line := range readable(t, message.HTML) {
				if language != locale.English && slices.ContainsFunc([]string{"the ", "you ", "your "}, func(s string) bool { return strings.Contains(line, s) }) {
					t.Errorf("%s: the HTML says in English %q", language, line)
				}
			}
		}
	}
}

func TestALetterSuitsSomebodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	for language, want := range map[string]string{
		"en": "If you have an account already, sign in", "de": "Wenn Sie schon ein Konto haben, melden Sie sich damit an",
		"fr": "Si vous avez déjà un compte, connectez-vous", "sv": "Har du redan ett konto loggar du in",
	} {
		letter := sampleLetter()
		letter.Version, letter.Language = 3, language
		message := write(t, letter, sampleRecipient())
		if !strings.Contains(message.Text, want) || !strings.Contains(message.HTML, want) {
			t.Errorf("%s: one of the forms does not say %q", language, want)
		}
	}
}

// readable are the texts of a page.
func readable(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for node := range root.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "style" {
			lines = append(lines, strings.TrimSpace(node.Data))
		}
	}
	return lines
}
