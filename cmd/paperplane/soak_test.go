package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// The short soak, as `make test` runs it. `make soak` sets SOAK_N, SOAK_KILLS and SOAK_SEED.
const (
	soakPeople = 1200
	soakKills  = 32
)

// soak is one batch and what is done to it. Everything that is chosen by chance follows from the seed.
type soak struct {
	*fleet
	people []string
	kills  int
	seed   uint64
	random *rand.Rand
	last   *last
	lines  [][]*line // of each replica: to Kratos, to the mail provider
	seen   []*checkpoint
}

// TestABatchOutlivesEverything kills the program with SIGKILL again and again while it works on one batch, in the middle
// of its calls to Kratos and to the mail provider and between them, kills Kratos and PostgreSQL, and lets the provider
// fail in every way. In the end everybody has one identity, one row and one letter.
func TestABatchOutlivesEverything(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	batch := s.presses(t)
	s.kill(t, batch)
	s.last.release()
	s.awaitEnd(t, batch)
	s.isWhole(t, batch)
}

// awaitEnd waits until the batch is done, as long as it gets on.
func (s *soak) awaitEnd(t *testing.T, batch extension.BatchID) {
	t.Helper()
	for sent := -1; ; {
		if came(t, 2*time.Minute, func() bool { return s.finished(t, batch) }) {
			return
		}
		now := s.reports(t, batch).Progress
		t.Logf("all kills are done, and the batch is not: %+v", now)
		if now.Sent == sent {
			t.Fatal("nothing has been sent for two minutes")
		}
		sent = now.Sent
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	n := number(t, "SOAK_N", soakPeople)
	s := &soak{kills: number(t, "SOAK_KILLS", soakKills), seed: uint64(number(t, "SOAK_SEED", int(rand.Uint32())))}
	s.random = rand.New(rand.NewPCG(s.seed, 0))
	t.Logf("%d people, %d kills; to see the same again: SOAK_SEED=%d", n, s.kills, s.seed)
	for i := range n {
		s.people = append(s.people, fmt.Sprintf("soak%05d@example.com", i))
	}
	s.last = newLast(n)
	s.fleet = newFleet(t, func(o *stackOptions) {
		o.settings = append(o.settings, "PAPERPLANE_LOG_LEVEL=warn", "PAPERPLANE_JOBS_WORKERS=2",
			"PAPERPLANE_JOBS_LEASE=3s") // what a dead process holds waits so long
	})
	s.catchMail(t)
	s.serve(t, 2, func(int) []string { return s.draw(t) })
	return s
}

// number reads a number from the environment.
func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// draw draws the lines of one replica and gives the settings that make it use them.
func (s *soak) draw(t *testing.T) []string {
	t.Helper()
	kratosLine := &line{part: kratosPart, last: s.last, names: identitiesAsked}
	mailLine := &line{part: mailPart, last: s.last, names: lettersAsked}
	admin, _ := kratosLine.draw(t, http.MethodPatch, "/admin/identities", portOf(t, s.server.config.Kratos.AdminURL))
	mail, letters := mailLine.draw(t, http.MethodPost, "/emails", portOf(t, s.server.config.Mail.Resend.BaseURL))
	s.lines = append(s.lines, []*line{kratosLine, mailLine})
	s.seen = append(s.seen, letters)
	return []string{"PAPERPLANE_KRATOS_ADMIN_URL=" + admin, "PAPERPLANE_MAIL_RESEND_BASE_URL=" + mail}
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	found := regexp.MustCompile(`:(\d+)`).FindStringSubmatch(address)
	if found == nil {
		t.Fatalf("no port in %s", address)
	}
	port, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// presses presses Invite. The replica that takes the press is killed meanwhile, so Invite is pressed until the batch's
// page comes: pressing twice is one batch.
func (s *soak) presses(t *testing.T) extension.BatchID {
	t.Helper()
	ada := s.administrator(t)
	form := ada.open(t, "/o/harbour/invite").formWith(t, "Invite",
		"addresses", strings.Join(s.people, "\n"), "area", "North Pier", "role", "Carer")
	s.last.begin()
	killed := make(chan struct{})
	moment := s.upTo(150 * time.Millisecond)
	go func() {
		defer close(killed)
		<-time.After(moment)
		for _, r := range s.replicas {
			r.kill(t)
		}
	}()
	var answer page
	for tries := 1; ; tries++ {
		answer = ada.do(t, ada.submission(t, page{address: ada.address(t, "/")}, form))
		if strings.HasPrefix(answer.path(), "/o/harbour/batches/") {
			t.Logf("the batch is there after %d presses; everything was killed after %s", tries, moment)
			break
		}
		if answer.status != http.StatusBadGateway && answer.status != http.StatusServiceUnavailable || tries == 200 {
			t.Fatalf("the press is answered by %s with %d: %s", answer.path(), answer.status, answer.text())
		}
		within(t, recovery, "a replica is there", func() bool { return s.replicas[0].ready(t.Context()) || s.replicas[1].ready(t.Context()) })
	}
	<-killed
	if n := row[int](t, s.testStack, `SELECT count(*)::int FROM batches WHERE id <> (SELECT id FROM batches ORDER BY pressed_at LIMIT 1)`); n != 1 {
		t.Fatalf("the presses made %d batches", n)
	}
	return extension.BatchID(answer.path()[strings.LastIndex(answer.path(), "/")+1:])
}

// upTo is a time by chance.
func (s *soak) upTo(most time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(most)))
}

