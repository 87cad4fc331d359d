package invite_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// refusedFields are the fields that an order is refused for, in the order of their sentences.
func (s *scene) refusedFields(t *testing.T, order invite.Order) []string {
	t.Helper()
	_, err := s.Send(t.Context(), s.admin, order)
	refused, ok := errors.AsType[*extension.InvalidError](err)
	if !ok {
		t.Fatalf("the order is not refused: %v", err)
	}
	var fields []string
	for _, f := range refused.Fields {
		fields = append(fields, f.Field)
	}
	return fields
}

// places are the areas and roles of a user.
func (s *scene) places(t *testing.T, address string) []string {
	t.Helper()
	var places []string
	for _, a := range s.user(t, address).Assignments {
		places = append(places, a.Area.Name+"/"+a.Role.Name)
	}
	slices.Sort(places)
	return places
}

func TestRowsOfATableNameTheirPlacesInAnyCase(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "Email;Service area;Role\nnamed@example.com; WEST ;administrator\nplain@example.com;;\nhalf@example.com;west;\n"+
		"nowhere@example.com;North;Nurse\nnobody@example.com;East;Emperor\n=x;East;Nurse")
	for address, want := range map[string]string{"named@example.com": "West/Administrator", "plain@example.com": "East/Nurse", "half@example.com": "West/Nurse"} {
		if got := s.places(t, address); !slices.Equal(got, []string{want}) {
			t.Errorf("%s has %q, want %s", address, got, want)
		}
	}
	got := map[string]string{}
	for _, d := range s.report(t, batch).NotSent {
		got[d.Text] = string(d.Outcome) + " " + d.Reason
	}
	want := map[string]string{"nowhere@example.com": "invalid unknown_area", "nobody@example.com": "invalid unknown_role", "=x": "invalid formula"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not sent (-want +got):\n%s", diff)
	}
}

func TestThePickIsOnlyNeededWhereARowNamesNone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	all := s.order("Email,Area,Role\na@example.com,East,Nurse\nb@example.com,nowhere,Nurse\nc@example.com,West,Administrator")
	all.Area, all.Role = "", ""
	if _, err := s.Send(t.Context(), s.admin, all); err != nil {
		t.Errorf("a table that names everything is refused: %v", err)
	}
	forged := all
	forged.Batch, forged.Area, forged.Role = extension.NewID[extension.BatchID](), "forged", "forged"
	if got := s.refusedFields(t, forged); !slices.Equal(got, []string{"area", "role"}) {
		t.Errorf("a forged pick is refused for %q", got)
	}
	some := s.order("Email,Area,Role\na@example.com,East,\nb@example.com,,Nurse")
	some.Area, some.Role = "", ""
	if got := s.refusedFields(t, some); !slices.Equal(got, []string{"area", "role"}) {
		t.Errorf("a table that does not is refused for %q", got)
	}
	none := s.order("Email,Area\na@example.com,nowhere")
	if got := s.refusedFields(t, none); !slices.Equal(got, []string{"addresses"}) {
		t.Errorf("a table of nothing but unknown areas is refused for %q", got)
	}
}

func TestWhatAnInviterMayNotChooseDoesNotExistForThem(t *testing.T) {
	t.Parallel()
	s := setup(t)
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: s.charter.Organisation.ID, Name: "Ina",
		Right: extension.RightInviter, Areas: []extension.AreaID{s.charter.Areas[0].ID},
	}
	flight, err := s.Preview(t.Context(), inviter, s.order("Email,Area,Role\na@example.com,West,Nurse\nb@example.com,Atlantis,Nurse\nc@example.com,East,Administrator"))
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, e := range flight.Entries {
		reasons = append(reasons, e.Reason)
	}
	if diff := cmp.Diff([]string{"unknown_area", "unknown_area", "unknown_role"}, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	nobody := inviter
	nobody.Right = extension.RightNone
	if _, err := s.Preview(t.Context(), nobody, s.order("a@example.com")); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("somebody without a right: %v", err)
	}
}

