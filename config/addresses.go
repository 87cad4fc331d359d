package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseOrigin takes what browsers see: scheme, host and port (RFC 6454 §4), in canonical form, so that it can be
// compared with an Origin header.
func parseOrigin(value any) (*url.URL, error) {
	origin, err := parseURL(value)
	if err != nil {
		return nil, err
	}
	if origin.Path != "" {
		return nil, errors.New("has a path; it is a scheme and a host alone")
	}
	if origin.Scheme != "https" && !loopback(origin.Hostname()) {
		return nil, errors.New("is not https; sessions and passwords travel there, so only a loopback host may do without")
	}
	return origin, nil
}

// parseOrigins takes a list of YAML, or origins separated by commas.
func parseOrigins(value any) ([]string, error) {
	texts, err := parseList(value, "origins such as https://app.example.com")
	if err != nil {
		return nil, err
	}
	origins := make([]string, len(texts))
	for i, text := range texts {
		origin, err := parseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("origin %d %w", i+1, err)
		}
		origins[i] = origin.String()
	}
	return origins, nil
}

// parseBase takes the address of a service and returns it without a slash at the end.
func parseBase(value any) (string, error) {
	base, err := parseURL(value)
	if err != nil {
		return "", err
	}
	return base.String(), nil
}

// parsePage takes the address of a page where passwords are typed.
func parsePage(value any) (string, error) {
	page, err := parseURL(value)
	if err != nil {
		return "", err
	}
	if page.Scheme != "https" && !loopback(page.Hostname()) {
		return "", errors.New("is not https; passwords are typed there, so only a loopback host may do without")
	}
	return page.String(), nil
}

func parseURL(value any) (*url.URL, error) {
	text, err := parseText(value)
	if err != nil {
		return nil, err
	}
	given, err := url.Parse(text)
	switch {
	case err != nil || given.Opaque != "" || given.Host == "" || (given.Scheme != "http" && given.Scheme != "https"):
		return nil, errors.New("is not an address like https://example.com")
	case given.User != nil:
		return nil, errors.New("holds a user name or password; they have no place there, remove them")
	case given.RawQuery != "" || given.ForceQuery || given.Fragment != "":
		return nil, errors.New("has a ? or # part; remove it")
	}
	host, err := canonicalHost(given)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: given.Scheme, Host: host, Path: strings.TrimRight(given.Path, "/")}, nil
}

// canonicalHost lower-cases the host and leaves the port out where it is the scheme's own.
func canonicalHost(given *url.URL) (string, error) {
	host := strings.ToLower(given.Hostname())
	if err := plausibleHost(host); err != nil {
		return "", err
	}
	port := given.Port()
	if port != "" && !plausiblePort(port) || strings.HasSuffix(given.Host, ":") {
		return "", errors.New("has no port from 1 to 65535 after its colon")
	}
	standard := map[string]string{"http": "80", "https": "443"}[given.Scheme]
	if port != "" && port != standard {
		return net.JoinHostPort(host, port), nil
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]", nil
	}
	return host, nil
}

// plausibleHost takes addresses and names of letters, digits, hyphens, underscores and dots. Names beyond ASCII are
// compared in their A-label form by browsers and proxies (RFC 5890), so that form is demanded.
func plausibleHost(host string) error {
	if address, err := netip.ParseAddr(host); err == nil && address.Zone() == "" {
		return nil
	}
	for _, r := range host {
		if r > '~' {
			return errors.New("has a host beyond ASCII; write it in its xn-- form")
		}
	}
	if host == "" || len(host) > 253 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" ||
		strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") || strings.Contains(host, "..") {
		return errors.New("has no proper host")
	}
	return nil
}

// parseHost takes the name or the address of a host, without a port.
func parseHost(value any) (string, error) {
	text, err := parseText(value)
	if err != nil {
		return "", err
	}
	host := strings.ToLower(text)
	if err := plausibleHost(host); err != nil {
		return "", errors.New("is not the name or the address of a host alone, such as smtp.example.com")
	}
	return host, nil
}

func plausiblePort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// loopback tells whether a host is this machine: localhost or an address of RFC 1122 §3.2.1.3 (g) or RFC 4291 §2.5.3.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// parseListen takes host:port; a missing host means every address of the machine.
func parseListen(value any) (string, error) {
	text, err := parseText(value)
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || !plausiblePort(port) {
		return "", errors.New("is not host:port with a port from 1 to 65535, such as 127.0.0.1:4455")
	}
	host = strings.ToLower(host)
	if host != "" {
		if err := plausibleHost(host); err != nil {
			return "", err
		}
	}
	return net.JoinHostPort(host, port), nil
}

// parsePrivateListen is parseListen for what outsiders must not reach. A host name is taken: in a container it stands
// for an address that is only known there.
func parsePrivateListen(value any) (string, error) {
	listen, err := parseListen(value)
	if err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(listen)
	address, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && address.IsUnspecified():
		return "", errors.New("listens on every network of the machine; name a loopback or private address, or the container's host name")
	case err == nil && !private(address):
		return "", errors.New("is a public address; name a loopback or private one, because only Kratos may reach it")
	}
	return listen, nil
}

// private tells whether an address is none of the public internet: loopback, link-local, private (RFC 1918, RFC 4193) or
// shared (RFC 6598, which some clouds give to containers).
func private(address netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast() || shared.Contains(address.Unmap())
}

// showURL shows nothing where there is no address.
func showURL(address *url.URL) any {
	if address == nil {
		return ""
	}
	return address.String()
}