// keepsUp lets everything pass until the batch has come as far as the kills have, so that they are spread over it. What
// the dead hold, and what rests after trouble, may keep it back.
func (s *soak) keepsUp(t *testing.T, kills int) {
	t.Helper()
	due := len(s.people) * kills / (s.kills + 1)
	if s.last.passed() >= due {
		return
	}
	all := slices.Concat(s.lines...)
	open(all, true)
	defer open(all, false)
	came(t, callPatience, func() bool {
		open(all, true) // what was too far ahead looks again
		return s.last.passed() >= due
	})
}

// open lets everything pass on these lines, or holds it up again.
func open(lines []*line, opened bool) {
	for _, line := range lines {
		line.opens(opened)
	}
}

// callPatience is how long a replica that is to be killed is waited for to make a call that the lines hold. After trouble
// it may rest, and after a death it looks up one by one whom Kratos knows already.
const callPatience = time.Second

// kill kills the replicas in turn, each at a moment of the batch that is chosen by chance.
func (s *soak) kill(t *testing.T, batch extension.BatchID) {
	t.Helper()
	disasters := s.disasters(t)
	moments := map[string]int{}
	begun := time.Now()
	for i := range s.kills {
		victim := i % 2
		s.replicas[victim].awaitReady(t)
		s.keepsUp(t, i)
		moment := s.await(t, victim)
		if s.finished(t, batch) {
			t.Errorf("kill %d came after the end of the batch", i+1)
		}
		s.replicas[victim].kill(t)
		moments[moment]++
		t.Logf("%4.1f s: kill %d of %d: %s, %s; %d letters have passed",
			time.Since(begun).Seconds(), i+1, s.kills, s.replicas[victim].name, moment, s.last.passed())
		if disaster := disasters[i]; disaster.strike != nil {
			t.Logf("after kill %d: %s", i+1, disaster.name)
			disaster.strike()
		}
	}
	t.Logf("moments of the kills: %v", moments)
}

// await waits for the moment at which a replica is to die, and names it.
func (s *soak) await(t *testing.T, victim int) string {
	t.Helper()
	wanted, at := s.random.IntN(2), []point{callAsked, callPassing, callAnswered, callSettling}[s.random.IntN(4)]
	jitter, anyMoment := s.upTo(30*time.Millisecond), s.random.IntN(8) == 0
	if anyMoment {
		pause(t, 10*jitter)
		return "at any moment"
	}
	calling := s.awaitCall(t, victim, wanted)
	if calling == nil {
		return "between such calls"
	}
	if at == callAsked {
		return fmt.Sprintf("when its call to %s was asked", calling.part)
	}
	defer calling.stops()
	select {
	case <-calling.lets(at):
		if at != callAnswered {
			pause(t, jitter)
		}
		return fmt.Sprintf("when its call to %s was %s", calling.part, at)
	case <-time.After(callPatience):
		return fmt.Sprintf("when its call to %s was under way", calling.part)
	case <-t.Context().Done():
		t.FailNow()
		return ""
	}
}

// awaitCall waits until a replica calls the wanted part, and gives the line on which its call waits; another line when it
// calls nobody else, nil when it calls nobody. There are letters to send only once Kratos' calls have passed.
func (s *soak) awaitCall(t *testing.T, victim, wanted int) *line {
	t.Helper()
	if wanted == 1 {
		toKratos := []*line{s.lines[0][0], s.lines[1][0]}
		open(toKratos, true)
		defer open(toKratos, false)
	}
	if came(t, callPatience, s.lines[victim][wanted].holds) {
		return s.lines[victim][wanted]
	}
	if other := s.lines[victim][1-wanted]; other.holds() {
		return other
	}
	return nil
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.FailNow()
	}
}

// disaster is what happens beside a kill.
type disaster struct {
	name   string
	strike func()
}

// disasters spreads what goes wrong with the parts over the kills, by chance.
func (s *soak) disasters(t *testing.T) []disaster {
	t.Helper()
	provider := func(name string, n int, fault mailbox.Fault) disaster {
		return disaster{"the provider " + name, func() { s.mailbox.Fail(n, fault) }}
	}
	dies := func(name string, kill func() error, restart func(context.Context) error) disaster {
		return disaster{name + " dies and comes back", func() {
			if err := kill(); err != nil {
				t.Fatal(err)
			}
			pause(t, s.upTo(200*time.Millisecond))
			if err := restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}}
	}
	all := make([]disaster, s.kills)
	for i := range all {
		switch i % 32 {
		case 0, 1:
			all[i] = dies("Kratos", s.kratos.Kill, s.kratos.Restart)
		case 2, 3:
			all[i] = dies("PostgreSQL", s.postgres.Kill, s.postgres.Restart)
		case 4:
			all[i] = provider("answers 429", 2, mailbox.FaultTooMany)
		case 5:
			all[i] = provider("answers 500", 1, mailbox.FaultError)
		case 6:
			all[i] = provider("does not answer", 1, mailbox.FaultHang)
		case 7:
			all[i] = provider("accepts, and its answer breaks off", 1, mailbox.FaultTruncated)
		case 8:
			all[i] = provider("accepts and answers 500", 1, mailbox.FaultLost)
		}
	}
	s.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// finished asks the database; while that is dead, nothing is finished.
func (s *soak) finished(t *testing.T, batch extension.BatchID) bool {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), s.postgres.DSN("paperplane"))
	if err != nil {
		return false
	}
	defer connection.Close(t.Context())
	var finished bool
	err = connection.QueryRow(t.Context(), `SELECT finished_at IS NOT NULL FROM batches WHERE id = $1`, batch).Scan(&finished)
	return err == nil && finished
}
