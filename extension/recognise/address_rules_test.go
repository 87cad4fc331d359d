package recognise

import "strings"

func invisibleRules() []rule {
	alice := []string{"alice@example.com"}
	return []rule{
		{"zero-width characters", "al\u200bi\u200c\u200dce@exam\u2060ple.com", alice},
		{"byte order mark and soft hyphen", "\ufeffalice@exam\u00adple.com\ufeff", alice},
		{"direction controls", "\u202aalice\u200e@\u2066example.com\u2069\u202c", alice},
		{"variation selectors and fillers", "alice\ufe0f@exam\u3164ple.com", alice},
		{"spaces of all kinds", "\u00a0alice@example.com\u2003\u202f\u3000", alice},
		{"full-width letters, no other forms", "ａｌｉｃｅ＠ｅｘａｍｐｌｅ。ｃｏｍ\nalice²@example.com", []string{"alice@example.com", "x alice²@example.com: unsupported_characters"}},
		{"joiners that belong to a word stay", "a@نامه\u200cای.com", []string{"a@xn--mgba3gch31f060k.com"}},
		{"control characters beside separators are padding", "\x00alice@example.com\x00\x00,\x07bob@example.com\x1b", []string{"alice@example.com", "bob@example.com"}},
		{"control characters in a word are never left out", "alice@example.com\x00.invalid; ali\x08ce@example.com; a\u009b@example.com", []string{
			"x alice@example.com�.invalid: unsupported_characters", "x ali�ce@example.com: unsupported_characters", "x a�@example.com: unsupported_characters",
		}},
		{"bytes that are no UTF-8", "ali\xffce@example.com, \x93Bob\x94 <bob@example.com>", []string{"bob@example.com", "x ali�ce@example.com: unsupported_characters", "- �Bob�"}},
	}
}

