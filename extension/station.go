package extension

import (
	"slices"
	"time"
)

// Station is how far an invitee who is not in yet has come, as administrators see it: it tells where somebody is stuck.
// It is computed, never stored.
type Station string

// The stations, in order.
const (
	StationUnsent     Station = "unsent"     // nothing has been sent, or the last message was refused
	StationSent       Station = "sent"       // the provider has the message; nobody knows whether it arrived
	StationLost       Station = "lost"       // the message came back or was reported as spam, and nobody opened the link
	StationDelivered  Station = "delivered"  // the message arrived, the link was not opened
	StationOpened     Station = "opened"     // the link was opened, perhaps by a mail scanner, and Start not pressed
	StationStarted    Station = "started"    // Start was pressed; there is no password yet
	StationRegistered Station = "registered" // there is a password; the second factor is missing
	StationSecured    Station = "secured"    // only the EULA is missing
)

// Delivery is how far the newest message to the user has come.
func (u User) Delivery() DeliveryState { return u.Letter.State(u.NotMailed) }

// Station tells how far the user has come; empty for somebody who is Active or Inactive. policy is the organisation's.
func (u User) Station(policy TwoFactor, now time.Time) Station {
	switch u.Facts.Status(now) {
	case Active, Inactive:
		return ""
	case Pending, Expired:
	}
	switch f := u.Facts; {
	case !f.Registered.IsZero() && policy == TwoFactorRequired && f.Secured.IsZero():
		return StationRegistered
	case !f.Registered.IsZero():
		return StationSecured
	case !f.Started.IsZero():
		return StationStarted
	case !f.Opened.IsZero():
		return StationOpened
	}
	switch u.Delivery() {
	case DeliveryBounced, DeliveryComplained:
		return StationLost
	case DeliveryDelivered:
		return StationDelivered
	case DeliverySent, DeliveryDelayed:
		return StationSent
	case DeliveryWaiting, DeliveryRefused:
		if !u.Facts.Sent.IsZero() { // what was not sent is a reminder
			return StationSent
		}
	}
	return StationUnsent
}

// Stumbled is the mistake that still keeps the user from going on; zero when there is none. One that was made before the
// user got further, or by an invitation before the newest, keeps nobody any more.
func (u User) Stumbled(now time.Time) Stumble {
	switch u.Facts.Status(now) {
	case Active, Inactive:
		return Stumble{}
	case Pending, Expired:
	}
	further := []time.Time{u.Facts.Started, u.Facts.Registered, u.Facts.Secured, u.Facts.Accepted}
	if slices.ContainsFunc(further, u.Stumble.At.Before) {
		return Stumble{}
	}
	if u.Facts.Started.IsZero() && u.Facts.Registered.IsZero() && u.Stumble.Step != StepStart {
		return Stumble{} // what was begun by an older link has ended
	}
	return u.Stumble
}
