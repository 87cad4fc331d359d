package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

// object is any JSON object.
type object = map[string]any

// asAdministrator calls Kratos' administration API, past Paperplane. What it answers may be empty.
func (s *testStack) asAdministrator(t *testing.T, method, path string, body any, want int) object {
	t.Helper()
	status, answer := s.callKratos(t, &http.Client{Timeout: recovery}, method, s.kratos.AdminURL()+path, body)
	if status != want {
		t.Fatalf("%s %s answered %d, want %d: %v", method, path, status, want, answer)
	}
	return answer
}

// identity reads an identity as Kratos has it, credentials included.
func (s *testStack) identity(t *testing.T, id extension.IdentityID) object {
	t.Helper()
	return s.asAdministrator(t, http.MethodGet, "/admin/identities/"+string(id)+"?include_credential=password", nil, http.StatusOK)
}

// state is an identity's state.
func (s *testStack) state(t *testing.T, id extension.IdentityID) string {
	t.Helper()
	state, _ := s.identity(t, id)["state"].(string)
	return state
}

// change patches an identity (RFC 6902 replace, or add where there is nothing).
func (s *testStack) change(t *testing.T, id extension.IdentityID, path string, value any) {
	t.Helper()
	s.asAdministrator(t, http.MethodPatch, "/admin/identities/"+string(id),
		[]object{{"op": "add", "path": path, "value": value}}, http.StatusOK)
}

// sessions counts the sessions of an identity that Kratos still holds.
func (s *testStack) sessions(t *testing.T, id extension.IdentityID) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.kratos.AdminURL()+"/admin/identities/"+string(id)+"/sessions?active=true", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: recovery}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var list []object
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// stranger makes an identity in Kratos that Paperplane did not make: an Active person with a password.
func (s *testStack) stranger(t *testing.T, address string) extension.IdentityID {
	t.Helper()
	made := s.asAdministrator(t, http.MethodPost, "/admin/identities", object{
		"schema_id": "member", "state": "active", "traits": object{"email": address},
		"credentials":    object{"password": object{"config": object{"password": goodPassword}}},
		"metadata_admin": object{"owner": "somebody else"},
	}, http.StatusCreated)
	id, _ := made["id"].(string)
	return extension.IdentityID(id)
}

func (s *testStack) callKratos(t *testing.T, client *http.Client, method, address string, body any) (int, object) {
	t.Helper()
	var sent io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, sent)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil && err != io.EOF {
		t.Fatalf("%s %s answered %d and no object: %v", method, request.URL.Path, response.StatusCode, err)
	}
	return response.StatusCode, answer
}

// inKratos calls Kratos' public API with the visitor's cookies, past Paperplane.
func (v *visitor) inKratos(t *testing.T, method, path string, body any) (int, object) {
	t.Helper()
	return v.stack.callKratos(t, v.client, method, v.stack.kratos.PublicURL()+path, body)
}

// whoami is the status with which Kratos answers for the visitor's session.
func (v *visitor) whoami(t *testing.T) int {
	t.Helper()
	status, _ := v.inKratos(t, http.MethodGet, "/sessions/whoami", nil)
	return status
}

// aal is the assurance level of the visitor's session.
func (v *visitor) aal(t *testing.T) string {
	t.Helper()
	_, session := v.inKratos(t, http.MethodGet, "/sessions/whoami", nil)
	level, _ := session["authenticator_assurance_level"].(string)
	return level
}

// keepsCookies is another browser with the cookies that this one has now.
func (v *visitor) keepsCookies(t *testing.T) *visitor {
	t.Helper()
	thief := v.stack.visitor(t)
	at := v.address(t, "/")
	thief.client.Jar.SetCookies(at, v.client.Jar.Cookies(at))
	return thief
}

// settings is a settings flow of Kratos' in the visitor's hands.
type settings struct {
	visitor *visitor
	flow    object
}

// direct lets second factors count that are shown at Kratos itself.
func direct(o *stackOptions) {
	o.settings = append(o.settings, "PAPERPLANE_KRATOS_DIRECT_SECOND_STEP=true")
}

// beginsSettings begins a settings flow with Kratos itself.
func (v *visitor) beginsSettings(t *testing.T) *settings {
	t.Helper()
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/settings/browser", nil)
	if status != http.StatusOK {
		t.Fatalf("settings answered %d: %v", status, flow)
	}
	return &settings{visitor: v, flow: flow}
}

