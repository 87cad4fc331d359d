package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// isWhole compares the people with Kratos, our rows and the provider's messages.
func (s *soak) isWhole(t *testing.T, batch extension.BatchID) {
	t.Helper()
	rows, letters, identities := s.rowsOf(t, batch), s.lettersOf(), s.identitiesOf(t)
	for _, address := range s.people {
		found := rows[address]
		if len(found) != 1 {
			t.Errorf("%s has %d invitations, want one: %+v", address, len(found), found)
			continue
		}
		own := found[0]
		if !own.Sent || own.Refused != "" {
			t.Errorf("%s is not sent: %+v", address, own)
		}
		if got := letters[address]; len(got) != 1 || got[0].ID != own.Message || !s.opens(t, got[0], own) {
			t.Errorf("%s got %d letters, want one with its own link, known as %s", address, len(got), own.Message)
		}
		if got := identities[address]; len(got) != 1 || got[0] != own.Identity+" of "+own.User {
			t.Errorf("%s has the identities %v, want %s of %s", address, got, own.Identity, own.User)
		}
	}
	for what, n := range map[string]int{"rows": len(rows), "letters": len(letters), "identities": len(identities)} {
		if n != len(s.people) {
			t.Errorf("there are %s for %d addresses, want %d", what, n, len(s.people))
		}
	}
	s.bytesNeverChange(t)
	if progress := s.reports(t, batch).Progress; progress.Sent != len(s.people) || progress.Queued != progress.Sent {
		t.Errorf("the batch's page says %+v", progress)
	}
	for _, words := range []string{"DATA RACE", "panic: ", "fatal error: "} {
		if s.log.holds(words) {
			t.Errorf("a replica's log has %q", words)
		}
	}
	starts := 0
	for _, r := range s.replicas {
		_, times := r.started()
		starts += times
	}
	t.Logf("%d people, %d kills, %d starts of replicas", len(s.people), s.kills+len(s.replicas), starts)
}

// invited is one user and one invitation of theirs.
type invited struct {
	Address, User, Identity, Invitation, Message, Refused string
	Sent                                                  bool
}

func (s *soak) rowsOf(t *testing.T, batch extension.BatchID) map[string][]invited {
	t.Helper()
	found, err := s.database(t).Query(t.Context(), `
		SELECT u.address, u.id::text AS user, coalesce(u.identity_id::text, '') AS identity, coalesce(i.id::text, '') AS invitation,
		       coalesce(i.message_id, '') AS message, coalesce(i.refused, '') AS refused, i.sent_at IS NOT NULL AND i.batch_id = $1 AS sent
		  FROM users u LEFT JOIN invitations i ON i.user_id = u.id WHERE u.address LIKE 'soak%'`, batch)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowToStructByName[invited])
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]invited{}
	for _, one := range all {
		rows[one.Address] = append(rows[one.Address], one)
	}
	return rows
}

func (s *soak) lettersOf() map[string][]mailbox.Message {
	letters := map[string][]mailbox.Message{}
	for _, message := range s.mailbox.Messages("") {
		if to := strings.Join(message.To, " "); strings.HasPrefix(to, "soak") {
			letters[to] = append(letters[to], message)
		}
	}
	return letters
}

// opens tells whether a letter holds the link of an invitation.
func (s *soak) opens(t *testing.T, letter mailbox.Message, own invited) bool {
	t.Helper()
	id, err := s.server.links.Verify(tokenOf(link(t, letter)))
	return err == nil && string(id) == own.Invitation
}

// identitiesOf lists all identities in Kratos that have an address of the batch, each as "identity of user".
func (s *soak) identitiesOf(t *testing.T) map[string][]string {
	t.Helper()
	identities := map[string][]string{}
	address := s.kratos.AdminURL() + "/admin/identities?page_size=250"
	for address != "" {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := fresh().RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		var some []struct {
			ID     string `json:"id"`
			Traits struct {
				Email string `json:"email"`
			} `json:"traits"`
			Admin struct {
				Paperplane struct {
					User string `json:"user"`
				} `json:"paperplane"`
			} `json:"metadata_admin"`
		}
		err = json.NewDecoder(response.Body).Decode(&some)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range some {
			if email := one.Traits.Email; strings.HasPrefix(email, "soak") {
				identities[email] = append(identities[email], one.ID+" of "+one.Admin.Paperplane.User)
			}
		}
		address = s.next(response)
	}
	return identities
}

// next is the page after this one (RFC 8288).
func (s *soak) next(response *http.Response) string {
	found := regexp.MustCompile(`<([^>]*)>; rel="next"`).FindStringSubmatch(strings.Join(response.Header.Values("Link"), ","))
	if found == nil {
		return ""
	}
	_, query, _ := strings.Cut(found[1], "?")
	return s.kratos.AdminURL() + "/admin/identities?" + query
}

// bytesNeverChange fails the test if a key went to the provider with other bytes, or people under two keys.
func (s *soak) bytesNeverChange(t *testing.T) {
	t.Helper()
	bodies, calls := map[string]string{}, 0
	for _, seen := range s.seen {
		for _, call := range seen.of("/emails") {
			calls++
			key := call.header.Get("Idempotency-Key")
			if before, known := bodies[key]; known && before != call.body {
				t.Errorf("key %s went out with other bytes", key)
			}
			bodies[key] = call.body
		}
	}
	people := map[string]int{}
	for _, body := range bodies {
		for _, address := range lettersAsked([]byte(body)) {
			people[address]++
		}
	}
	for address, keys := range people {
		if keys > 1 {
			t.Errorf("%s stands in calls with %d keys", address, keys)
		}
	}
	t.Logf("%d calls to the provider with %d keys", calls, len(bodies))
}
