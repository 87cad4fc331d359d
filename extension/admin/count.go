package admin

import (
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
)

const (
	// listed is how many pieces of a group are listed while somebody types.
	listed = 50
	// opened is how many are listed on a page of its own, after Check addresses.
	opened = 1000
)

// count says what would become of a text. The page shows it after a press, and a script while somebody types; both get
// these words from here.
type count struct {
	Count     int         `json:"count"` // distinct addresses
	Sentence  string      `json:"sentence"`
	Plan      string      `json:"plan"`    // how many invitations Invite would send; empty for no address
	Fault     string      `json:"fault"`   // why Invite would refuse so much; empty when it would not
	TooMuch   bool        `json:"tooMuch"` // likewise, and nothing can be said about the pieces
	NeedsArea bool        `json:"needsArea"`
	NeedsRole bool        `json:"needsRole"`
	Expired   string      `json:"expired"` // beside the choice to invite the Expired again, when it is not about all of them
	Lists     []countList `json:"lists"`
}

// has tells whether there is a group of this name.
func (c count) has(name string) bool {
	return slices.ContainsFunc(c.Lists, func(list countList) bool { return list.Name == name })
}

// countList is one group of pieces.
type countList struct {
	Name  string      `json:"name"`
	Title string      `json:"title"`
	Note  string      `json:"note"` // what happens to them; empty where every item says it
	Items []countItem `json:"items"`
	More  string      `json:"more"` // how many are not listed
}

// countItem is one piece and what there is to say about it.
type countItem struct {
	Text string   `json:"text"`
	Why  string   `json:"why"`
	Fix  *fixItem `json:"fix,omitempty"`
}

// fixItem is an address that was probably meant. It is offered as a button and never taken by itself.
type fixItem struct {
	From  string `json:"from"` // as it stands in the text
	To    string `json:"to"`
	Label string `json:"label"`
	Value string `json:"value"` // of the button, for the server
}

// countOf tells what Invite would do with an order, by the same rules.
func (p *Pages) countOf(c *fiber.Ctx, v visit, order invite.Order, most int) count {
	flight := invite.Preflight{NeedsArea: true, NeedsRole: true}
	if order.Text != "" {
		var err error
		if flight, err = p.inviter.Preview(c.UserContext(), v.Actor, order); err != nil {
			p.shell.Explain(c, err) // goes to the log; the form works without
			return count{
				Sentence: "The addresses cannot be counted right now. You can still press Invite.", NeedsArea: true, NeedsRole: true, Lists: []countList{},
			}
		}
	}
	return grouping{flight: flight, outcomes: flight.Outcomes(), most: most, again: order.Expired}.said()
}

// said puts a preflight into words.
func (g grouping) said() count {
	found, tooMuch := g.flight.Found, g.flight.TooMuch
	said := count{Count: len(found.Recognised), TooMuch: tooMuch, NeedsArea: g.flight.NeedsArea, NeedsRole: g.flight.NeedsRole, Lists: []countList{}}
	if tooMuch {
		said.Fault = g.flight.Fault
	}
	if tooMuch && (len(g.flight.Entries) == 0 || found.Cut) { // how much more there is, nobody knows
		said.Count, said.Sentence = 0, g.flight.Fault
		return said
	}
	said.Sentence = counted(said.Count, "address", "addresses") + " recognised"
	if found.Duplicates > 0 {
		said.Sentence += ", " + counted(found.Duplicates, "repetition", "repetitions") + " left out"
	}
	if tooMuch {
		said.Sentence += ". " + g.flight.Fault
		return said
	}
	if found.Table != nil && found.Table.Mixed != "" {
		said.Sentence, said.Fault = g.flight.Fault, g.flight.Fault
		return said
	}
	said.Lists, said.Plan = g.lists(), g.plan()
	if all := g.outcomes[extension.OutcomeAlreadyExpired]; g.flight.Renewable < all {
		said.Expired = "(" + number(g.flight.Renewable) + " of them: the others have no service area of yours)"
	}
	return said
}

// countAddresses answers the script that counts while somebody types. The body is the text as it stands.
func (p *Pages) countAddresses(c *fiber.Ctx, v visit) error {
	text := string(c.Body())
	said := p.countOf(c, v, invite.Order{Text: text, Expired: c.Query("expired") != ""}, listed)
	if len(text) > invite.MaxPaste {
		c.Status(http.StatusRequestEntityTooLarge)
	}
	return c.JSON(said)
}

// mostAtOnce is what one press of Invite takes, for the form's hint.
func mostAtOnce() string {
	return "Up to " + number(invite.MaxPieces) + " addresses or " + number(invite.MaxPaste>>20) + " MB of text at once."
}
