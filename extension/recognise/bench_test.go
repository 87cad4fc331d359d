package recognise

import (
	"fmt"
	"strings"
	"testing"
)

// outlookList returns a list of n entries as Outlook copies them, with names that
// are not ASCII, bare addresses, capitals, duplicates and mistakes among them.
func outlookList(n int) string {
	var b strings.Builder
	for i := range n {
		switch i % 10 {
		case 0, 1, 2:
			fmt.Fprintf(&b, "\"Andersson, Alice %d\" <alice.andersson%d@example%d.com>; ", i, i, i%100)
		case 3, 4, 5:
			fmt.Fprintf(&b, "Björn Öberg <Bjorn.Oberg%d@Example.org>; ", i)
		case 6, 7:
			fmt.Fprintf(&b, "carol%d@example.net\r\n", i)
		case 8:
			fmt.Fprintf(&b, "'dave+list%d@gmail.com';\t", i)
		default:
			fmt.Fprintf(&b, "carol%d@example.net, eve%d@example, ", i-2, i)
		}
	}
	return b.String()
}

// lines returns n plain addresses, one a line.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "user.number%d@example.com\n", i)
	}
	return b.String()
}

func benchmark(b *testing.B, text string) {
	b.Helper()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if len(Recognise(text).Recognised) == 0 {
			b.Fatal("nothing recognised")
		}
	}
}

func BenchmarkOutlookList10000(b *testing.B)  { benchmark(b, outlookList(10_000)) }
func BenchmarkOutlookList100000(b *testing.B) { benchmark(b, outlookList(100_000)) }
func BenchmarkLines10000(b *testing.B)        { benchmark(b, lines(10_000)) }
func BenchmarkLines100000(b *testing.B)       { benchmark(b, lines(100_000)) }

// table returns a CSV file of n rows, every third one with quotes.
func table(n int) string {
	var b strings.Builder
	b.WriteString("Email,Service area,Role,Phone\r\n")
	for i := range n {
		if i%3 == 0 {
			fmt.Fprintf(&b, "\"user.number%d@example.com\",\"North Pier\",\"Carer\",\"1\"\r\n", i)
			continue
		}
		fmt.Fprintf(&b, "user.number%d@example.com,South Pier,,\r\n", i)
	}
	return b.String()
}

func benchmarkRead(b *testing.B, text string) {
	b.Helper()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if got := Read(text, 100_000); len(got.Recognised)+len(got.Rejected) == 0 {
			b.Fatal("nothing was read")
		}
	}
}

func BenchmarkTable10000(b *testing.B)  { benchmarkRead(b, table(10_000)) }
func BenchmarkTable100000(b *testing.B) { benchmarkRead(b, table(100_000)) }
func BenchmarkRejected4MB(b *testing.B) { benchmarkRead(b, strings.Repeat("a@\n", 4<<20/3)) }
func BenchmarkQuotes4MB(b *testing.B) {
	benchmarkRead(b, "Email,Area\na@b.org,\n"+strings.Repeat("\"\"\",", 1<<20))
}

func BenchmarkUnclosedQuotes4MB(b *testing.B) {
	benchmarkRead(b, "Email,Area\na@b.org,\n"+strings.Repeat("\"x,\n", 1<<20))
}

func BenchmarkHeadings4MB(b *testing.B) {
	benchmarkRead(b, "Email,"+strings.Repeat("x,", 1<<21)+"\na@b.org,\n")
}
