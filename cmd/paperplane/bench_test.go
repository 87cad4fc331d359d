package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/kratos"
	"paperplane/extension/recognise"
	"paperplane/tools/local"
	"paperplane/tools/mailbox"
)

// BenchmarkInvite measures the whole path of BENCH_N addresses beside Kratos' own batch import of as many, with the
// program, PostgreSQL, Kratos and the stand-in for the mail provider in processes of their own. It takes minutes and
// runs once. With BENCH_DOCS it writes benchmarks.md and benchmarks.json into that folder.
func BenchmarkInvite(b *testing.B) {
	for b.Loop() {
		m := startMeasuring(b)
		m.findBestImport(b)
		m.compare(b)
		m.tellStatements(b)
		m.measureMemory(b)
		m.measureAnswers(b)
		m.figures.Machine = thisMachine(b, m.testStack)
		b.ReportMetric(m.figures.Ratio.Median, "ratio")
		b.ReportMetric(m.figures.Whole.Median, "invitations/s")
		b.ReportMetric(m.figures.Raw.Median, "rows/s")
		m.figures.publish(b, os.Getenv("BENCH_DOCS"))
	}
}

// measuring is one run of the benchmark.
type measuring struct {
	*fleet
	n       int // BENCH_N
	ada     *visitor
	db      *pgx.Conn
	mail    *local.Program // the stand-in
	last    int            // how many addresses were made
	best    setting        // of Kratos' import
	figures figures
}

// say prints while the benchmark goes on; the log of a benchmark is cut to ten lines.
func say(format string, values ...any) { _, _ = fmt.Fprintf(os.Stdout, format, values...) }

// setting is a way to import.
type setting struct {
	Rows       int     `json:"rows_per_call"`
	Concurrent int     `json:"calls_at_once"`
	PerSecond  float64 `json:"rows_per_second"`
}

func startMeasuring(b *testing.B) *measuring {
	b.Helper()
	m := &measuring{n: number(b, "BENCH_N", 10_000)}
	m.figures.N = m.n
	m.fleet = newFleet(b, func(o *stackOptions) {
		o.kratosEnv = nil // nobody's password is hashed while it is measured
		o.settings = append(o.settings, "PAPERPLANE_LOG_LEVEL=warn")
		o.log = slog.New(slog.DiscardHandler)
	})
	m.watchStatements(b)
	if err := m.mailListener.Close(); err != nil { // the stand-in's place
		b.Fatal(err)
	}
	m.startMail(b)
	b.Cleanup(func() {
		if err := m.mail.Stop(); err != nil {
			b.Errorf("stop the stand-in: %v", err)
		}
	})
	m.serve(b, 1, nil)
	m.ada, m.db = m.administrator(b), m.database(b)
	return m
}

