package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/locale"
)

// TokenField is the name of the form field that carries a form token.
const TokenField = "csrf"

// ErrStaleForm says that a form's token is not of this session: the page is older than the sign-in, or not ours.
var ErrStaleForm = errors.New("form token is not of this session")

// The labels keep the uses of the one secret apart.
const (
	labelForm  = "paperplane form v1"
	labelFlash = "paperplane notice v1"
)

// SessionValue is what form tokens of signed-in people are bound to: the value of Kratos' session cookie.
func (s *Shell) SessionValue(c *fiber.Ctx) string { return c.Cookies(s.sessionCookie) }

// coming is the value of Kratos' session cookie with which the browser comes back: the one of this answer, if it sets one.
func (s *Shell) coming(c *fiber.Ctx) string {
	value := s.SessionValue(c)
	c.Response().Header.VisitAllCookie(func(name, line []byte) {
		if string(name) != s.sessionCookie {
			return
		}
		if cookie, err := http.ParseSetCookie(string(line)); err == nil {
			value = cookie.Value
		}
	})
	return value
}

// Token makes the form token for a binding: the session's value, or the id of what a page without session is about.
// Nothing is stored, so any replica can check it.
func (s *Shell) Token(binding string) string {
	return base64.RawURLEncoding.EncodeToString(s.mac(labelForm, binding))
}

// CheckToken compares the posted form token with the binding's, in constant time. ErrStaleForm when they differ, and
// always for an empty binding.
func (s *Shell) CheckToken(c *fiber.Ctx, binding string) error {
	if binding == "" || !hmac.Equal([]byte(Posted(c, TokenField)), []byte(s.Token(binding))) {
		return ErrStaleForm
	}
	return nil
}

func (s *Shell) mac(label, content string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(label + "\x00" + content))
	return mac.Sum(nil)
}

// Flash is a notice for the next page: what became of a press. It holds no secret.
type Flash struct {
	Kind NoticeKind `json:"kind"`
	Text string     `json:"text"`
	// About is the id of what the text is about, for a page that offers to take the press back; may be empty.
	About string `json:"about,omitempty"`
	// Language is the one that the text is in, as a BCP 47 tag; empty for English.
	Language locale.Language `json:"language,omitempty"`
}

const (
	flashCookie = "notice"
	flashTime   = time.Minute
)

// sealedFlash is a Flash with the second after which it is not shown any more.
type sealedFlash struct {
	Flash
	Until int64 `json:"until"`
}

// SetFlash keeps a notice for the next page of this session in a signed cookie. Call it after Relay: Kratos writes the
// session's cookie anew at every save, and the notice belongs to the one that the browser comes back with.
func (s *Shell) SetFlash(c *fiber.Ctx, flash Flash) error {
	until := s.now().Add(flashTime)
	payload, err := json.Marshal(sealedFlash{Flash: flash, Until: until.Unix()})
	if err != nil {
		return err
	}
	sealed := append(s.mac(labelFlash, s.coming(c)+"\x00"+string(payload)), payload...)
	s.SetCookie(c, Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(sealed), Path: "/", Until: until})
	return nil
}

// TakeFlash gives the notice that the page before left for this session, once; nil when there is none.
func (s *Shell) TakeFlash(c *fiber.Ctx) *Flash {
	value := s.ReadCookie(c, flashCookie, "/")
	if value == "" {
		return nil
	}
	s.DropCookie(c, flashCookie, "/")
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(sealed) < sha256.Size {
		return nil
	}
	seal, payload := sealed[:sha256.Size], sealed[sha256.Size:]
	if !hmac.Equal(seal, s.mac(labelFlash, s.SessionValue(c)+"\x00"+string(payload))) {
		return nil
	}
	var flash sealedFlash
	if json.Unmarshal(payload, &flash) != nil || s.now().Unix() > flash.Until {
		return nil
	}
	return &flash.Flash
}
