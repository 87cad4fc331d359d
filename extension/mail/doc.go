// Package mail writes the invitation letter and hands it to the mail provider. It stands at the station "deliver": a
// chunk of people goes in, one receipt for each of them comes out.
//
// It owns the wording and the looks of the letter, what a name may look like inside it, the contract with Resend, and
// the meaning of the provider's answers: accepted, refused for good, or trouble that a later call with the same key
// will get over, and whether it certainly sent nothing. It does not own who is invited, when a call is made or made
// again, or what is remembered of it: those are the verbs' and the database's.
package mail
