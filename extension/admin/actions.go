package admin

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// pausing deactivates users and takes it back. Both tell whether Kratos knows already; when it does not, our side obeys
// all the same.
type pausing interface {
	Pause(ctx context.Context, actor extension.Actor, user extension.UserID) (told bool, err error)
	Resume(ctx context.Context, actor extension.Actor, user extension.UserID) (told bool, err error)
}

// resending sends invitations again.
type resending interface {
	Resend(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.BatchID, error)
}

// valuesOf reads the query of an address; of one that makes no sense, nothing.
func valuesOf(text []byte) url.Values {
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return url.Values{}
	}
	return values
}

// cameFrom is the place in the list that an action was started from.
func cameFrom(text string) place { return placeIn(valuesOf([]byte(text))) }

// untold ends the notice of a change that our side obeys already.
const untold = " Ory Kratos could not be told yet; that goes on by itself."

// pause deactivates a user. It is one press, so the notice offers to take it back.
func (p *Pages) pause(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (web.Flash, error) {
		told, err := p.roster.Pause(c.UserContext(), v.Actor, user.ID)
		// Whether they were signed out too would tell whether the account is used elsewhere.
		flash := web.Flash{Kind: web.NoticeSuccess, Text: personOf(user) + " is deactivated and cannot enter " + v.Organisation.Name + ".", About: string(user.ID)}
		if !told {
			flash.Kind = web.NoticeWarning
			flash.Text = personOf(user) + " is deactivated here and cannot enter " + v.Organisation.Name + "." + untold
		}
		return flash, err
	})
}

// resume takes a deactivation back and says what the user is now.
func (p *Pages) resume(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (web.Flash, error) {
		told, err := p.roster.Resume(c.UserContext(), v.Actor, user.ID)
		if err != nil {
			return web.Flash{}, err
		}
		resumed, err := p.roster.Find(c.UserContext(), v.Actor, user.ID)
		if err != nil {
			return web.Flash{}, err
		}
		status := resumed.Facts.Status(p.shell.Now())
		if told {
			return web.Flash{Kind: web.NoticeSuccess, Text: personOf(user) + backAs(status)}, nil
		}
		text := personOf(user) + backAs(status) + untold
		if status == extension.Active {
			text = personOf(user) + " is Active again." + untold + " Until then signing in does not work."
		}
		return web.Flash{Kind: web.NoticeWarning, Text: text}, nil
	})
}

// backAs says what somebody is and can do who is not Inactive any more.
func backAs(status extension.Status) string {
	switch status {
	case extension.Active:
		return " is Active again and can sign in."
	case extension.Expired:
		return " is no longer Inactive, but the invitation has Expired. Resend it with the paper plane."
	case extension.Pending, extension.Inactive:
	}
	return " is Pending again and can register with the link in the invitation."
}

// resend sends a new invitation.
func (p *Pages) resend(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (web.Flash, error) {
		_, err := p.inviter.Resend(c.UserContext(), v.Actor, user.ID)
		return invitedAgain(user), err
	})
}

// invitedAgain is the notice of a new invitation to the same address.
func invitedAgain(user extension.User) web.Flash {
	return web.Flash{
		Kind: web.NoticeSuccess, Text: "A new invitation is on its way to " + personOf(user) + "; the old link no longer works.",
	}
}

// act does something to the user of the address and returns to the list, or to the person's page, with a notice: the one
// that do gives, or the sentence of a verb that refused it.
func (p *Pages) act(c *fiber.Ctx, v visit, do func(user extension.User) (web.Flash, error)) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	flash, err := do(user)
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		flash = web.Flash{Kind: web.NoticeError, Text: sentences(refused)}
	} else if err != nil {
		return err
	}
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	back := listAddress(v, cameFrom(web.Posted(c, "back")))
	if web.Posted(c, "from") == "person" {
		back = v.path(personPath(user.ID))
	}
	return c.Redirect(back, fiber.StatusSeeOther)
}

// user finds the user of the address.
func (p *Pages) user(c *fiber.Ctx, v visit) (extension.User, error) {
	id, err := extension.ParseID[extension.UserID](c.Params("user"))
	if err != nil {
		return extension.User{}, err
	}
	return p.roster.Find(c.UserContext(), v.Actor, id)
}

func sentences(refused *extension.InvalidError) string {
	all := make([]string, 0, len(refused.Fields))
	for _, field := range refused.Fields {
		all = append(all, field.Message)
	}
	return strings.Join(all, " ")
}
