package recognise

func markupRules() []rule {
	return []rule{
		{"a link to the address it shows is one mention", `<a href="mailto:a@example.com">a@example.com</a>`, []string{"a@example.com"}},
		{"a link that shows a name", `<p>Write to <A HREF='mailto:a@example.com?subject=Hi'>Alice</A></p>`, []string{"a@example.com", "- Write to", "- subject=Hi", "- Alice"}},
		{"cells of a table are entries", "<tr><td>a@example.com</td><td>a@example.com</td></tr>", []string{"a@example.com", "1 duplicates"}},
		{"line breaks are separators", "a@example.com<br>b@example.com<br/>c@example.com", []string{"a@example.com", "b@example.com", "c@example.com"}},
		{"attributes with addresses count", `<span email="a@example.com" class="g">Alice</span>`, []string{"a@example.com", "- Alice"}},
		{"attributes without quotes", "<a href=mailto:a@example.com target=_blank>Alice</a>", []string{"a@example.com", "- Alice"}},
		{"what is no tag is text", "Alice <b Smith> <a@example.com> <Bob> 1 < 2", []string{"a@example.com", "- Alice", "- b Smith", "- Bob", "- 1", "- 2"}},
		{"a tag with text in it is text", "<b alice@example.com>", []string{"alice@example.com", "- b"}},
		{"character references", "Alice&nbsp;&lt;alice&#64;example&period;com&gt; &#x62;ob&commat;example.com", []string{"alice@example.com", "bob@example.com", "- Alice"}},
		{"escaped twice", "&amp;lt;alice&amp;amp;#64;example.com&amp;gt;", []string{"alice@example.com"}},
		{"an ampersand is no reference", "r&d@example.com; AT&T <a&b;c@example.com>", []string{"r&d@example.com", "c@example.com", "- AT&T", "- a&b"}},
	}
}

func linkRules() []rule {
	return []rule{
		{"Markdown", "[a@example.com](mailto:a@example.com), [Bob](mailto:b@example.com) <c@example.com>", []string{"a@example.com", "b@example.com", "c@example.com", "- Bob"}},
		{"chat and wiki links", "<mailto:a@example.com|a@example.com> [b@example.com|mailto:b@example.com]", []string{"a@example.com", "b@example.com"}},
		{"an encoded link", "mailto:%22Roe%2C%20J%22%20%3Ca%40example.com%3E,b%2Bc@example.com", []string{"a@example.com", "b+c@example.com", "- Roe, J"}},
		{"recipients in the query", "mailto:?to=a@example.com&subject=x&bcc=b@example.com", []string{"a@example.com", "- subject=x", "- bcc=b@example.com"}},
		{"links in a row", "mailto:a@example.com,mailto:b@example.com?cc=x@example.com,mailto:c@example.com;MAILTO:d@example.com", []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "- cc=x@example.com"}},
		{"a scheme twice", "mailto://mailto:a@example.com", []string{"a@example.com"}},
		{"a broken encoding", "mailto:a%zz@example.com", []string{"a%zz@example.com", "! a%zz@example.com: unusual_name"}},
		{"a link without an address", "mailto: x; mailto:bob.example.com", []string{"x bob.example.com: no_at_sign", "- x"}},
		{"web links are no addresses", "https://example.com/@alice http://bob@example.com/ www.example.com", []string{"- https://example.com/@alice http://bob@example.com/ www.example.com"}},
		{"a comma after a web link", "https://example.com,a@example.com", []string{"a@example.com", "- https://example.com"}},
	}
}

func maskRules() []rule {
	return []rule{
		{"at in brackets", "alice(at)example.com; bob [at] example.com; carol{AT}example.com; dave<at>example.com", []string{
			"x alice(at)example.com: no_at_sign → alice@example.com", "x bob [at] example.com: no_at_sign → bob@example.com",
			"x carol{AT}example.com: no_at_sign → carol@example.com", "x dave<at>example.com: no_at_sign → dave@example.com",
		}},
		{"at and dot in brackets", "alice (at) example (dot) com bob[@]example[.]org", []string{
			"x alice (at) example (dot) com: no_at_sign → alice@example.com", "x bob[@]example[.]org: no_at_sign → bob@example.org",
		}},
		{"at in words", "alice at example dot com\nbob AT example.com", []string{"x alice at example dot com: no_at_sign → alice@example.com", "x bob AT example.com: no_at_sign → bob@example.com"}},
		{"at in a sentence", "Meet Alice at noon\nwe met at example dot com last year", []string{"- Meet Alice at noon", "- we met at example dot com last year"}},
		{"a name before and a remark behind", "Alice Smith alice(at)example(dot)com she said", []string{"x alice(at)example(dot)com: no_at_sign → alice@example.com", "- Alice Smith", "- she said"}},
		{"a dot in brackets in a name or domain", "al (dot) ice@example.com\nbob@mail(dot)example.com", []string{"x al (dot) ice@example.com: bad_name → al.ice@example.com", "x bob@mail(dot)example.com: bad_domain → bob@mail.example.com"}},
		{"an at in brackets beside an address", "Lunch (at) alice@example.com\nbob@example.com (at) work.example.com", []string{"alice@example.com", "bob@example.com", "- Lunch (at)", "- (at) work.example.com"}},
		{"a remark in brackets", "Team (a) and (b) and (at) home", []string{"- Team (a) and", "- b", "- and (at) home"}},
		{"hidden by a web page", "Alice [email protected]; <[email\u00a0protected]>", []string{"x [email protected]: no_at_sign", "x [email protected]: no_at_sign", "- Alice"}},
	}
}

func missingAtRules() []rule {
	return []rule{
		{"alone on its line, cell or field", "bob.example.com\n\"bob.example.org\",x; bob.example.net", []string{"x bob.example.com: no_at_sign", "x bob.example.org: no_at_sign", "x bob.example.net: no_at_sign", "- x"}},
		{"behind a number or a bullet", "1. bob.example.com\n- bob.example.org", []string{"x bob.example.com: no_at_sign", "x bob.example.org: no_at_sign", "- 1."}},
		{"among addresses", "a@example.com bob.example.com c@example.com", []string{"a@example.com", "c@example.com", "x bob.example.com: no_at_sign"}},
		{"in angle brackets", "Bob <bob.example.com>", []string{"x bob.example.com: no_at_sign", "- Bob"}},
		{"with something else for the @", "bob%40example.com\nbob#example.com", []string{"x bob%40example.com: no_at_sign → bob@example.com", "x bob#example.com: no_at_sign"}},
		{"not the other half of a broken address", "a@exam ple.com\nb.smith @example.com", []string{"x a@exam: bad_domain", "x @example.com: missing_name", "- ple.com", "- b.smith"}},
		{"among words it may be a web site", "see example.com\nexample.com (Bob)", []string{"- see example.com", "- example.com", "- Bob"}},
		{"what has full stops and no domain", "v1.2.3\n10.0.0.1\nJ.R.R.\ne.g.\n...\nwww.example.com\na..b.com", []string{"- v1.2.3", "- 10.0.0.1", "- J.R.R.", "- e.g.", "- www.example.com", "- a..b.com"}},
		{"words without full stops", "alice\nroot, localhost", []string{"- alice", "- root", "- localhost"}},
	}
}
