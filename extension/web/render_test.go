package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
)

func TestAFieldThatIsPostedHoldsNoNUL(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Post("/change", func(c *fiber.Ctx) error { return c.SendString(web.Posted(c, "name")) })
	var parts bytes.Buffer
	form := multipart.NewWriter(&parts)
	if err := form.WriteField("name", "\x00Ro\x00bin"); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	for kind, body := range map[string]string{
		fiber.MIMEApplicationForm:  "name=%00Ro%00bin",
		form.FormDataContentType(): parts.String(),
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Origin+"/change", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(fiber.HeaderContentType, kind)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		if got := b.Do(t, request); got.Status != http.StatusOK || got.Body != "Robin" {
			t.Errorf("%s: %d %q, want Robin", kind, got.Status, got.Body)
		}
	}
}

func TestAFormOfAnyFieldsHoldsNoNUL(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Post("/change", func(c *fiber.Ctx) error { return c.SendString(web.PostedForm(c).Encode()) })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Origin+"/change?who=query", strings.NewReader("who=%00Ro%00bin&n%00o=1&no=2"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(fiber.HeaderContentType, fiber.MIMEApplicationForm)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if got := b.Do(t, request); got.Body != "no=1&no=2&who=Robin" {
		t.Errorf("%d %q", got.Status, got.Body)
	}
}
