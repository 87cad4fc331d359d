package main

import (
	"mime"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// pageless are the addresses that show no page of their own, by route: they lead on, or give a file. The test opens each to
// see that it is so.
func pageless() map[string]string {
	const nobody = "00000000-0000-4000-8000-000000000000"
	return map[string]string{
		"/":                     "/",
		"/healthz":              "/healthz",
		"/readyz":               "/readyz",
		"/next":                 "/next",
		"/join/:id/start":       "/join/" + nobody + "/start",
		"/secure/send":          "/secure/send",
		"/confirm/send":         "/confirm/send",
		"/agree/decline":        "/agree/decline",
		"/agree/later":          "/agree/later",
		"/login/with/:provider": "/login/with/example",
		"/settings/profile":     "/settings/profile",
		"/settings/password":    "/settings/password",
		"/settings/social":      "/settings/social",
		"/settings/sessions":    "/settings/sessions",
		"/gate/:organisation":   "/gate/harbour",
		"/gate/:organisation/*": "/gate/harbour/",
		"/self-service/methods/oidc/callback/:provider":  "/self-service/methods/oidc/callback/example",
		"/enter/:organisation":                           "/enter/harbour",
		"/o/:slug/terms/drafts":                          "/o/harbour/terms/drafts",
		"/o/:slug/":                                      "/o/harbour",
		"/o/:slug/invite/template.csv":                   "/o/harbour/invite/template.csv",
		"/o/:slug/batches/:batch/events":                 "",
		"/o/:slug/batches/:batch/not-sent.csv":           "",
		"/o/:slug/users/:user/evidence.csv":              "",
		"/o/:slug/users/:user/evidence.json":             "",
		"/o/:slug/terms/versions/:version/evidence.csv":  "/o/harbour/terms/versions/1/evidence.csv",
		"/o/:slug/terms/versions/:version/evidence.json": "/o/harbour/terms/versions/1/evidence.json",
		"/static/:version/:file":                         "",
	}
}

// hasEveryPage fails the test unless every address of Paperplane's that can be opened was shown, or is known to show nothing.
func (g *gallery) hasEveryPage(t *testing.T, ada *visitor) {
	t.Helper()
	other := pageless()
	for _, route := range g.stack.server.public.GetRoutes(true) {
		if route.Method != http.MethodGet {
			continue
		}
		if _, known := other[route.Path]; known {
			continue
		}
		if !g.shows(route.Path) {
			t.Errorf("no page of %s was looked at", route.Path)
		}
	}
	for route, address := range other {
		if address == "" {
			continue // of something that has a name of its own
		}
		if p := ada.once(t, http.MethodGet, address); isPage(p) {
			t.Errorf("%s shows a page (%d) and was not looked at: %s", route, p.status, p.text())
		}
	}
}

// shows tells whether one of the pictures is of a route.
func (g *gallery) shows(route string) bool {
	like := regexp.MustCompile("^" + regexp.MustCompile(`:\w+`).ReplaceAllString(regexp.QuoteMeta(route), "[^/]+") + "/?$")
	for _, shown := range g.pictures {
		if like.MatchString(shown.page.path()) && isPage(shown.page) {
			return true
		}
	}
	return false
}

// isPage tells whether an answer is something to read, and not a file or the way elsewhere.
func isPage(p page) bool {
	kind, _, _ := mime.ParseMediaType(p.header.Get("Content-Type"))
	return kind == "text/html" && p.header.Get("Location") == "" && strings.Contains(p.body, "<h1")
}
