package kratos_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"paperplane/extension"
)

// asked makes a wish for an identity with an address.
func asked(address string) extension.NewIdentity {
	return extension.NewIdentity{User: extension.NewID[extension.UserID](), Address: address}
}

// checkKept fails unless the identity exists, inactive, bare and marked for the user.
func checkKept(t *testing.T, s *stack, id extension.IdentityID, want extension.NewIdentity) {
	t.Helper()
	identity, err := s.client.Identity(t.Context(), id)
	if err != nil {
		t.Errorf("%s: %v", want.Address, err)
		return
	}
	if identity.Active || identity.Registered || len(identity.Factors) > 0 || identity.Mark != want.User || identity.Traits != (extension.Traits{Email: want.Address}) {
		t.Errorf("%s: %+v", want.Address, identity)
	}
}

func TestABatchIsMadeExceptForItsConflictsAndInvalidRows(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			taken := asked(address("Taken"))
			if _, err := s.client.CreateIdentities(t.Context(), []extension.NewIdentity{taken}); err != nil {
				t.Fatal(err)
			}
			first, second := asked(address("first")), asked(address("second"))
			batch := []extension.NewIdentity{
				first,
				asked("no address"),
				asked(strings.ToLower(taken.Address)),
				second,
				asked(strings.ToUpper(first.Address)),
				asked("x@" + strings.Repeat("a", 260) + ".example"),
			}
			made, err := s.client.CreateIdentities(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"made", "refused", "conflict", "made", "conflict", "refused"} {
				got := map[bool]string{made[i].ID != "": "made", made[i].Conflict: "conflict", made[i].Refused != "": "refused"}[true]
				if got != want {
					t.Errorf("row %d (%s): %+v, want %s", i, batch[i].Address, made[i], want)
				}
			}
			want := map[string]string{"v1": "Kratos does not accept this address.", "v26": `"no address" is not valid "email"`}[s.family]
			if made[1].Refused != want {
				t.Errorf("reason %q, want %q", made[1].Refused, want)
			}
			checkKept(t, s, made[0].ID, first)
			checkKept(t, s, made[3].ID, second)
		})
	}
}

func TestALoneConflictAmongRefusedRowsIsFound(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			taken := asked(address("taken"))
			for range 2 {
				if _, err := s.client.CreateIdentities(t.Context(), []extension.NewIdentity{taken}); err != nil {
					t.Fatal(err)
				}
			}
			made, err := s.client.CreateIdentities(t.Context(), []extension.NewIdentity{asked("nope"), asked("nor@this@"), taken, asked("")})
			if err != nil {
				t.Fatal(err)
			}
			for i, conflict := range []bool{false, false, true, false} {
				if made[i].Conflict != conflict || (made[i].Refused == "") != conflict || made[i].ID != "" {
					t.Errorf("row %d: %+v", i, made[i])
				}
			}
		})
	}
}

func TestALargeBatchIsSplitAndConflictsStayExact(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var taken, batch []extension.NewIdentity
			for i := range 610 {
				batch = append(batch, asked(address(fmt.Sprintf("row%d", i))))
				if i%17 == 3 {
					taken = append(taken, asked(batch[i].Address))
				}
			}
			if _, err := s.client.CreateIdentities(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			made, err := s.client.CreateIdentities(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			for i, one := range made {
				if one.Conflict != (i%17 == 3) || (one.ID == "") != one.Conflict {
					t.Errorf("row %d: %+v", i, one)
				}
				if one.ID != "" {
					checkKept(t, s, one.ID, batch[i])
				}
			}
		})
	}
}

func TestAnAnswerThatWasLostIsTakenUpAgainByTheMark(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Bool
			client, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
				response, err := http.DefaultTransport.RoundTrip(r)
				if err == nil && r.Method == http.MethodPatch && cut.CompareAndSwap(false, true) {
					response.Body.Close()
					return nil, io.ErrUnexpectedEOF // Kratos has committed
				}
				return response, err
			}))
			if err != nil {
				t.Fatal(err)
			}
			batch := []extension.NewIdentity{asked(address("one")), asked(address("two"))}
			if _, err := client.CreateIdentities(t.Context(), batch); !errors.Is(err, extension.ErrUnavailable) {
				t.Fatalf("the connection was cut: %v", err)
			}
			made, err := client.CreateIdentities(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			for i, one := range made {
				if !one.Conflict {
					t.Errorf("row %d: %+v", i, one)
				}
				found, err := client.FindByAddress(t.Context(), batch[i].Address)
				if err != nil || found.Mark != batch[i].User || found.Active || found.Registered {
					t.Errorf("row %d is not taken up: %+v, %v", i, found, err)
				}
			}
		})
	}
}

func TestAMissingSchemaIsTroubleAndNobodysAddressIsBlamed(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if err := s.client.Ready(t.Context()); err != nil {
				t.Errorf("ready: %v", err)
			}
			own := s.special(t, func(file map[string]any) {
				identity := file["identity"].(map[string]any)
				identity["default_schema_id"] = "other"
				identity["schemas"].([]any)[0].(map[string]any)["id"] = "other"
			})
			_, err := own.client.CreateIdentities(t.Context(), []extension.NewIdentity{asked(address("one")), asked(address("two"))})
			var trouble *extension.TroubleError
			if !errors.As(err, &trouble) || !strings.Contains(trouble.Sentence, "identity schema") {
				t.Errorf("create: %v", err)
			}
			if err := own.client.Ready(t.Context()); !errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("ready: %v", err)
			}
		})
	}
}
