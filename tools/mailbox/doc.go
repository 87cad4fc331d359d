// Package mailbox catches mail instead of sending it. It stands in for the mail provider by speaking Resend's HTTP
// contract (sending, batches, idempotency keys, validation, rate limits, signed webhooks), takes what Kratos' courier
// sends by e-mail and by text message, and shows all of it to people on plain pages and to tests as JSON. A lean one only
// counts, so that it can take a hundred thousand messages.
//
// It is for trying out, for development and for tests. Everybody who reaches it reads every link and code in it, so it
// must listen on a loopback address or a private network only. It uses the standard library alone and knows nothing of
// the rest of Paperplane, so that it judges requests by the provider's contract and not by what we happen to send.
package mailbox
