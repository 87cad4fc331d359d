package web_test

import (
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// A reverse proxy asks in the name of a request to somewhere else, so nothing of that request counts as ours.
func TestAQuestionOfAProxyIsAnsweredByAnyMethodUnderAnyHost(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.AnyMethod("/gate/:organisation", func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) })
	b.shell.App().All("/other/*", func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) })
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	}
	for path, answered := range map[string]bool{
		"/gate/x": true, "/gate/x/": true, "/gate/x/deep/page?y=z": true, "/gate/x/../../other/x": true,
		"/other/gate/x": false, "/other/x": false, "/gate": false, "/gatex/x": false,
	} {
		for _, method := range methods {
			request, err := http.NewRequestWithContext(t.Context(), method, "http://paperplane:4455"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Sec-Fetch-Site", "cross-site")
			request.Header.Set("Content-Encoding", "gzip")
			if got := b.Do(t, request).Status; (got == http.StatusNoContent) != answered {
				t.Errorf("%s %s: %d", method, path, got)
			}
		}
	}
}
