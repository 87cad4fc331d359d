package oidc

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// claims are an ID token's (OpenID Connect Core 1.0 §2).
type claims struct {
	Issuer        string `json:"iss"`
	Subject       string `json:"sub"`
	Audience      string `json:"aud"`
	Expires       int64  `json:"exp"`
	Issued        int64  `json:"iat"`
	Nonce         string `json:"nonce,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
}

// serveAuthorize sends the browser straight back with a code, or with the refusal of somebody who declines.
func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	target, err := url.Parse(query.Get("redirect_uri"))
	// Without a client and a redirect that are known nobody may be sent anywhere (RFC 6749 §4.1.2.1).
	if err != nil || query.Get("client_id") != p.options.ClientID || !loopback(target) {
		http.Error(w, "unknown client or redirect", http.StatusBadRequest)
		return
	}
	answer := target.Query()
	answer.Set("state", query.Get("state"))
	answer.Set("iss", issuer(r))
	if problem := p.judge(query); problem != "" {
		answer.Set("error", problem)
	} else {
		answer.Set("code", p.grant(query))
	}
	target.RawQuery = answer.Encode()
	http.Redirect(w, r, target.String(), http.StatusFound) //nolint:gosec // a loopback address, checked above
}

// judge names the error of a request (RFC 6749 §4.1.2.1), or nothing.
func (p *Provider) judge(query url.Values) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case query.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(query.Get("scope")), "openid"):
		return "invalid_scope"
	case query.Get("code_challenge") != "" && query.Get("code_challenge_method") != "S256":
		return "invalid_request"
	case p.person.Declines:
		return "access_denied"
	}
	return ""
}

func (p *Provider) grant(query url.Values) string {
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = grant{
		person: p.person, redirect: query.Get("redirect_uri"), nonce: query.Get("nonce"),
		challenge: query.Get("code_challenge"), issued: p.options.Now(),
	}
	return code
}

// serveToken gives an ID token for a code, once (RFC 6749 §4.1.3).
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if !p.knows(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	granted, ok := p.redeem(r)
	if !ok {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	token, err := p.sign(issuer(r), granted)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()), "id_token": token,
	})
}

// knows tells whether the client has shown its secret, in the header or in the form (RFC 6749 §2.3.1).
func (p *Provider) knows(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	return id == p.options.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(p.options.ClientSecret)) == 1
}

func (p *Provider) redeem(r *http.Request) (grant, bool) {
	code := r.PostFormValue("code")
	p.mu.Lock()
	defer p.mu.Unlock()
	granted, ok := p.grants[code]
	delete(p.grants, code)
	ok = ok && r.PostFormValue("grant_type") == "authorization_code" && r.PostFormValue("redirect_uri") == granted.redirect &&
		p.options.Now().Before(granted.issued.Add(tokenLifetime))
	if ok && granted.challenge != "" {
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		ok = base64.RawURLEncoding.EncodeToString(sum[:]) == granted.challenge
	}
	return granted, ok
}

func (p *Provider) sign(issuer string, granted grant) (string, error) {
	now := p.options.Now()
	payload, err := json.Marshal(claims{
		Issuer: issuer, Subject: granted.person.Subject, Audience: p.options.ClientID, Nonce: granted.nonce,
		Issued: now.Unix(), Expires: now.Add(tokenLifetime).Unix(),
		Email: granted.person.Email, EmailVerified: granted.person.EmailVerified, Name: granted.person.Name,
	})
	if err != nil {
		return "", err
	}
	var signed *jose.JSONWebSignature
	if signed, err = p.signer.Sign(payload); err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// loopback tells whether a redirect stays on this machine.
func loopback(target *url.URL) bool {
	ip := net.ParseIP(target.Hostname())
	return target.Scheme == "http" && (target.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
