package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	panics "github.com/gofiber/fiber/v2/middleware/recover"

	"paperplane/extension"
)

const (
	// BodyLimit is how many bytes of request body are read at all. They are in memory before any handler, so it is no
	// more than a paste beyond what is taken needs: a page, and not a cut connection, says what is too much. Forms that
	// hold a paste are multipart, because urlencoding can triple it.
	BodyLimit = 8 << 20
	// connectionLimit is how many connections are served at once, and so how many bodies are held; beyond it the answer
	// is 503. fasthttp's own limit is 256 Ki.
	connectionLimit = 4096
	// headerLimit is how many bytes of request header are read: Fiber's 4 KiB are too few for Kratos' cookies beside others.
	headerLimit = 16 << 10
	// requestTime is how long a handler may work, because Fiber does not notice that a browser has gone.
	requestTime = time.Minute
	// readTime is how long a whole request may take to arrive, so that a slow body does not hold its memory for ever: a
	// full paste over a line of 0.5 Mbit/s needs about 70 seconds.
	readTime = 2 * time.Minute
	idleTime = 75 * time.Second
)

// newApp builds the app. The order matters: whatever goes wrong further in is logged and answered by observe.
func (s *Shell) newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: "Paperplane", DisableStartupMessage: true,
		Immutable:     true, // otherwise strings change under a handler's hands after it returns
		CaseSensitive: true,
		Concurrency:   connectionLimit, BodyLimit: BodyLimit, ReadBufferSize: headerLimit,
		ReadTimeout: readTime, IdleTimeout: idleTime,
		WriteTimeout: 0, // it would cut a stream of server-sent events while that is still being written
		ErrorHandler: s.fail,
	})
	app.Use(s.observe)
	app.Use(panics.New(panics.Config{EnableStackTrace: true, StackTraceHandler: s.recordPanic}))
	app.Get("/healthz", s.live)
	app.Get("/readyz", s.ready)
	app.Use(refuseNUL)
	app.Use(s.unlessAsked(s.canonicalHost), s.unlessAsked(refuseEncoding), s.unlessAsked(s.sameOrigin))
	app.Get("/static/:version/:file", s.static)
	app.Post(languagePath, s.chooseLanguage)
	return app
}

// refuseNUL refuses an address with the character NUL, which no text in PostgreSQL or HTML can hold. An address is decoded
// once, so %2500 is no NUL.
func refuseNUL(c *fiber.Ctx) error {
	if address := c.OriginalURL(); strings.Contains(address, "%00") || strings.Contains(address, "\x00") {
		return errAddress
	}
	return c.Next()
}

// requestIDKey is where the request's id lies in Fiber's locals.
const requestIDKey = "request id"

// requestID is the id that joins a page's words to the log.
func requestID(c *fiber.Ctx) string {
	id, _ := c.Locals(requestIDKey).(string)
	return id
}

// observe gives every request an id, security headers, a time limit and a line in the log, and answers its error.
func (s *Shell) observe(c *fiber.Ctx) error {
	start := time.Now()
	c.Locals(requestIDKey, extension.NewID[string]())
	c.Set(fiber.HeaderXRequestID, requestID(c))
	s.setHeaders(c)
	ctx, cancel := context.WithTimeout(c.UserContext(), requestTime)
	defer cancel()
	c.SetUserContext(ctx)

	if err := c.Next(); err != nil {
		if err = s.fail(c, err); err != nil {
			return fmt.Errorf("answer an error: %w", err)
		}
	}
	status, level := c.Response().StatusCode(), slog.LevelInfo
	if quiet(c.Path()) && status < fiber.StatusInternalServerError {
		level = slog.LevelDebug
	}
	s.log.Log(ctx, level, "request", "method", c.Method(), "path", loggedPath(c.Path()), "status", status,
		"bytes", bodyLength(c), "took", time.Since(start), "ip", s.clientIP(c), "request_id", requestID(c))
	return nil
}

// bodyLength is how many bytes the answer's body has; -1 of a stream, which has only begun.
func bodyLength(c *fiber.Ctx) int {
	if c.Response().IsBodyStream() {
		return -1
	}
	return len(c.Response().Body())
}

// quiet tells whether a path is asked for by machines or along with every page.
func quiet(path string) bool {
	return path == "/healthz" || path == "/readyz" || strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/hooks/") || strings.HasPrefix(path, "/gate/")
}

// loggedPath is a path as it may stand in a log: never with a link's token, however the link was mangled on its way.
func loggedPath(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return "(malformed)"
	}
	if at := strings.Index(strings.ToLower(plain), "/i/"); at >= 0 {
		return plain[:at] + "/i/***"
	}
	return plain
}

func (s *Shell) recordPanic(c *fiber.Ctx, reason any) {
	s.log.ErrorContext(c.UserContext(), "panic", "reason", reason, "stack", string(debug.Stack()), "request_id", requestID(c))
}

// live answers as long as the process runs.
func (s *Shell) live(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok"}) }

// ready answers 200 when every part that pages need is there, and 503 with the names of those that are not.
func (s *Shell) ready(c *fiber.Ctx) error {
	missing := []string{}
	for _, check := range s.checks {
		if err := check.Ask(c.UserContext()); err != nil {
			missing = append(missing, check.Name)
			s.log.WarnContext(c.UserContext(), "not ready", "part", check.Name, "error", err)
		}
	}
	if len(missing) > 0 {
		return c.Status(fiber.StatusServiceUnavailable).JSON(fiber.Map{"status": "unavailable", "missing": missing})
	}
	return c.JSON(fiber.Map{"status": "ok"})
}
