// Package webhooks is where Kratos speaks to Paperplane: guard hooks ask before settings are opened and before a change is
// saved, report hooks tell afterwards, login hooks tell of a second factor that was shown, and the courier hands over
// messages to deliver. Each method has URLs of its own, because Kratos' body does not name it. The bodies are written by our
// jsonnet (*.jsonnet) and read strictly.
//
// The routes live on the internal listener only. Every request must carry the hook key.
package webhooks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"
	panics "github.com/gofiber/fiber/v2/middleware/recover"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// keyScheme stands before the hook key in the Authorization header (RFC 6750), the one header that Kratos keeps out of
// its log; the generated Kratos configuration says the same.
const keyScheme = "Bearer "

// bodyLimit is far above what our jsonnet writes for an identity of our schema. Identities of other schemas pass the
// guards too, with traits of any size.
const bodyLimit = 1 << 20

// answerTime is how long an answer may take: less than the 30 seconds after which Kratos hangs up and asks again, so that
// a hook that nobody waits for any more does not go on.
const answerTime = 25 * time.Second

// Kratos sends a hook in one go, so one that takes longer to arrive comes from nowhere any more. It must not keep a process
// that is asked to stop. A connection without a request outlives the 90 seconds for which Kratos keeps one for the next
// (http.DefaultTransport): if we closed it first, a hook could be on its way.
const (
	readTime = 10 * time.Second
	idleTime = 2 * time.Minute
)

// Guard judges a change before Kratos saves it, and settings before Kratos opens them.
type Guard interface {
	Guard(ctx context.Context, change gate.Change) (*gate.Objection, error)
	Before(ctx context.Context, opening gate.Opening) (*gate.Objection, error)
}

// Recorder records what has become true.
type Recorder interface {
	Report(ctx context.Context, report onboard.Report) error
	Witness(ctx context.Context, witnessed onboard.Witnessed) error
}

// Courier delivers what Kratos has to say to somebody by e-mail.
type Courier interface {
	Deliver(ctx context.Context, notice extension.Notice) error
}

// Options are what Hooks are made of.
type Options struct {
	Key      string // at least 32 characters; config checks it
	Guard    Guard
	Recorder Recorder
	Courier  Courier
	Log      *slog.Logger
}

// Hooks answers Kratos.
type Hooks struct {
	key      [sha256.Size]byte
	guard    Guard
	recorder Recorder
	courier  Courier
	log      *slog.Logger
}

// New makes Hooks.
func New(o Options) *Hooks {
	return &Hooks{
		key: sha256.Sum256([]byte(keyScheme + o.Key)), guard: o.Guard, recorder: o.Recorder, courier: o.Courier, log: o.Log,
	}
}

// App is the internal listener's application.
func (h *Hooks) App() *fiber.App {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true, Immutable: true, CaseSensitive: true, StrictRouting: true, BodyLimit: bodyLimit,
		ReadTimeout: readTime, IdleTimeout: idleTime,
		ErrorHandler: h.answerError,
	})
	// Fiber ends the process on a panic.
	app.Use(panics.New(panics.Config{EnableStackTrace: true, StackTraceHandler: h.recordPanic}))
	h.Mount(app)
	return app
}

// Mount adds the URLs below /hooks/kratos: a guard and a report for every settings method, a login hook for every way to
// show a second factor, the hook before settings and the courier's.
func (h *Hooks) Mount(router fiber.Router) {
	hooks := router.Group("/hooks/kratos", h.checkKey, limitTime)
	for _, method := range extension.SettingsMethods() {
		hooks.Post("/guard/"+string(method), func(c *fiber.Ctx) error { return h.judge(c, method) })
		hooks.Post("/report/"+string(method), func(c *fiber.Ctx) error { return h.record(c, method) })
	}
	for _, method := range LoginMethods() {
		hooks.Post("/login/"+method, func(c *fiber.Ctx) error { return h.witness(c, method) })
	}
	hooks.Post("/before", h.open)
	hooks.Post("/courier", h.deliver)
}

// checkKey compares hashes, so that the time tells neither the key nor its length.
func (h *Hooks) checkKey(c *fiber.Ctx) error {
	given := sha256.Sum256([]byte(c.Get(fiber.HeaderAuthorization)))
	if subtle.ConstantTimeCompare(given[:], h.key[:]) != 1 {
		return fiber.ErrUnauthorized
	}
	return c.Next()
}

func limitTime(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), answerTime)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// decode reads exactly one object with exactly the known members.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", fiber.ErrBadRequest, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) { // More would pass over a bracket
		return fiber.ErrBadRequest
	}
	return nil
}

// answerError tells Kratos that no answer was possible. Guards then refuse the save; Kratos tries reports again. The
// cause stays in our log.
func (h *Hooks) answerError(c *fiber.Ctx, err error) error {
	status := statusOf(err)
	level := slog.LevelWarn
	if status >= fiber.StatusInternalServerError {
		level = slog.LevelError
	}
	h.log.Log(c.UserContext(), level, "hook not answered", "path", c.Path(), "status", status, "error", err)
	return c.SendStatus(status)
}

func (h *Hooks) recordPanic(c *fiber.Ctx, reason any) {
	h.log.ErrorContext(c.UserContext(), "panic", "path", c.Path(), "reason", reason, "stack", string(debug.Stack()))
}

// idOf reads an id of Kratos'. Anything else than a UUID is refused as a bad request.
func idOf[T ~string](id, what string) (T, error) {
	parsed, err := extension.ParseID[T](id)
	if err != nil {
		return "", fmt.Errorf("%w: %s id", fiber.ErrBadRequest, what)
	}
	return parsed, nil
}
