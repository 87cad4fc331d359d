// Package oidc is a small provider of OpenID Connect sign-in for tests: real enough for Ory Kratos, with discovery, the
// authorization code flow with PKCE, signed ID tokens and a key set. Whoever comes is the one person it has been told of,
// who consents at once, so there is no page and no password.
//
// It is for tests on loopback only and sends browsers back to loopback addresses only. It knows nothing of Paperplane.
package oidc
