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