func TestTwoAreasThatDifferInCaseAloneAreToldApart(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.exec(t, `INSERT INTO areas (id, organisation_id, name) VALUES (gen_random_uuid(), $1, 'EAST')`, s.charter.Organisation.ID)
	flight, err := s.Preview(t.Context(), s.admin, s.order("Email,Area\na@example.com,East\nb@example.com,EAST\nc@example.com,east"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := flight.Entries[0], flight.Entries[1], flight.Entries[2]; a.Area.Name != "East" || b.Area.Name != "EAST" || c.Reason != "unknown_area" {
		t.Errorf("%+v, %+v, %+v", a, b, c)
	}
}

func TestABatchStartsAfterTheUndoDelayOrAtAChosenTime(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.exec(t, `UPDATE organisations SET undo_delay = 30`)
	if got, want := s.report(t, s.send(t, "a@example.com")).Batch.Starts, s.now.Add(30*time.Second); !got.Equal(want) {
		t.Errorf("it starts at %s, want %s", got, want)
	}
	chosen := s.order("b@example.com")
	chosen.Starts = s.now.Add(30 * 24 * time.Hour)
	batch, err := s.Send(t.Context(), s.admin, chosen)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.report(t, batch).Batch.Starts; !got.Equal(chosen.Starts) {
		t.Errorf("it starts at %s, want %s", got, chosen.Starts)
	}
	for name, starts := range map[string]time.Time{"now": s.now, "yesterday": s.now.AddDate(0, 0, -1), "too far": s.now.Add(30*24*time.Hour + time.Second)} {
		order := s.order("c@example.com")
		order.Starts = starts
		if got := s.refusedFields(t, order); !slices.Equal(got, []string{"starts"}) {
			t.Errorf("%s: refused for %q", name, got)
		}
	}
}

func TestAPreflightCountsTheWholePasteAndWritesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "pending@example.com expired@example.com\nactive@example.com")
	s.finish(t)
	s.now = s.now.Add(8 * 24 * time.Hour)
	if _, err := s.db.Record(t.Context(), s.user(t, "active@example.com"), extension.FactActivated, s.now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resend(t.Context(), s.admin, s.user(t, "pending@example.com").ID); err != nil {
		t.Fatal(err)
	}
	text := "new@example.com, PENDING@example.com; expired@example.com\nactive@example.com\nfoo@@bar.com\nnew@example.com\nbob@gmial.com"
	before := s.written(t)
	flight, err := s.Preview(t.Context(), s.admin, s.order(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[extension.Outcome]int{
		extension.OutcomeQueued: 2, extension.OutcomeAlreadyPending: 1, extension.OutcomeAlreadyExpired: 1, extension.OutcomeAlreadyMember: 1,
		extension.OutcomeInvalid: 1,
	}
	if diff := cmp.Diff(want, flight.Outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if flight.Renewable != 1 || flight.Found.Duplicates != 1 || len(flight.Found.Warnings) != 1 || flight.Fault != "" || !flight.NeedsArea {
		t.Errorf("preflight %+v", flight)
	}
	if after := s.written(t); after != before {
		t.Errorf("%d rows became %d", before, after)
	}

	again := s.order(text)
	again.Expired = true
	report := s.report(t, mustSend(t, s, again))
	if report.Progress.Queued != 3 {
		t.Errorf("%d are queued, want the two new and the Expired", report.Progress.Queued)
	}
}

// written counts the rows that an order would write.
func (s *scene) written(t *testing.T) int {
	t.Helper()
	return count(t, s, `
		SELECT (SELECT count(*) FROM batches) + (SELECT count(*) FROM users) + (SELECT count(*) FROM invitations) + (SELECT count(*) FROM audit)`)
}

func mustSend(t *testing.T, s *scene, order invite.Order) extension.BatchID {
	t.Helper()
	batch, err := s.Send(t.Context(), s.admin, order)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestAPreflightSaysWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var rows strings.Builder
	rows.WriteString("Email,Area\n")
	for i := range invite.MaxPieces + 1 {
		fmt.Fprintf(&rows, "a%d@b.org,East\n", i)
	}
	for name, text := range map[string]string{
		"too many addresses": rows.String(), "too many bytes": strings.Repeat("a", invite.MaxPaste+1), "too many rejects": strings.Repeat("a@@b\n", 200_000),
	} {
		flight, err := s.Preview(t.Context(), s.admin, s.order(text))
		if err != nil || !flight.TooMuch || flight.Fault != invite.TooMuch() {
			t.Errorf("%s: %q, %v", name, flight.Fault, err)
		}
		if got := s.refusedFields(t, s.order(text)); !slices.Equal(got, []string{"addresses"}) {
			t.Errorf("%s: refused for %q", name, got)
		}
	}
	if flight, err := s.Preview(t.Context(), s.admin, s.order("")); err != nil || flight.Fault != "" || flight.TooMuch {
		t.Errorf("nothing: %q, %v", flight.Fault, err)
	}
}

func TestATableWhoseHeaderMixesSeparatorsIsNotSent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	_, err := s.Send(t.Context(), s.admin, invite.Order{
		Batch: extension.NewID[extension.BatchID](), Text: "Email;Service area,Role\na@example.com;East,Nurse",
		Area: s.charter.Areas[0].ID, Role: s.charter.Roles[1].ID,
	})
	if !strings.Contains(sentence(err), "mixes separators, so “Service area,Role” is one column") {
		t.Errorf("%v", err)
	}
}
