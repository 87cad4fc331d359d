package onboard

import (
	"encoding/json"
	"slices"

	"paperplane/extension"
)

// attempt is a code that somebody shows, or that was sent to be shown, in one flow of Kratos' by one session. Sealed, it
// travels through hands that must not make one up: as the ticket of a submit, through Kratos to its hook; and as what the
// browser keeps of a code that was sent. So nobody learns the flow, and nobody but us can have another code sent in it.
type attempt struct {
	Identity extension.IdentityID `json:"identity"`
	Session  extension.SessionID  `json:"session"`
	Flow     string               `json:"flow"`
	Way      extension.Factor     `json:"way"`
	Address  string               `json:"address,omitempty"` // where Kratos said that the code went, when it did
	Code     string               `json:"code,omitempty"`    // of an authenticator app: names its reservation
}

// sealers keep the two uses of an attempt apart: the browser holds a sending, and must not pass it for a ticket.
type sealers struct{ sending, ticket extension.Sealer }

func newSealers(secret []byte) sealers {
	return sealers{
		sending: extension.NewSealer(secret, "paperplane code that was sent"),
		ticket:  extension.NewSealer(secret, "paperplane second step"),
	}
}

// seal writes an attempt down.
func seal(sealer extension.Sealer, a attempt) string {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings alone
	}
	return sealer.Seal(string(text))
}

// unseal reads what seal made of an attempt by this session. False says that it is nothing of that kind.
func unseal(sealer extension.Sealer, sealed string, identity extension.IdentityID, session extension.SessionID) (attempt, bool) {
	var a attempt
	text, ok := sealer.Open(sealed)
	if !ok || json.Unmarshal([]byte(text), &a) != nil {
		return attempt{}, false
	}
	return a, a.Identity == identity && a.Session == session
}

// sentTo is where Kratos says, right after it has sent a code, that it went; empty when it does not say one address.
func sentTo(form extension.Form, way extension.Factor) string {
	var addresses []string
	for _, node := range form.Nodes {
		if node.Group == methodCode && node.Name == "identifier" {
			addresses = append(addresses, node.Value)
		}
	}
	if len(addresses) != 1 || addresses[0] == "" || wayTo(addresses[0]) != way {
		return ""
	}
	return addresses[0]
}

// ticketed reads the attempt that a hook's ticket names. False says that the code was shown to Kratos past our pages.
func (s *Service) ticketed(w Witnessed) (attempt, bool) {
	a, ours := unseal(s.sealers.ticket, w.Ticket, w.Identity, w.Session)
	if !ours || a.Flow != w.Flow || methodOf(a.Way) != w.Method {
		return attempt{}, false
	}
	return a, true
}

// shown tells which factor a code belongs to, and whether it was shown on our pages; no factor when that is not known.
//
// Of codes that are sent, the hook tells where they went, but not always: a form that names several addresses does not, and
// neither does one in which a wrong code was typed, because Kratos then puts whatever the browser submitted into the place
// of the address. Our own flow has sent a code to one address alone, and nobody else knows it; otherwise such a code proves
// nothing, because whoever has the telephone must not pass for whoever has the mailbox.
func (s *Service) shown(w Witnessed) (shown attempt, ours bool) {
	a, ours := s.ticketed(w)
	switch {
	case w.Method != methodCode:
		a.Way, a.Address = wayOf(w.Method), ""
	case ours && a.Address != "" && !slices.ContainsFunc(w.Codes, func(told string) bool { return told != "" && told != a.Address }):
	case len(w.Codes) == 1 && w.Codes[0] != "":
		a.Way, a.Address = wayTo(w.Codes[0]), w.Codes[0]
	default:
		a.Way, a.Address = "", ""
	}
	return a, ours
}

// methodOf is Kratos' word for the method that takes a factor's codes.
func methodOf(way extension.Factor) string {
	switch way {
	case extension.FactorTOTP:
		return "totp"
	case extension.FactorWebAuthn:
		return "webauthn"
	case extension.FactorRecovery:
		return "lookup_secret"
	case extension.FactorSMS, extension.FactorEmail:
	}
	return methodCode
}

// wayOf is the factor of a method that has one alone.
func wayOf(method string) extension.Factor {
	for _, way := range []extension.Factor{extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery} {
		if methodOf(way) == method {
			return way
		}
	}
	return ""
}