// startMail starts the stand-in, empty.
func (m *measuring) startMail(b *testing.B) {
	b.Helper()
	var err error
	m.mail, err = local.StartProgram(b.Context(), local.ProgramOptions{
		Path: m.program, Arguments: []string{"mailbox", "--lean", "--listen", m.mailListener.Addr().String()}, Env: m.environ,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := m.mail.Await(b.Context(), func(ctx context.Context) error {
		_, err := m.accepted(ctx)
		return err
	}); err != nil {
		b.Fatal(err)
	}
}

// emptyMail begins with an empty stand-in, so that no run carries the letters of the one before.
func (m *measuring) emptyMail(b *testing.B) {
	b.Helper()
	if err := m.mail.Kill(); err != nil {
		b.Fatal(err)
	}
	m.startMail(b)
}

// accepted asks the stand-in what it has accepted so far.
func (m *measuring) accepted(ctx context.Context) (mailbox.Count, error) {
	var count mailbox.Count
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.mailListener.Addr().String()+"/api/count", http.NoBody)
	if err != nil {
		return count, err
	}
	response, err := fresh().RoundTrip(request)
	if err != nil {
		return count, err
	}
	defer response.Body.Close()
	err = json.NewDecoder(response.Body).Decode(&count)
	return count, err
}

// addresses makes so many that nobody had before.
func (m *measuring) addresses(n int) []string {
	made := make([]string, n)
	for i := range made {
		m.last++
		made[i] = fmt.Sprintf("bench.person%07d@example.com", m.last)
	}
	return made
}

// findBestImport tries Kratos' batch import with several sizes and several calls at once.
func (m *measuring) findBestImport(b *testing.B) {
	b.Helper()
	sample := max(m.n/4, 500)
	m.imports(b, setting{Rows: 100, Concurrent: 2}, sample) // warms up
	for _, rows := range []int{100, 250, 1000} {
		for _, concurrent := range []int{1, 2, 4, 8} {
			if rows*concurrent > sample {
				continue // not every one would get a call
			}
			tried := setting{Rows: rows, Concurrent: concurrent}
			tried.PerSecond = float64(sample) / m.imports(b, tried, sample).Seconds()
			say("import by %s: %.0f rows/s\n", tried, tried.PerSecond)
			m.figures.Tried = append(m.figures.Tried, tried)
			if tried.PerSecond > m.best.PerSecond {
				m.best = tried
			}
		}
	}
}

// compare lets the import and the whole path take turns, each at the same size of the tables.
func (m *measuring) compare(b *testing.B) {
	b.Helper()
	m.emptyMail(b)
	m.invites(b, max(m.n/10, 100)) // warms up
	m.forgetStatements(b)
	var raw, whole, ratio []float64
	for round := range number(b, "BENCH_ROUNDS", 5) {
		var ofRaw, ofWhole float64
		imports := func() {
			ofRaw = float64(m.n) / m.spending(b, &m.figures.RawCPU, func() time.Duration { return m.imports(b, m.best, m.n) }).Seconds()
		}
		invites := func() {
			ofWhole = float64(m.n) / m.spending(b, &m.figures.WholeCPU, func() time.Duration { return m.invites(b, m.n) }).Seconds()
		}
		if round%2 == 0 {
			imports()
			invites()
		} else {
			invites()
			imports()
		}
		say("round %d: import %.0f rows/s, whole path %.0f invitations/s, ratio %.3f\n", round+1, ofRaw, ofWhole, ofWhole/ofRaw)
		raw, whole, ratio = append(raw, ofRaw), append(whole, ofWhole), append(ratio, ofWhole/ofRaw)
	}
	m.figures.Best = m.best
	m.figures.Raw, m.figures.Whole, m.figures.Ratio = spreadOf(raw), spreadOf(whole), spreadOf(ratio)
}

// spending measures what a piece of work costs each part in processor time, per 10,000 people.
func (m *measuring) spending(b *testing.B, on *[]cpu, work func() time.Duration) time.Duration {
	b.Helper()
	read := func() cpu {
		return cpu{
			Paperplane: cpuOf(b, m.replicas[0].now().PID()).Seconds(), PostgreSQL: cpuOf(b, m.postgres.PID()).Seconds(),
			Kratos: cpuOf(b, m.kratos.PID()).Seconds(), Mail: cpuOf(b, m.mail.PID()).Seconds(),
		}
	}
	m.emptyMail(b)
	before := read()
	took := work()
	*on = append(*on, read().minus(before).times(10_000/float64(m.n)))
	return took
}

// imports makes identities by Kratos' own batch import and tells how long that took.
func (m *measuring) imports(b *testing.B, by setting, n int) time.Duration {
	b.Helper()
	calls := make(chan []byte, n/by.Rows+1)
	for some := range slices.Chunk(m.rowsOfImport(b, n), by.Rows) {
		body, err := json.Marshal(map[string]any{"identities": some})
		if err != nil {
			b.Fatal(err)
		}
		calls <- body
	}
	close(calls)
	wire := &http.Transport{MaxIdleConnsPerHost: by.Concurrent}
	defer wire.CloseIdleConnections()
	var hands sync.WaitGroup
	begun := time.Now()
	for range by.Concurrent {
		hands.Go(func() {
			for body := range calls {
				if err := m.importCall(b.Context(), wire, body); err != nil {
					b.Error(err)
				}
			}
		})
	}
	hands.Wait()
	return time.Since(begun)
}

// importCall makes one call and looks whether every row was created.
func (m *measuring) importCall(ctx context.Context, wire http.RoundTripper, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, m.kratos.AdminURL()+"/admin/identities", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := wire.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	made, wanted := bytes.Count(answer, []byte(`"action":"create"`)), bytes.Count(body, []byte(`"patch_id"`))
	if response.StatusCode != http.StatusOK || made != wanted {
		return fmt.Errorf("import of %d rows: status %d, %d created", wanted, response.StatusCode, made)
	}
	return nil
}

// rowsOfImport are rows for new people, byte by byte as Paperplane asks for them.
func (m *measuring) rowsOfImport(b *testing.B, n int) []json.RawMessage {
	b.Helper()
	taken := &bodies{}
	client, err := kratos.New(kratos.Options{PublicURL: m.kratos.PublicURL(), AdminURL: m.kratos.AdminURL(), Transport: taken})
	if err != nil {
		b.Fatal(err)
	}
	for some := range slices.Chunk(m.addresses(n), 100) {
		asked := make([]extension.NewIdentity, len(some))
		for i, address := range some {
			asked[i] = extension.NewIdentity{User: extension.NewID[extension.UserID](), Address: address}
		}
		if _, err := client.CreateIdentities(b.Context(), asked); !errors.Is(err, extension.ErrUnavailable) {
			b.Fatalf("a call that goes nowhere: %v", err)
		}
	}
	if len(taken.rows) != n {
		b.Fatalf("%d rows for %d people", len(taken.rows), n)
	}
	return taken.rows
}

// bodies takes the rows of calls to Kratos and lets none through.
type bodies struct{ rows []json.RawMessage }

// RoundTrip implements http.RoundTripper.
func (t *bodies) RoundTrip(request *http.Request) (*http.Response, error) {
	defer request.Body.Close()
	var body struct {
		Identities []json.RawMessage `json:"identities"`
	}
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
		return nil, err
	}
	t.rows = append(t.rows, body.Identities...)
	return nil, errors.New("this call goes nowhere")
}

