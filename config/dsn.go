package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
)

// DSN is the address of a PostgreSQL database in URL form, with the port and the sslmode always written out, so that
// every driver reads the same from it. No way of printing shows its password; only Reveal does.
type DSN struct {
	address *url.URL
}

// Reveal returns the whole address, password included. Hand it only to a driver.
func (d DSN) Reveal() string {
	if d.address == nil {
		return ""
	}
	return d.address.String()
}

// String returns the address with *** in the place of the password.
func (d DSN) String() string {
	if d.address == nil {
		return ""
	}
	if _, has := d.address.User.Password(); !has {
		return d.address.String()
	}
	shown := *d.address
	shown.User = url.User(d.address.User.Username())
	return strings.Replace(shown.String(), "@", ":"+masked+"@", 1)
}

// GoString returns what %#v shows.
func (d DSN) GoString() string { return `config.DSN("` + d.String() + `")` }

// Format answers every verb of fmt.
func (d DSN) Format(f fmt.State, verb rune) {
	text := d.String()
	if verb == 'v' && f.Flag('#') {
		text = d.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt.State keeps errors to itself
}

// LogValue is what slog writes.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText serves JSON and YAML.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// local tells whether the database is on this machine.
func (d DSN) local() bool { return d.address == nil || loopback(d.address.Hostname()) }

// verified tells whether the connection is encrypted and the server is who it says it is.
func (d DSN) verified() bool {
	return d.address != nil && d.address.Query().Get("sslmode") == sslVerifyFull
}

const sslVerifyFull = "verify-full"

// parseDSN takes a URL that pgdriver and pgx understand alike. What only one of them knows, or what they read
// differently, is refused: several hosts, Unix sockets, sslmode=prefer, settings given twice. No error repeats the
// value, which holds a password.
func parseDSN(value any) (DSN, error) {
	text, err := parseText(value)
	if err != nil {
		return DSN{}, err
	}
	given, err := url.Parse(text)
	switch {
	case err != nil || given.Opaque != "" || given.Fragment != "" || (given.Scheme != "postgres" && given.Scheme != "postgresql"):
		return DSN{}, errors.New("is not an address like postgres://USER:PASSWORD@HOST:5432/NAME; write special characters of the password as %XX")
	case given.User.Username() == "":
		return DSN{}, errors.New("names no user; write postgres://USER:PASSWORD@HOST:5432/NAME")
	case len(given.Path) < 2 || strings.Contains(given.Path[1:], "/"):
		return DSN{}, errors.New("names no database; write postgres://USER:PASSWORD@HOST:5432/NAME")
	}
	host, err := databaseHost(given)
	if err != nil {
		return DSN{}, err
	}
	query, err := databaseSettings(given)
	if err != nil {
		return DSN{}, err
	}
	return DSN{address: &url.URL{
		Scheme: "postgres", User: given.User, Host: host, Path: given.Path, RawPath: given.RawPath, RawQuery: query.Encode(),
	}}, nil
}

func databaseHost(given *url.URL) (string, error) {
	host, port := strings.ToLower(given.Hostname()), given.Port()
	if err := plausibleHost(host); err != nil {
		return "", errors.New("names no single host; Unix sockets and several hosts are not supported")
	}
	if port == "" {
		port = "5432"
	}
	if !plausiblePort(port) {
		return "", errors.New("has no port from 1 to 65535")
	}
	return net.JoinHostPort(host, port), nil
}

// databaseSettings checks the part after the question mark. A loopback host without sslmode gets disable, because the
// drivers' own defaults differ.
func databaseSettings(given *url.URL) (url.Values, error) {
	known := []string{"application_name", "connect_timeout", "search_path", "sslcert", "sslkey", "sslmode", "sslrootcert"}
	query, err := url.ParseQuery(given.RawQuery)
	if err != nil {
		return nil, errors.New("has an unreadable part after the question mark")
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("has an unknown setting after the question mark; only %s are taken", strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("has the setting %s twice", name)
		}
	}
	if loopback(strings.ToLower(given.Hostname())) && query.Get("sslmode") == "" {
		query.Set("sslmode", "disable")
	}
	if modes := []string{"disable", "require", "verify-ca", sslVerifyFull}; !slices.Contains(modes, query.Get("sslmode")) {
		return nil, errors.New("needs sslmode=verify-full; disable, require and verify-ca are taken too, for a loopback host or with database.insecure")
	}
	return query, nil
}
