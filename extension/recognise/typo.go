package recognise

import "strings"

// provider is a mail provider whose name is often mistyped, with the suffixes
// under which it gives out addresses, each between spaces.
type provider struct{ name, suffixes string }

// providers lists providers with invented names of five letters or more: a slip
// in them hardly ever gives another real domain. Short names and dictionary words
// (live, mail, free, orange) are left out because it often would.
func providers() [15]provider {
	return [...]provider{
		{"gmail", " com "},
		{"googlemail", " com "},
		{"hotmail", " com co.uk be ca ch cz de dk es fi fr gr it nl no se com.ar com.au com.br com.tr "},
		{"outlook", " com at be cl cz de dk es fr ie in it jp pt sa sk com.ar com.au com.br com.tr "},
		{"yahoo", " com ca co.id co.in co.jp co.nz co.uk de dk es fr gr ie in it no pl ro se com.ar com.au com.br com.mx com.ph com.sg com.tr com.vn "},
		{"icloud", " com "},
		{"protonmail", " com ch "},
		{"rocketmail", " com "},
		{"comcast", " net "},
		{"verizon", " net "},
		{"sbcglobal", " net "},
		{"btinternet", " com "},
		{"t-online", " de "},
		{"wanadoo", " fr "},
		{"tutanota", " com de "},
	}
}

// likelyDomain returns the domain that was probably meant by the valid,
// lower-case ASCII domain given, or nothing if it is plausible as it stands.
func likelyDomain(domain string) string {
	name, suffix, _ := strings.Cut(domain, ".")
	fixed := suffix
	if last := strings.LastIndexByte(suffix, '.') + 1; likelyTopLevel(suffix[last:]) != "" {
		fixed = suffix[:last] + likelyTopLevel(suffix[last:])
	}
	if meant := likelyProvider(name, fixed); meant != "" {
		if meant == domain {
			return ""
		}
		return meant
	}
	if fixed != suffix {
		return name + "." + fixed
	}
	return ""
}

// likelyProvider returns the domain of the provider that name under suffix stands
// for, which may be the very same domain, or nothing.
func likelyProvider(name, suffix string) string {
	if len(name) < len("gmai") || len(name) > len("googlemail")+1 {
		return ""
	}
	for _, p := range providers() {
		if name[0] != p.name[0] && name[0] != p.name[1] {
			continue
		}
		if name != p.name && !isSlip(name, p.name) {
			continue
		}
		switch {
		case strings.Contains(p.suffixes, " "+suffix+" "):
			return p.name + "." + suffix
		case (suffix == "om" || isSlip(suffix, "com")) && strings.HasPrefix(p.suffixes, " com "):
			return p.name + ".com" // .co, .cm and .om are real, but hardly for these names
		}
	}
	return ""
}

// isSlip reports whether typed is meant with one slip of the keyboard: a letter
// missing, added, changed, or two neighbours swapped (the optimal string
// alignment distance is 1). The first letter may only be swapped, because people
// rarely miss it, and real names such as mail.com and ymail.com differ there.
func isSlip(typed, meant string) bool {
	i := 0
	for i < len(typed) && i < len(meant) && typed[i] == meant[i] {
		i++
	}
	t, m := typed[i:], meant[i:]
	if len(t) >= 2 && len(m) >= 2 && t[0] == m[1] && t[1] == m[0] && t[2:] == m[2:] {
		return true
	}
	if i == 0 {
		return false
	}
	switch len(t) - len(m) {
	case -1:
		return t == m[1:]
	case 0:
		return t != "" && t[1:] == m[1:]
	case 1:
		return t[1:] == m
	}
	return false
}

// likelyTopLevel returns the top-level domain that label is a common slip for, or
// nothing. No label here is a top-level domain itself; .co, .cm, .om and .ne are,
// and therefore are not here.
func likelyTopLevel(label string) string {
	switch label {
	case "con", "cmo", "ocm", "omc", "comm", "ccom", "coom", "vom", "xom", "dom", "cpm", "cim", "clm", "ckm", "conm",
		"copm", "comn", "coim", "cxom", "cvom", "colm":
		return "com"
	case "nte", "ent", "nett", "neet", "nnet", "ner", "nrt", "met":
		return "net"
	case "ogr", "rog", "orgg", "oorg", "orrg", "prg", "irg", "orh", "orf":
		return "org"
	case "eud", "deu", "eduu":
		return "edu"
	case "couk":
		return "co.uk"
	}
	return ""
}
