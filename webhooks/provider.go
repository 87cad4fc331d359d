package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
)

// ProviderPath is where the mail provider posts what became of messages. It lies on the public listener, because the
// provider is outside.
const ProviderPath = "/hooks/mail/resend"

// providerLimit is how many bytes an event may have: far more than one ever has, as it holds no letter.
const providerLimit = 256 << 10

// providerPause is how long the provider is asked to wait while our database is down.
const providerPause = 30 * time.Second

// MailEvents reads and verifies what the provider posts.
type MailEvents interface {
	// Event reads one webhook: nil when it says nothing about a delivery, ErrForbidden when it is not signed with our
	// secret or was signed too long ago, an InvalidError when it cannot be understood.
	Event(header func(string) string, body []byte) (*extension.MailEvent, error)
}

// MailRecorder records what the provider tells.
type MailRecorder interface {
	Record(ctx context.Context, event extension.MailEvent) error
}

// ProviderOptions are what the hook of the mail provider is made of.
type ProviderOptions struct {
	Events   MailEvents // nil when no secret is configured: then there is no such page
	Recorder MailRecorder
	Log      *slog.Logger
}

// Provider answers the mail provider. It trusts the signature alone and tells nobody why it was refused. What came, came
// again or is none of ours is answered with 204; 503 makes the provider come again. Neither bodies nor addresses are
// logged.
func Provider(o ProviderOptions) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if o.Events == nil {
			return c.SendStatus(fiber.StatusNotFound)
		}
		if len(c.Body()) > providerLimit {
			return c.SendStatus(fiber.StatusRequestEntityTooLarge)
		}
		event, err := o.Events.Event(func(name string) string { return c.Get(name) }, c.Body())
		if err == nil && event != nil {
			err = o.Recorder.Record(c.UserContext(), *event)
		}
		if err == nil {
			return c.SendStatus(fiber.StatusNoContent)
		}
		status, level := providerStatus(err)
		o.Log.Log(c.UserContext(), level, "mail event not recorded", "status", status, "error", err)
		if status == fiber.StatusServiceUnavailable {
			c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(providerPause.Seconds())))
		}
		return c.SendStatus(status)
	}
}

// providerStatus chooses the answer to an error: the provider tries again whatever is not 2xx, and shows it to the
// operator.
func providerStatus(err error) (int, slog.Level) {
	var invalid *extension.InvalidError
	switch {
	case errors.Is(err, extension.ErrForbidden):
		return fiber.StatusUnauthorized, slog.LevelDebug // anybody can cause it as often as they like; the provider shows a wrong secret
	case errors.As(err, &invalid):
		return fiber.StatusBadRequest, slog.LevelWarn
	case errors.Is(err, extension.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return fiber.StatusServiceUnavailable, slog.LevelWarn
	}
	return fiber.StatusInternalServerError, slog.LevelError
}
