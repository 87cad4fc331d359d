package admin

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/invite"
	"paperplane/extension/recognise"
)

// listed is how many pieces a list beside the count shows; the rest is counted.
const listed = 50

// count says what was recognised in a text. The page shows it after a press, and a script while somebody types; both
// get these words from here.
type count struct {
	Count    int         `json:"count"`
	Sentence string      `json:"sentence"`
	Fault    string      `json:"fault"` // why Invite would refuse so much; empty when it would not
	Lists    []countList `json:"lists"`
}

// countList is one kind of piece that deserves a look. Its name stands on the page.
type countList struct {
	Name  string      `json:"name"`
	Title string      `json:"title"` // empty when there is no such piece
	Items []countItem `json:"items"`
	More  string      `json:"more"` // how many are not listed
}

// countItem is one piece and what there is to say about it.
type countItem struct {
	Text string `json:"text"`
	Why  string `json:"why"`
}

// countOf recognises the addresses in a text, with the code that Invite uses. Of a text that is too long nothing is read.
func countOf(text string) count {
	if len(text) > invite.MaxPaste {
		return count{Sentence: invite.TooMuch(), Fault: invite.TooMuch(), Lists: []countList{}}
	}
	found := recognise.Recognise(text)
	sentence := counted(len(found.Recognised), "address", "addresses") + " recognised"
	if found.Duplicates > 0 {
		sentence += ", " + counted(found.Duplicates, "repetition", "repetitions") + " left out"
	}
	fault := ""
	if len(found.Recognised)+len(found.Rejected) > invite.MaxPieces {
		fault = invite.TooMuch()
		sentence += ". " + fault
	}
	return count{Count: len(found.Recognised), Sentence: sentence, Fault: fault, Lists: []countList{
		listOf("rejected", "piece not recognised", "pieces not recognised", found.Rejected, func(r recognise.Rejected) countItem {
			return countItem{Text: r.Text, Why: meant(r.Reason.Sentence(), r.Suggestion)}
		}),
		listOf("warnings", "address to check", "addresses to check", found.Warnings, func(w recognise.Warning) countItem {
			return countItem{Text: recognise.Display(w.Address), Why: meant(w.Kind.Sentence(), w.Suggestion)}
		}),
		listOf("ignored", "other word ignored", "other words ignored", found.Ignored, func(word string) countItem {
			return countItem{Text: word}
		}),
	}}
}

// listOf lists the first pieces of one kind and counts the others.
func listOf[T any](name, one, many string, pieces []T, item func(T) countItem) countList {
	list := countList{Name: name, Items: []countItem{}}
	if len(pieces) == 0 {
		return list
	}
	list.Title = counted(len(pieces), one, many)
	for _, piece := range pieces[:min(len(pieces), listed)] {
		list.Items = append(list.Items, item(piece))
	}
	if rest := len(pieces) - listed; rest > 0 {
		list.More = "and " + number(rest) + " more"
	}
	return list
}

// meant adds the address that was probably meant to a sentence.
func meant(sentence, suggestion string) string {
	if suggestion == "" {
		return sentence
	}
	return strings.TrimSpace(sentence + " Did you mean " + recognise.Display(suggestion) + "?")
}

// mostAtOnce is what one press of Invite takes, for the form's hint.
func mostAtOnce() string {
	return "Up to " + number(invite.MaxPieces) + " addresses or " + number(invite.MaxPaste>>20) + " MB of text at once."
}

// countAddresses answers the script that counts while somebody types. The body is the text as it stands.
func (p *Pages) countAddresses(c *fiber.Ctx, _ visit) error {
	text := string(c.Body())
	if len(text) > invite.MaxPaste {
		c.Status(http.StatusRequestEntityTooLarge)
	}
	return c.JSON(countOf(text))
}
