package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// tokenKeys are what Kratos signs tokens with.
type tokenKeys struct {
	url    string // of the private set, as Kratos reads it
	public *ecdsa.PublicKey
}

func newTokenKeys(t *testing.T) tokenKeys {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "gate-test", Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return tokenKeys{url: "base64://" + base64.StdEncoding.EncodeToString(set), public: &key.PublicKey}
}

// tokenClaims are what docs/gate says of a token.
type tokenClaims struct {
	Subject    string `json:"sub"`
	Session    string `json:"sid"`
	Email      string `json:"email"`
	Paperplane struct {
		Organisations []tokenOrganisation `json:"organisations"`
	} `json:"paperplane"`
}

type tokenOrganisation struct {
	ID          string            `json:"id"`
	Slug        string            `json:"slug"`
	User        string            `json:"user"`
	Status      string            `json:"status"`
	Assignments []tokenAssignment `json:"assignments"`
}

type tokenAssignment struct {
	Area namedID `json:"area"`
	Role namedID `json:"role"`
}

type namedID struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// asksToken asks Kratos for a token of the visitor's session; empty when there is none.
func (v *visitor) asksToken(t *testing.T) (token, session string) {
	t.Helper()
	_, answer := v.inKratos(t, http.MethodGet, "/sessions/whoami?tokenize_as=paperplane", nil)
	token, _ = answer["tokenized"].(string)
	session, _ = answer["id"].(string)
	v.stack.log.mustNotHold(token)
	return token, session
}

// read verifies a token and gives its claims, and how long it is valid.
func (k tokenKeys) read(t *testing.T, token string) (tokenClaims, time.Duration) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims tokenClaims
	var standard jwt.Claims
	if err := parsed.Claims(k.public, &claims, &standard); err != nil {
		t.Fatal(err)
	}
	return claims, standard.Expiry.Time().Sub(standard.IssuedAt.Time())
}

// isListed waits until a new token of the visitor's lists exactly these organisations.
func (v *visitor) isListed(t *testing.T, keys tokenKeys, slugs ...string) {
	t.Helper()
	var listed []string
	if !came(t, recovery, func() bool {
		token, _ := v.asksToken(t)
		claims, _ := keys.read(t, token)
		listed = nil
		for _, organisation := range claims.Paperplane.Organisations {
			listed = append(listed, organisation.Slug)
		}
		slices.Sort(listed)
		return slices.Equal(listed, slugs)
	}) {
		t.Fatalf("a new token lists %q, want %q", listed, slugs)
	}
}

// tokenizes asks Kratos for tokens instead of asking the gate.
func (g *gated) tokenizes(t *testing.T, ada *visitor, keys tokenKeys) {
	t.Helper()
	const address = "token@example.com"
	v := g.member(t, ada, address)
	user := g.user(t, address)
	place := user.Assignments[0]
	want := []tokenOrganisation{{
		ID: string(user.Organisation), Slug: demoSlug, User: string(user.ID), Status: "Active",
		Assignments: []tokenAssignment{{Area: namedID{string(place.Area.ID), place.Area.Name}, Role: namedID{string(place.Role.ID), place.Role.Name}}},
	}}
	var claims tokenClaims
	eventually(t, "the token says what was published", func() bool {
		token, session := v.asksToken(t)
		if token == "" {
			t.Fatal("Kratos makes no token")
		}
		var lifetime time.Duration
		claims, lifetime = keys.read(t, token)
		if claims.Subject != string(user.Identity) || claims.Session != session || claims.Email != address || lifetime != 5*time.Minute {
			t.Fatalf("%+v for %s", claims, lifetime)
		}
		return cmp.Equal(want, claims.Paperplane.Organisations)
	})
	g.switchesOff(t, address)
	if token, _ := v.asksToken(t); token != "" {
		t.Error("there is a token after a pause")
	}
	g.switchesOn(t, address)

	g.stranger(t, "tokenless@example.com")
	stranger := g.visitor(t)
	stranger.signIn(t, "tokenless@example.com", goodPassword)
	token, _ := stranger.asksToken(t)
	if claims, _ := keys.read(t, token); len(claims.Paperplane.Organisations) != 0 || claims.Email != "tokenless@example.com" {
		t.Errorf("of a stranger: %+v", claims)
	}
	g.is(t, address, extension.Active)
}

