package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// minSecret is how many bytes our own secrets have at least: the size of SHA-256, whose HMAC keys they are
// (RFC 2104 §3).
const minSecret = 32

// The bounds of the shortest password: 8 characters is the least that NIST SP 800-63B-4 §3.1.1.2 allows, beside a second
// factor, and passwords of 64 must be taken. The default lies between the 8 and the 15 that it asks for where a password
// is the only factor.
const (
	minPassword    = 8
	maxMinPassword = 64
)

// parseText takes a text. YAML reads an unquoted number or true as what it looks like, so those are sent back.
func parseText(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		if value == nil {
			return "", errors.New("has no value; give it one or remove the line")
		}
		return "", errors.New("is not a text; put it in quotes")
	}
	return strings.TrimSpace(text), nil
}

// parseToken takes a secret that travels in an HTTP header, so it is visible ASCII (RFC 9110 §5.5).
func parseToken(value any) (Secret, error) {
	if _, err := parseText(value); err != nil {
		return Secret{}, err
	}
	text, _ := value.(string)
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return Secret{}, errors.New("holds a space, a line break or a character beyond ASCII; check how it was pasted or encoded")
		}
	}
	return NewSecret(text), nil
}

// parseKey takes one of our own secrets.
func parseKey(value any) (Secret, error) {
	secret, err := parseToken(value)
	if err != nil {
		return Secret{}, err
	}
	return secret, longEnough(secret)
}

func longEnough(secret Secret) error {
	if n := len(secret.Reveal()); n < minSecret {
		return fmt.Errorf("is too short: %d characters of at least %d; make one with: openssl rand -hex 32", n, minSecret)
	}
	return nil
}

// parsePassword takes a secret that somebody else has made, whatever its characters. It is not trimmed.
func parsePassword(value any) (Secret, error) {
	if _, err := parseText(value); err != nil {
		return Secret{}, err
	}
	text, _ := value.(string)
	if strings.ContainsAny(text, "\x00\r\n") {
		return Secret{}, errors.New("holds a line break; check how it was pasted or encoded")
	}
	return NewSecret(text), nil
}

// parseWebhookSecret takes the secret that webhooks are signed with, as the provider shows it: whsec_ and 24 to 64 bytes
// in base64 (Standard Webhooks, "Signature scheme").
func parseWebhookSecret(value any) (Secret, error) {
	secret, err := parseToken(value)
	if err != nil {
		return Secret{}, err
	}
	encoded, prefixed := strings.CutPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(key) < 24 || len(key) > 64 {
		return Secret{}, errors.New("is not a signing secret; copy it from the webhook's page at Resend, whsec_ included")
	}
	return secret, nil
}

// The bounds of a lease: shorter, and ordinary calls would outlast it; longer, and a crash would be felt.
const (
	minLease = 2 * time.Second
	maxLease = 10 * time.Minute
)

func parseDuration(least, most time.Duration) func(any) (time.Duration, error) {
	refused := fmt.Errorf("is not a time from %s to %s, such as 90s or 5m", showDuration(least), showDuration(most))
	return func(value any) (time.Duration, error) {
		text, err := parseText(value)
		if err != nil {
			return 0, err
		}
		duration, err := time.ParseDuration(text)
		if err != nil || duration < least || duration > most {
			return 0, refused
		}
		return duration, nil
	}
}

