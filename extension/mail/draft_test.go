package mail

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// The second writing of a letter is by its form; the words of its templates are the truth.
func TestAFormGivesTheVeryLetterOfTheTemplates(t *testing.T) {
	t.Parallel()
	addresses := []string{"a@example.org", "o'neil+x&y@example.org", "A.B_c-d@xn--mller-kva.de", "address/gap.here@example.org"}
	letters := map[string]extension.Letter{}
	for name, change := range map[string]func(*extension.Letter){
		"plain":    func(*extension.Letter) {},
		"reminder": func(l *extension.Letter) { l.Reminder = true },
		"hostile": func(l *extension.Letter) {
			l.Organisation, l.Inviter = "link/gap.here & address/gap.here <b>", "%02 link/gap.here"
		},
		"gap reply": func(l *extension.Letter) { l.ReplyTo = "link/gap.here@example.org" },
		"version 1": func(l *extension.Letter) { l.Version = 1 },
		"French":    func(l *extension.Letter) { l.Version, l.Language = 3, "fr" },
	} {
		letter := chunkTo(addresses...).Letter
		letter.Expires = time.Date(2026, 11, 30, 14, 5, 0, 0, time.UTC)
		change(&letter)
		letters[name] = letter
	}
	for name, letter := range letters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := editions()[letter.Version].in(letter.Language)
			one, err := newDrafts(words, letter)
			if err != nil {
				t.Fatal(err)
			}
			for _, recipient := range append(chunkTo(addresses...).Recipients, chunkTo(addresses...).Recipients...) {
				recipient.Expires, recipient.Area = letter.Expires, "North.East"
				got, err := one.message(recipient)
				if err != nil {
					t.Fatal(err)
				}
				host, _ := linkHost(letter.PublicURL, recipient.Link)
				want := got
				view := one.page(shared{area: recipient.Area, role: recipient.Role, until: words.moment(letter.Expires)}, host, recipient.Address, recipient.Link)
				if err := words.write(&want, view); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-templates +form):\n%s", recipient.Address, diff)
				}
				if !strings.Contains(got.Text, recipient.Link) || !strings.Contains(got.HTML, recipient.Link) {
					t.Errorf("the letter to %s lacks its link", recipient.Address)
				}
			}
		})
	}
}

func BenchmarkLetters(b *testing.B) {
	var addresses []string
	for range 100 {
		addresses = append(addresses, "somebody.or.other@example.org")
	}
	chunk := chunkTo(addresses...)
	for b.Loop() {
		one, err := newDrafts(editions()[extension.LetterVersion].in(chunk.Letter.Language), chunk.Letter)
		if err != nil {
			b.Fatal(err)
		}
		for _, recipient := range chunk.Recipients {
			if _, err := one.message(recipient); err != nil {
				b.Fatal(err)
			}
		}
	}
}