// opensNoSettings fails the test if Kratos itself opens settings for the visitor's session.
func (v *visitor) opensNoSettings(t *testing.T) {
	t.Helper()
	if status, answer := v.inKratos(t, http.MethodGet, "/self-service/settings/browser", nil); status < http.StatusBadRequest || answer["ui"] != nil {
		t.Errorf("settings are opened: %d, %v", status, answer)
	}
}

// submit sends a settings method to Kratos itself and tells the status with the ids of all error messages.
func (f *settings) submit(t *testing.T, method string, fields object) (status int, errors []int64) {
	t.Helper()
	body := object{"method": method, "csrf_token": f.attribute("csrf_token", "value")}
	maps.Copy(body, fields)
	status, answer := f.visitor.inKratos(t, http.MethodPost, "/self-service/settings?flow="+f.flow["id"].(string), body)
	if answer["ui"] != nil {
		f.flow = answer
	}
	return status, messagesIn(answer)
}

// attribute is an attribute of the node with this name or id.
func (f *settings) attribute(node, attribute string) any {
	ui, _ := f.flow["ui"].(object)
	nodes, _ := ui["nodes"].([]any)
	for _, n := range nodes {
		attributes, _ := n.(object)["attributes"].(object)
		if attributes["name"] == node || attributes["id"] == node {
			return attributes[attribute]
		}
	}
	return nil
}

// traits are the identity's traits as the flow has them, with changes; nil takes one away.
func (f *settings) traits(changes object) object {
	identity, _ := f.flow["identity"].(object)
	traits, _ := identity["traits"].(object)
	for name, value := range changes {
		traits[name] = value
		if value == nil {
			delete(traits, name)
		}
	}
	return traits
}

// messagesIn lists the ids of the error messages of a flow.
func messagesIn(flow object) []int64 {
	var ids []int64
	add := func(messages any) {
		list, _ := messages.([]any)
		for _, m := range list {
			if message, _ := m.(object); message["type"] == "error" {
				id, _ := message["id"].(float64)
				ids = append(ids, int64(id))
			}
		}
	}
	ui, _ := flow["ui"].(object)
	add(ui["messages"])
	nodes, _ := ui["nodes"].([]any)
	for _, n := range nodes {
		add(n.(object)["messages"])
	}
	return ids
}

// authenticator is somebody's authenticator app.
type authenticator struct{ secret string }

// enrols sets up an authenticator app with Kratos itself.
func (v *visitor) enrols(t *testing.T) authenticator {
	t.Helper()
	flow := v.beginsSettings(t)
	text, _ := flow.attribute("totp_secret_key", "text").(object)
	secret, _ := text["context"].(object)["secret"].(string)
	app := authenticator{secret: secret}
	if status, errors := flow.submit(t, "totp", object{"totp_code": app.code(t)}); status != http.StatusOK {
		t.Fatalf("enrolling answered %d, %v", status, errors)
	}
	return app
}

// code is what the app shows now (RFC 6238 with SHA-1, 6 digits, 30 seconds).
func (a authenticator) code(t *testing.T) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	if err := binary.Write(mac, binary.BigEndian, time.Now().Unix()/30); err != nil {
		t.Fatal(err)
	}
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:offset+4])&0x7fffffff%1_000_000)
}

// confirms brings the visitor's session to aal2 with a code or another second factor, at Kratos itself.
func (v *visitor) confirms(t *testing.T, fields object) int {
	t.Helper()
	v.stack.appsRest(t)
	status, _ := v.confirmsNow(t, fields)
	return status
}

// confirmsNow is confirms right after another code; it gives the ids of the errors too.
func (v *visitor) confirmsNow(t *testing.T, fields object) (status int, errors []int64) {
	t.Helper()
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/login/browser?aal=aal2", nil)
	if status != http.StatusOK {
		t.Fatalf("second factor answered %d: %v", status, flow)
	}
	begun := settings{visitor: v, flow: flow}
	fields["csrf_token"] = begun.attribute("csrf_token", "value")
	status, answer := v.inKratos(t, http.MethodPost, "/self-service/login?flow="+flow["id"].(string), fields)
	return status, messagesIn(answer)
}

// cleanJSON is a value as JSON, for comparing.
func cleanJSON(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(encoded))
}
