// Package extension holds the words of Paperplane: the types, the pure rules and the kinds of error that
// every other package speaks in. It imports nothing but the standard library, so nothing here can do I/O.
//
// The life of a user, in order:
//
//	paste     an administrator's text becomes Addresses
//	Invite    one press makes a Batch: a User and an Invitation for every new address
//	provision a marked, inactive Kratos identity is made for every user
//	deliver   one message a person carries the Link of the invitation
//	open      the invitee's GET checks the link and changes nothing but a time
//	start     the invitee's POST turns the identity on and gives the browser a Kratos session
//	register  first name, last name, mobile and password go to Kratos
//	secure    a second factor, where the organisation demands one
//	agree     the invitee accepts the current Terms
//	in        whichever fact came last: the user is Active
//
// Facts are times that are set once and never cleared. Status and Step are computed from them, never stored,
// and take the present time as a parameter.
package extension
