package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// tokenLifetime is how long codes and ID tokens work.
const tokenLifetime = 5 * time.Minute

// keyID names the one signing key in the key set.
const keyID = "test"

// Options say whom the provider trusts and how it behaves.
type Options struct {
	ClientID     string           // of the one client
	ClientSecret string           // likewise
	Person       Person           // who signs in until SetPerson says otherwise
	Now          func() time.Time // the clock; nil for the system's
}

// Person is who sits at the browser, as the provider knows them.
type Person struct {
	Subject       string // the provider's own name for them, which never changes
	Email         string
	EmailVerified bool
	Name          string
	Declines      bool // does not consent to the sign-in
}

// Provider is an http.Handler that signs people in. Its issuer is the origin it is reached at. It is safe for concurrent
// use.
type Provider struct {
	options Options
	routes  *http.ServeMux
	signer  jose.Signer
	key     *ecdsa.PrivateKey

	mu     sync.Mutex
	person Person
	grants map[string]grant
}

// grant is what a code stands for.
type grant struct {
	person    Person
	redirect  string
	nonce     string
	challenge string // of PKCE with S256 (RFC 7636); empty without
	issued    time.Time
}

// New makes a provider with a key of its own.
func New(options Options) (*Provider, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make OpenID provider: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("make OpenID provider: %w", err)
	}
	p := &Provider{options: options, routes: http.NewServeMux(), signer: signer, key: key, person: options.Person, grants: map[string]grant{}}
	p.routes.HandleFunc("GET /.well-known/openid-configuration", p.serveDiscovery)
	p.routes.HandleFunc("GET /jwks", p.serveKeys)
	p.routes.HandleFunc("GET /authorize", p.serveAuthorize)
	p.routes.HandleFunc("POST /token", p.serveToken)
	return p, nil
}

// SetPerson changes who sits at the browser, for sign-ins that begin from now on.
func (p *Provider) SetPerson(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = person
}

// ServeHTTP answers browsers and clients.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.routes.ServeHTTP(w, r) }

// issuer is the origin that a request came to.
func issuer(r *http.Request) string { return "http://" + r.Host }

// serveDiscovery answers as OpenID Connect Discovery 1.0 §4 says.
func (p *Provider) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	self := issuer(r)
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                self,
		"authorization_endpoint":                self + "/authorize",
		"token_endpoint":                        self + "/token",
		"jwks_uri":                              self + "/jwks",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
	})
}

func (p *Provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "cannot write JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
