package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

func TestAnAddressWithNULIsRefusedBeforeAnyPage(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/users/*", func(c *fiber.Ctx) error { return c.SendString("shown") })
	b.shell.AnyMethod("/asked/*", func(c *fiber.Ctx) error { return c.SendString("shown") })
	for address, want := range map[string]int{
		"/users/a%00b":                   http.StatusBadRequest,
		"/users/a?area=%00":              http.StatusBadRequest,
		"/users/a?%00=1":                 http.StatusBadRequest,
		"/users/a?area=%%00":             http.StatusBadRequest, // whatever a lenient reader makes of the first sign
		"/nowhere/%00":                   http.StatusBadRequest,
		"/users/a\x00b":                  http.StatusBadRequest,
		"/asked/a%00b":                   http.StatusBadRequest,
		"/users/a?area=%2500":            http.StatusOK,
		"/users/a%200?area=100%25&b=000": http.StatusOK,
		"/asked/a":                       http.StatusOK,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Origin, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.URL = &url.URL{Scheme: "https", Host: "paperplane.test", Opaque: address}
		answer := b.Do(t, request)
		if answer.Status != want {
			t.Errorf("%s: %d, want %d", address, answer.Status, want)
		}
		if want == http.StatusBadRequest && (answer.One(t, "h1").Text() != "This request cannot be read" || !strings.Contains(answer.Text(), "Check the address")) {
			t.Errorf("%s: the page says %q", address, answer.Text())
		}
	}
}