func trimRules() []rule {
	return []rule{
		{"punctuation behind", "a@example.com. b@example.com: c@example.com!? d@example.com。 e@example.com*\\", []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"}},
		{"emphasis and quotes on both sides", "*a@example.com* **b@example.com**. _c@example.com_ `d@example.com` ‘e@example.com’ 'f@example.com'.", []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com"}},
		{"a leading underscore may belong to the name", "_a@example.com", []string{"_a@example.com"}},
		{"a leading apostrophe marks text in a spreadsheet", "'alice@example.com", []string{"alice@example.com"}},
		{"an ellipsis means that something is missing", "alice@example.co... bob@example.c…", []string{"x alice@example.co...: bad_domain", "x bob@example.c…: bad_domain"}},
		{"what follows a domain without a space", "alice@example.com's bob@example.com?subject=x", []string{"x alice@example.com's: bad_domain → alice@example.com", "x bob@example.com?subject=x: bad_domain → bob@example.com"}},
		{"a line broken by its encoding", "alice@example.co=\nm", []string{"x alice@example.co=: bad_domain → alice@example.co", "- m"}},
	}
}

func localPartRules() []rule {
	return []rule{
		{"usual names", "a.b-c_d+e@example.com o'brien@example.com r&d@example.com 007@example.com a=b@example.com", []string{"a.b-c_d+e@example.com", "o'brien@example.com", "r&d@example.com", "007@example.com", "a=b@example.com"}},
		{"capitals", "ALICE@EXAMPLE.COM", []string{"alice@example.com"}},
		{"dots at the edges and in a row", ".a@example.com a.@example.com a..b@example.com", []string{"x .a@example.com: bad_name", "x a.@example.com: bad_name", "x a..b@example.com: bad_name"}},
		{"signs that a name can't have", `a\b@example.com`, []string{`x a\b@example.com: bad_name`}},
		{"quoted names", `"a b"@example.com "a@b"@example.com 'a'@example.com`, []string{`x "a b"@example.com: unsupported_characters`, `x "a@b"@example.com: unsupported_characters`, `x 'a'@example.com: unsupported_characters`}},
		{"letters beyond ASCII are never folded", "İlker@example.com \u212aate@example.com ſam@example.com jürgen@example.com", []string{"x İlker@example.com: unsupported_characters", "x \u212aate@example.com: unsupported_characters", "x ſam@example.com: unsupported_characters", "x jürgen@example.com: unsupported_characters"}},
		{"what a word processor changed is offered", "o’brien@example.com anna–lena@example.com 📧alice@example.com", []string{"x o’brien@example.com: unsupported_characters → o'brien@example.com", "x anna–lena@example.com: unsupported_characters → anna-lena@example.com", "x 📧alice@example.com: unsupported_characters → alice@example.com"}},
		{"more than one @", "a@b@example.com a@@example.com @@ @a.com:b@example.com", []string{"x a@b@example.com: more_than_one_at", "x a@@example.com: more_than_one_at", "x @@: more_than_one_at", "x @a.com:b@example.com: more_than_one_at"}},
		{"one side missing", "alice@ example.com; alice @example.com; @ ; @handle", []string{"x alice@: missing_domain", "x @example.com: missing_name", "x @: missing_name", "x @handle: missing_name", "- example.com", "- alice"}},
		{"several names for one domain", "{alice,bob}@example.com", []string{"x @example.com: missing_name", "- alice", "- bob"}},
	}
}

func domainRules() []rule {
	return []rule{
		{"hosts and hyphens", "a@mail.example-site.co.uk a@1.example.com a@ab--cd.example.com a@r3---x.example.com", []string{"a@mail.example-site.co.uk", "a@1.example.com", "a@ab--cd.example.com", "a@r3---x.example.com"}},
		{"bad labels", "a@example..com a@.example.com a@-example.com a@example-.com a@exam_ple.com a@exam$ple.com", []string{"x a@example..com: bad_domain", "x a@.example.com: bad_domain", "x a@-example.com: bad_domain", "x a@example-.com: bad_domain", "x a@exam_ple.com: bad_domain", "x a@exam$ple.com: bad_domain"}},
		{"bad top-level domains", "a@example a@example.c a@example.1 a@example.c0m", []string{"x a@example: bad_domain", "x a@example.c: bad_domain", "x a@example.1: bad_domain", "x a@example.c0m: bad_domain"}},
		{"IP addresses", "a@192.168.0.1 a@[192.168.0.1] a@[IPv6:2001:db8::1] a@[x", []string{"x a@192.168.0.1: bad_domain", "x a@[192.168.0.1]: bad_domain", "x a@[IPv6:2001:db8::1]: bad_domain", "x a@: missing_domain", "- x"}},
		{"a port", "a@example.com:25", []string{"x a@example.com:25: bad_domain"}},
		{"both spellings of a domain are one", "a@Müller.example a@xn--mller-kva.example A@XN--MLLER-KVA.example a@mu\u0308ller.example", []string{"a@xn--mller-kva.example", "3 duplicates"}},
		{"ordinary domains of many languages", "a@straße.de b@räksmörgås.se c@例え.jp d@한국.kr e@мвд.рф f@ישראל.co.il g@موقع.com h@भारत.com i@παράδειγμα.gr", []string{
			"a@xn--strae-oqa.de", "b@xn--rksmrgs-5wao1o.se", "c@xn--r8jz45g.jp", "d@xn--3e0b707e.kr", "e@xn--b1aew.xn--p1ai", "f@xn--4dbrk0ce.co.il", "g@xn--4gbrim.com", "h@xn--h2brj9c.com", "i@xn--hxajbheg2az3al.gr",
		}},
		{"all full stops of IDNA", "a@例え。jp b@例え．jp c@例え｡jp", []string{"a@xn--r8jz45g.jp", "b@xn--r8jz45g.jp", "c@xn--r8jz45g.jp"}},
		{"what IDNA forbids", "a@😀.com a@xn--e28h.com a@xn--a.com a@xn--.com a@my–company.com", []string{"x a@😀.com: bad_domain", "x a@xn--e28h.com: bad_domain", "x a@xn--a.com: bad_domain", "x a@xn--.com: bad_domain", "x a@my–company.com: bad_domain → a@my-company.com"}},
	}
}

func lengthRules() []rule {
	x := func(n int) string { return strings.Repeat("x", n) }
	label := x(63)
	fits := "a@" + label + "." + label + "." + label + "." + x(56) + ".com"
	return []rule{
		{"64 characters before the @", x(64) + "@example.com", []string{x(64) + "@example.com"}},
		{"65 characters before the @", x(65) + "@example.com", []string{"x " + x(65) + "@example.com: too_long"}},
		{"63 characters in a label", "a@" + x(63) + ".com", []string{"a@" + x(63) + ".com"}},
		{"64 characters in a label", "a@" + x(64) + ".com", []string{"x a@" + x(64) + ".com: too_long"}},
		{"254 characters in all", fits, []string{fits}},
		{"255 characters in all", "a" + fits, []string{"x a" + fits + ": too_long"}},
		{"a label that is too long only in punycode", "a@" + strings.Repeat("ü", 58) + ".de", []string{"x a@" + strings.Repeat("ü", 58) + ".de: too_long"}},
		{"a domain that is too long to be converted", "a@" + strings.Repeat("豆", 400) + ".jp", []string{"x a@" + strings.Repeat("豆", 400) + ".jp: too_long"}},
	}
}