// invites presses Invite and waits until everything is sent, with an empty stand-in. It tells how long it took from the
// press to the moment at which the stand-in accepted the last letter.
func (m *measuring) invites(b *testing.B, n int) time.Duration {
	b.Helper()
	form := m.ada.open(b, "/o/harbour/invite").formWith(b, "Invite",
		"addresses", strings.Join(m.addresses(n), "\n"), "area", "North Pier", "role", "Carer")
	request := m.ada.submission(b, page{address: m.ada.address(b, "/")}, form)
	begun := time.Now()
	answer := m.ada.do(b, request.WithContext(withoutRedirects(b.Context())))
	_, batch, found := strings.Cut(answer.header.Get("Location"), "/batches/")
	if !found {
		b.Fatalf("the press is answered with %d: %s", answer.status, answer.text())
	}
	within(b, time.Minute+time.Duration(n)*20*time.Millisecond, "the batch is done", func() bool {
		var finished bool
		if err := m.db.QueryRow(b.Context(), `SELECT finished_at IS NOT NULL FROM batches WHERE id = $1`, batch).Scan(&finished); err != nil {
			b.Fatal(err)
		}
		return finished
	})
	count, err := m.accepted(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if count.Messages != n || count.Addresses != n {
		b.Fatalf("the stand-in accepted %d letters to %d addresses, want %d", count.Messages, count.Addresses, n)
	}
	return count.Last.Sub(begun)
}

// measureMemory invites N and ten times N with a fresh process each.
func (m *measuring) measureMemory(b *testing.B) {
	b.Helper()
	for _, n := range []int{m.n, 10 * m.n} {
		m.replicas[0].restart(b)
		m.emptyMail(b)
		took := m.invites(b, n)
		now, most := memoryOf(b, m.replicas[0].now().PID())
		m.figures.Memory = append(m.figures.Memory, memory{
			N: n, Most: mebibytes(most), After: mebibytes(now), PerSecond: float64(n) / took.Seconds(),
		})
	}
}

// measureAnswers measures what people wait for.
func (m *measuring) measureAnswers(b *testing.B) {
	b.Helper()
	const times = 21
	for _, n := range []int{10_000, 100_000} {
		text := strings.Join(m.addresses(n), "\n")
		m.figures.Recognition = append(m.figures.Recognition, recognition{N: n, Milliseconds: repeated(times, func() {
			if found := recognise.Recognise(text); len(found.Recognised) != n {
				b.Fatalf("%d of %d recognised", len(found.Recognised), n)
			}
		})})
	}
	form := m.ada.open(b, "/o/harbour/invite")
	at := ""
	for node := range form.elements("form") {
		if value, ok := attribute(node, "data-count-at"); ok {
			at = value
		}
	}
	text := strings.Join(m.addresses(10_000), "\n")
	m.figures.Count = repeated(times, func() {
		request := m.ada.request(b, http.MethodPost, form.resolve(b, at), strings.NewReader(text))
		request.Header.Set("Content-Type", "text/plain;charset=utf-8")
		request.Header.Set("Accept", "application/json")
		request.Header.Set("Origin", form.address.Scheme+"://"+form.address.Host)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		if answer := m.ada.do(b, request); answer.status != http.StatusOK || !strings.Contains(answer.body, "10,000") {
			b.Fatalf("the count is answered with %d: %.200s", answer.status, answer.body)
		}
	})
	starts := make([]float64, 7)
	for i := range starts {
		starts[i] = milliseconds(m.replicas[0].restart(b))
	}
	m.figures.Start = spreadOf(starts)
}

// repeated measures a piece of work several times, in milliseconds.
func repeated(times int, work func()) spread {
	took := make([]float64, times)
	for i := range took {
		begun := time.Now()
		work()
		took[i] = milliseconds(time.Since(begun))
	}
	return spreadOf(took)
}
