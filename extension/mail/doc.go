// Package mail writes the invitation letter and hands it to the mail provider. It stands at the station "deliver": a
// chunk of people goes in, one receipt for each of them comes out. Beside the letters it mails notices: one code to one
// person, while Kratos waits.
//
// It owns the wording and the looks of the letter, what a name may look like inside it, the contracts with Resend and
// with mail servers (SMTP), and the meaning of their answers: accepted, refused for good, of unknown fate, or trouble that
// a later call will get over, and whether it certainly sent nothing. It keeps the calls of a process within the
// provider's rate limit, and reads the webhooks that tell what became of a message. It does not own who is invited, when
// a call is made or made again, or what is remembered of it: those are the verbs' and the database's.
package mail
