package admin

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// pauseAddress is the page that asks before a user is deactivated.
func pauseAddress(v visit, user extension.User, back place) string {
	address := v.path("/users/" + string(user.ID) + "/pause")
	if query := back.query(); query != "" {
		address += "?back=" + url.QueryEscape(query)
	}
	return address
}

// cameFrom is the place in the list that an action was started from.
func cameFrom(text string) place {
	query, err := url.ParseQuery(text)
	if err != nil {
		return place{}
	}
	return placeIn(query)
}

// pauseView is what the page asks before a user is deactivated.
type pauseView struct {
	visit
	page web.Page
	user extension.User
	back place
}

// askPause asks before a user is deactivated.
func (p *Pages) askPause(c *fiber.Ctx, v visit) error {
	if !v.Actor.Administrates() {
		return extension.ErrForbidden
	}
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	back := cameFrom(c.Query("back"))
	switch {
	case user.ID == v.User.ID:
		return p.backToList(c, v, back, web.Flash{Kind: web.NoticeError, Text: "You cannot deactivate yourself. Ask another administrator."})
	case user.Facts.Status(p.shell.Now()) == extension.Inactive:
		return p.backToList(c, v, back, web.Flash{Kind: web.NoticeInfo, Text: personOf(user) + " is Inactive already."})
	}
	return p.shell.Render(c, fiber.StatusOK, p.pausePage(pauseView{
		visit: v, user: user, back: back,
		page: p.page(c, v, web.Page{Title: "Deactivate " + nameOf(user) + "?", Narrow: true, Crumbs: crumbs(v)}),
	}))
}

// pause deactivates a user.
func (p *Pages) pause(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (string, error) {
		if err := p.roster.Pause(c.UserContext(), v.Actor, user.ID); err != nil {
			return "", err
		}
		return personOf(user) + " is deactivated and signed out everywhere.", nil
	})
}

// resume takes a deactivation back and says what the user is now.
func (p *Pages) resume(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (string, error) {
		if err := p.roster.Resume(c.UserContext(), v.Actor, user.ID); err != nil {
			return "", err
		}
		resumed, err := p.roster.Find(c.UserContext(), v.Actor, user.ID)
		if err != nil {
			return "", err
		}
		switch resumed.Facts.Status(p.shell.Now()) {
		case extension.Active:
			return personOf(user) + " is Active again and can sign in.", nil
		case extension.Expired:
			return personOf(user) + " is no longer Inactive, but the invitation has Expired. Resend it with the paper plane.", nil
		case extension.Pending, extension.Inactive:
		}
		return personOf(user) + " is Pending again and can register with the link in the invitation.", nil
	})
}

// resend sends a new invitation.
func (p *Pages) resend(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (string, error) {
		if _, err := p.inviter.Resend(c.UserContext(), v.Actor, user.ID); err != nil {
			return "", err
		}
		return "A new invitation is on its way to " + personOf(user) + "; the old link no longer works.", nil
	})
}

// act does something to the user of the address and returns to the list with a notice: the sentence that do gives, or
// the sentence of a verb that refused it.
func (p *Pages) act(c *fiber.Ctx, v visit, do func(user extension.User) (string, error)) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	flash := web.Flash{Kind: web.NoticeSuccess}
	flash.Text, err = do(user)
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		flash = web.Flash{Kind: web.NoticeError, Text: sentences(refused)}
	} else if err != nil {
		return err
	}
	return p.backToList(c, v, cameFrom(web.Posted(c, "back")), flash)
}

// user finds the user of the address.
func (p *Pages) user(c *fiber.Ctx, v visit) (extension.User, error) {
	id, err := extension.ParseID[extension.UserID](c.Params("user"))
	if err != nil {
		return extension.User{}, err
	}
	return p.roster.Find(c.UserContext(), v.Actor, id)
}

func (p *Pages) backToList(c *fiber.Ctx, v visit, back place, flash web.Flash) error {
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(listAddress(v, back), fiber.StatusSeeOther)
}

func sentences(refused *extension.InvalidError) string {
	all := make([]string, 0, len(refused.Fields))
	for _, field := range refused.Fields {
		all = append(all, field.Message)
	}
	return strings.Join(all, " ")
}
