package admin

import (
	"strings"
	"time"

	"paperplane/extension"
)

// deliveryWord is the state of a message in a label.
func deliveryWord(state extension.DeliveryState) string {
	switch state {
	case extension.DeliveryWaiting:
		return "Waiting"
	case extension.DeliverySent:
		return "Sent"
	case extension.DeliveryDelayed:
		return "Delayed"
	case extension.DeliveryDelivered:
		return "Delivered"
	case extension.DeliveryBounced:
		return "Bounced"
	case extension.DeliveryComplained:
		return "Reported as spam"
	case extension.DeliveryRefused:
	}
	return "Not sent"
}

// deliveryColour is what a state's label looks like; its word alone says everything.
func deliveryColour(state extension.DeliveryState) string {
	switch state {
	case extension.DeliveryDelivered:
		return "status-active"
	case extension.DeliveryDelayed:
		return "status-expired"
	case extension.DeliveryBounced, extension.DeliveryComplained, extension.DeliveryRefused:
		return "status-lost"
	case extension.DeliverySent:
		return "status-pending"
	case extension.DeliveryWaiting:
	}
	return "status-inactive"
}

// progress is where somebody stands who is not in yet: the step they are stuck at, and what keeps them there.
type progress struct {
	words      string
	detail     string // the mail provider's own words, or what the person was told last
	suppressed string // why their address gets no more mail
	at         time.Time
}

// progressOf words how far an invitee has come; nothing for somebody who is Active or Inactive.
func progressOf(user extension.User, policy extension.TwoFactor, now time.Time) progress {
	if !onTheWay(user.Facts.Status(now)) {
		return progress{}
	}
	stands := progress{words: stationWords(user, policy, now), suppressed: suppressedWords(user.Suppressed)}
	if stumble := user.Stumbled(now); !stumble.At.IsZero() {
		stands.detail, stands.at = stumble.Sentence, stumble.At
	} else if state := user.Delivery(); state == extension.DeliveryBounced || state == extension.DeliveryDelayed {
		stands.detail = strings.TrimPrefix(user.Letter.Detail, extension.FailedDetail)
	}
	return stands
}

// stationWords says how far somebody has come. What was not sent is said by the note on the invitation itself.
func stationWords(user extension.User, policy extension.TwoFactor, now time.Time) string {
	switch user.Station(policy, now) {
	case extension.StationSent:
		if user.Delivery() == extension.DeliveryDelayed {
			return "their mail server does not take it yet"
		}
		return "not known yet whether it arrived"
	case extension.StationLost:
		if user.Delivery() == extension.DeliveryComplained {
			return "reported as spam"
		}
		if _, failed := user.Letter.Failed(); failed {
			return "the mail provider could not send it"
		}
		return "the message came back"
	case extension.StationDelivered:
		return "link not opened yet"
	case extension.StationOpened:
		return "link opened, Start not pressed yet"
	case extension.StationStarted:
		return "started; not registered yet"
	case extension.StationRegistered:
		return "registered; second factor not set up yet"
	case extension.StationSecured:
		return "registered; has not accepted the terms yet"
	case extension.StationUnsent:
	}
	return ""
}

// suppressedWords says why an address gets no more mail; empty when it does.
func suppressedWords(suppressed extension.Suppression) string {
	switch suppressed {
	case extension.SuppressedBounce:
		return "No more mail: a message bounced."
	case extension.SuppressedComplaint:
		return "No more mail: reported as spam."
	}
	return ""
}
