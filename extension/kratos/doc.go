// Package kratos is Paperplane's only way to Ory Kratos: every call to its two APIs, the identity schema and the
// generated configuration live here, and no type of the Ory client leaves it. It serves Kratos v1.3.1 and v26.2 alike;
// where they differ, a comment says so at the place that copes with it.
//
// The administration API is called in Paperplane's own name: identities are made, found, switched on and off, and told
// what they may do. The public API is called in the name of a person's browser: its cookies, its user agent and its
// address go along with each request, and what Kratos answers goes back as an extension.Form and an extension.Reply.
// Sending a code is the one thing there that costs somebody something, so only SendCode and submits do it.
//
// The package decides nothing about users and stores nothing. Kratos' answers become the kinds of error in extension;
// no error text holds a token, a cookie, a code, a password or an address.
package kratos