// tokenHeaders are the ways in which a program shows a session token.
func tokenHeaders(token string) map[string][]string {
	return map[string][]string{
		"bearer": {"Authorization", "Bearer " + token}, "bearer in small letters": {"Authorization", "bearer " + token},
		"header": {"X-Session-Token", token},
	}
}

func (g *gated) takesTokens(t *testing.T, app *front, ada *visitor) {
	t.Helper()
	const address = "program@example.com"
	cookie := g.member(t, ada, address)
	token, nobody := g.nativeSession(t, address), g.visitor(t)
	want := g.claimsOf(t, address)
	for name, headers := range tokenHeaders(token) {
		told := echoedIn(t, nobody.asProgram(t, http.MethodGet, app.address+"/", headers...))
		if diff := cmp.Diff(want, told.claims()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if strings.Contains(cleanJSON(t, told.Header), token) {
			t.Errorf("%s: the token reaches the application", name)
		}
	}
	// A token goes before a cookie, whoever holds which.
	theirs := g.visitor(t)
	theirs.signIn(t, "in@example.com", goodPassword)
	if told := echoedIn(t, theirs.asProgram(t, http.MethodGet, app.address+"/", "X-Session-Token", token)); told.claims()["Paperplane-Email"] != address {
		t.Errorf("with another's cookie: %v", told.claims())
	}
	// A token of the application's own is left to it.
	own := echoedIn(t, cookie.asProgram(t, http.MethodGet, app.address+"/", "Authorization", "Bearer eyJhbGciOiJ9.x.y"))
	if own.claims()["Paperplane-Email"] != address || own.Header.Get("Authorization") != "Bearer eyJhbGciOiJ9.x.y" {
		t.Errorf("with a token of the application's: %v", own.Header)
	}
	for name, garbage := range map[string]string{
		"made up": "ory_st_" + strings.Repeat("a", 32), "the prefix alone": "ory_st_", "cut off": token[:len(token)-1], "long": "ory_st_" + strings.Repeat("x", 7000),
		"not ASCII": "ory_st_é\xff", "with a tab": "ory_st_a\tb", "another's header": "ory_st_a, " + token,
	} {
		for way, headers := range tokenHeaders(garbage) {
			for who, v := range map[string]*visitor{"alone": nobody, "beside a cookie": cookie} {
				if refused := v.asProgram(t, http.MethodGet, app.address+"/", headers...); refused.status != http.StatusUnauthorized {
					t.Errorf("%s by %s, %s: %d", name, way, who, refused.status)
				}
			}
		}
	}
	for _, size := range []int{9 << 10, 15 << 10, 17 << 10, 64 << 10} { // beyond what nginx takes, and beyond what we take
		for _, address := range []string{app.address + "/", g.page("/gate/harbour")} {
			headers := []string{"X-Session-Token", "ory_st_" + strings.Repeat("x", size)}
			if refused := nobody.asProgram(t, http.MethodGet, address, headers...); refused.status < 400 || refused.status >= 500 {
				t.Errorf("%d bytes of token at %s: %d", size, address, refused.status)
			}
		}
	}
	g.losesAdmin()
	g.switchesOff(t, address)
	for name, headers := range tokenHeaders(token) {
		if refused := nobody.asProgram(t, http.MethodGet, app.address+"/", headers...); refused.status != http.StatusForbidden {
			t.Errorf("%s of somebody paused: %d", name, refused.status)
		}
	}
	g.switchesOn(t, address)
	g.admin.clear()
}