// showDuration writes a duration without the zero parts that its String gives: 1m, not 1m0s.
func showDuration(duration time.Duration) any {
	text := duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func parseBool(value any) (bool, error) {
	switch typed := value.(type) {
	case bool:
		return typed, nil
	case string:
		switch strings.TrimSpace(typed) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	return false, errors.New("is neither true nor false")
}

func parseInt(least, most int) func(any) (int, error) {
	refused := fmt.Errorf("is not a whole number from %d to %d", least, most)
	return func(value any) (int, error) {
		number, ok := value.(int)
		if text, isText := value.(string); isText {
			parsed, err := strconv.Atoi(strings.TrimSpace(text))
			number, ok = parsed, err == nil
		}
		if !ok || number < least || number > most {
			return 0, refused
		}
		return number, nil
	}
}

func parseOneOf[T ~string](allowed ...T) func(any) (T, error) {
	quoted := make([]string, len(allowed))
	for i, word := range allowed {
		quoted[i] = string(word)
	}
	return func(value any) (T, error) {
		text, err := parseText(value)
		if err != nil {
			return "", err
		}
		for _, word := range allowed {
			if text == string(word) {
				return word, nil
			}
		}
		return "", fmt.Errorf("is not one of: %s", strings.Join(quoted, ", "))
	}
}

func parseLevel(value any) (slog.Level, error) {
	word, err := parseOneOf("debug", "info", "warn", "error")(value)
	if err != nil {
		return 0, err
	}
	var level slog.Level
	err = level.UnmarshalText([]byte(word))
	return level, err
}

func showLevel(level slog.Level) any { return strings.ToLower(level.String()) }

// parseMailbox takes one mailbox of RFC 5322 §3.4 and returns it in its canonical form.
func parseMailbox(value any) (string, error) {
	text, err := parseText(value)
	if err != nil {
		return "", err
	}
	mailbox, err := mail.ParseAddress(text)
	if err != nil {
		return "", errors.New("is not a mailbox; write it like: Example <invitations@example.com>")
	}
	return mailbox.String(), nil
}

// parseCookieName takes a cookie name, which is a token of RFC 9110 §5.6.2.
func parseCookieName(value any) (string, error) {
	text, err := parseText(value)
	if err != nil {
		return "", err
	}
	const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if text == "" || strings.Trim(text, allowed) != "" {
		return "", errors.New("is not a cookie name; copy session.cookie.name from Kratos' configuration")
	}
	return text, nil
}

// parseList takes a list of YAML, or texts separated by commas.
func parseList(value any, what string) ([]string, error) {
	switch typed := value.(type) {
	case string:
		texts := strings.Split(typed, ",")
		for i := range texts {
			texts[i] = strings.TrimSpace(texts[i])
		}
		return texts, nil
	case []any:
		var texts []string
		for i, item := range typed {
			text, err := parseText(item)
			if err != nil {
				return nil, fmt.Errorf("item %d %w", i+1, err)
			}
			texts = append(texts, text)
		}
		return texts, nil
	}
	return nil, errors.New("is not a list of " + what)
}

// parseNetworks takes a list of networks in CIDR form.
func parseNetworks(value any) ([]netip.Prefix, error) {
	texts, err := parseList(value, "networks such as 10.0.0.0/8")
	if err != nil {
		return nil, err
	}
	var networks []netip.Prefix
	for i, text := range texts {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("network %d %w", i+1, err)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, errors.New("is not in CIDR form; write 10.0.0.0/8, or 10.0.0.7/32 for one address")
	case network.Bits() == 0:
		return netip.Prefix{}, errors.New("is the whole internet, so that anybody could choose the address they come from; name your proxies")
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("has bits beyond its prefix; write %s", network.Masked())
	}
	return network, nil
}

// parseProviders takes a list of YAML with id and name, or id=Name separated by commas.
func parseProviders(value any) ([]SocialSignIn, error) {
	var providers []SocialSignIn
	switch typed := value.(type) {
	case string:
		for pair := range strings.SplitSeq(typed, ",") {
			id, name, _ := strings.Cut(pair, "=")
			providers = append(providers, SocialSignIn{ID: strings.TrimSpace(id), Name: strings.TrimSpace(name)})
		}
	case []any:
		for _, item := range typed {
			fields, _ := item.(map[string]any)
			id, _ := fields["id"].(string)
			name, _ := fields["name"].(string)
			providers = append(providers, SocialSignIn{ID: id, Name: name})
		}
	default:
		return nil, errors.New("is not a list of social sign-ins such as google=Google")
	}
	for i, p := range providers {
		if p.ID == "" || p.Name == "" {
			return nil, fmt.Errorf("entry %d has no id or no name; write id=Name, such as google=Google", i+1)
		}
	}
	return providers, nil
}
