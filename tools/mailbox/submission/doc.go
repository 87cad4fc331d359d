// Package submission is a mail server in front of a mailbox: what is submitted to it by SMTP (RFC 6409) is caught there.
// It can refuse people, put them off and cut connections at the moments that matter.
//
// It is for tests and for trying out. It uses go-smtp and knows nothing of the rest of Paperplane, so that it judges a
// client by the protocol and not by what ours happens to do.
package submission
