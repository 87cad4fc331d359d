package web_test

import (
	"strings"
	"testing"

	"paperplane/extension/web"
)

// written is a text as HTML.
func written(t *testing.T, markdown string) string {
	t.Helper()
	var page strings.Builder
	if err := web.Prose(markdown).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestProseIsWrittenAsItsAuthorMeantIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ markdown, want string }{
		"a paragraph keeps its lines": {"one\ntwo", "<p>one<br>\ntwo</p>\n"},
		"emphasis":                    {"*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"},
		"a list that goes on":         {"3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"},
		"headings below the page's":   {"# A\n## B\n# C", "<h2>A</h2>\n<h3>B</h3>\n<h2>C</h2>\n"},
		"headings leave no level out": {"### A\n##### B\n## C", "<h2>A</h2>\n<h3>B</h3>\n<h2>C</h2>\n"},
		"headings in a quotation":     {"# A\n> ### B", "<h2>A</h2>\n<blockquote>\n<h3>B</h3>\n</blockquote>\n"},
		"a link opens beside the page": {
			"[a](https://example.com/x)", "<p><a href=\"https://example.com/x\" rel=\"noreferrer noopener\" target=\"_blank\">a</a></p>\n",
		},
		"a mail address": {"<a@example.com>", "<p><a href=\"mailto:a@example.com\" rel=\"noreferrer\">a@example.com</a></p>\n"},
		"a table": {
			"| a | b | c | d |\n|---|:--|:-:|--:|\n| 1 | *2* | 3 | 4 |",
			"<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"left\">b</th>\n<th align=\"center\">c</th>\n<th align=\"right\">d</th>\n</tr>\n</thead>\n" +
				"<tbody>\n<tr>\n<td>1</td>\n<td align=\"left\"><em>2</em></td>\n<td align=\"center\">3</td>\n<td align=\"right\">4</td>\n</tr>\n</tbody>\n</table>\n",
		},
		"a bar that makes no table": {"a | b", "<p>a | b</p>\n"},
		"quotes and ampersands":     {`A & B "C"`, "<p>A &amp; B &#34;C&#34;</p>\n"},
	} {
		if got := written(t, test.markdown); strings.ReplaceAll(got, "&quot;", "&#34;") != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestProseHoldsNoHTMLOfItsAuthorAndHidesNoWord(t *testing.T) {
	t.Parallel()
	for name, markdown := range map[string]string{
		"a script":          "<script>alert(1)</script>",
		"a handler":         `Hello <img src=x onerror="alert(1)"> alert(1)`,
		"a block":           "<div class=\"secret\">\nyou owe us alert(1)\n</div>\n\nafter",
		"a comment":         "<!-- alert(1) -->",
		"a hidden part":     `<p style="display:none">alert(1)</p>`,
		"a script link":     "[alert(1)](javascript:alert(1))",
		"a data link":       "[alert(1)](data:text/html;base64,PHNjcmlwdD4=)",
		"a picture":         "![alert(1)](https://tracker.test/pixel.png)",
		"a picture in link": "[![alert(1)](https://tracker.test/pixel.png)](//tracker.test)",
		"a closing tag":     "</main></body>alert(1)",
		"a table's cell":    "| a |\n|---|\n| <img src=x onerror=y>[alert(1)](javascript:alert(1)) |",
		"a table of HTML":   `<table style="position:fixed"><tr><td>alert(1)</td></tr></table>`,
	} {
		got := written(t, markdown)
		for _, bad := range []string{"<script", "<img", "<div", "<!--", "style=\"", "javascript:", "data:", "src=\"", "</main", "href=\"//"} {
			if strings.Contains(strings.ToLower(got), bad) {
				t.Errorf("%s holds %s: %s", name, bad, got)
			}
		}
		if !strings.Contains(got, "alert(1)") {
			t.Errorf("%s hides its words: %s", name, got)
		}
	}
}

func FuzzProseHoldsOnlyWhatItsPolicyLetsThrough(f *testing.F) {
	f.Add("# A\n\n<b>x</b> [y](javascript:z) ![](w)")
	f.Add("<a href='x' onclick=y>")
	f.Add("| a | b |\n|:-:|---|\n| <svg> | `|` |")
	f.Fuzz(func(t *testing.T, markdown string) {
		got := strings.ToLower(written(t, markdown))
		for _, bad := range []string{"<script", "<img", "<iframe", "<svg", "<form", "<h1"} {
			if strings.Contains(got, bad) {
				t.Errorf("%q holds %s: %q", markdown, bad, got)
			}
		}
	})
}
