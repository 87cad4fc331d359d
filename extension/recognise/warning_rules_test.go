package recognise

import (
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"
)

// typo returns the outcome of an address that is recognised with the warning that
// another one was probably meant.
func typo(address, meant string) []string {
	return []string{address, "! " + address + ": probable_typo → " + meant}
}

func typoRules() []rule {
	return []rule{
		{"swapped letters", "a@gmial.com", typo("a@gmial.com", "a@gmail.com")},
		{"swapped first letters", "a@mgail.com", typo("a@mgail.com", "a@gmail.com")},
		{"a missing letter", "a@yaho.com", typo("a@yaho.com", "a@yahoo.com")},
		{"an added letter", "a@outlookk.com", typo("a@outlookk.com", "a@outlook.com")},
		{"a changed letter", "a@hotnail.co.uk", typo("a@hotnail.co.uk", "a@hotmail.co.uk")},
		{"a missing last letter of the name", "a@iclou.com", typo("a@iclou.com", "a@icloud.com")},
		{"slips on both sides of the dot", "a@hotmial.con", typo("a@hotmial.con", "a@hotmail.com")},
		{"a provider under a neighbour of .com", "a@gmail.cm", typo("a@gmail.cm", "a@gmail.com")},
		{"a mistyped provider under a neighbour of .com", "a@gmial.co", typo("a@gmial.co", "a@gmail.com")},
		{"a provider under a slip of .com", "a@outlook.comk", typo("a@outlook.comk", "a@outlook.com")},
		{"a mistyped .com", "a@example.cmo", typo("a@example.cmo", "a@example.com")},
		{"a mistyped .net", "a@mail.example.nte", typo("a@mail.example.nte", "a@mail.example.net")},
		{"a mistyped .org", "a@example.ogr", typo("a@example.ogr", "a@example.org")},
		{"a missing dot", "a@example.couk", typo("a@example.couk", "a@example.co.uk")},
		{"a provider without its suffix is offered it", "a@gmail b@hotmailcom", []string{"x a@gmail: bad_domain → a@gmail.com", "x b@hotmailcom: bad_domain → b@hotmail.com"}},
	}
}

func TestRealDomainsAreNotTakenForTypos(t *testing.T) {
	t.Parallel()
	const domains = `gmail.com googlemail.com hotmail.com hotmail.co.uk hotmail.fr hotmail.se outlook.com outlook.de outlook.fr
		outlook.jp live.com live.co.uk msn.com yahoo.com yahoo.co.uk yahoo.co.jp yahoo.fr yahoo.com.br ymail.com rocketmail.com
		icloud.com me.com mac.com mail.com email.com gmx.com gmx.de gmx.net gmx.at web.de t-online.de freenet.de posteo.de
		mailbox.org proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io fastmail.com fastmail.fm
		hey.com zoho.com yandex.ru yandex.com mail.ru bk.ru inbox.ru list.ru qq.com 163.com 126.com naver.com daum.net
		aol.com aim.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net btinternet.com sky.com virginmedia.com
		orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it libera.it alice.it tiscali.it telia.com bredband.net
		cloud.com hotel.com google.com outbrain.com yale.edu mit.edu example.co example.cm example.om example.ne example.io
		company.co startup.ai nhs.uk gov.uk jmail.com smail.com hmail.com zmail.com olive.com love.com line.me like.com
		host.local example.museum example.company example.community example.network example.xn--p1ai`
	for domain := range strings.FieldsSeq(domains) {
		if got := Recognise("alice@" + domain); len(got.Recognised) != 1 || len(got.Warnings) != 0 {
			t.Errorf("%s: %v", domain, summary(got))
		}
	}
}

func TestNoTopLevelDomainIsTakenForATypo(t *testing.T) {
	t.Parallel()
	const letters = "abcdefghijklmnopqrstuvwxyz"
	labels := []string{""}
	for range 4 {
		longer := make([]string, 0, len(labels)*len(letters))
		for _, label := range labels {
			for _, letter := range letters {
				longer = append(longer, label+string(letter))
			}
		}
		labels = longer
		for _, label := range labels {
			if likelyTopLevel(label) == "" {
				continue
			}
			if _, official := publicsuffix.PublicSuffix("example." + label); official {
				t.Errorf(".%s is a real top-level domain", label)
			}
		}
	}
}

func TestEveryProviderIsItself(t *testing.T) {
	t.Parallel()
	for _, p := range providers() {
		for suffix := range strings.FieldsSeq(p.suffixes) {
			if domain := p.name + "." + suffix; likelyDomain(domain) != "" {
				t.Errorf("%s is taken for %s", domain, likelyDomain(domain))
			}
		}
	}
}

func lookalikeRules() []rule {
	return []rule{
		{"a Cyrillic letter among Latin ones", "a@exаmple.com", []string{"a@xn--exmple-4nf.com", "! a@xn--exmple-4nf.com: lookalike_domain → a@example.com"}},
		{"the same in punycode", "a@xn--exmple-4nf.com", []string{"a@xn--exmple-4nf.com", "! a@xn--exmple-4nf.com: lookalike_domain → a@example.com"}},
		{"a Greek letter among Latin ones", "a@gοοgle.com", []string{"a@xn--ggle-0nda.com", "! a@xn--ggle-0nda.com: lookalike_domain → a@google.com"}},
		{"nothing but letters that look Latin", "a@аррӏе.com", []string{"a@xn--80ak6aa92e.com", "! a@xn--80ak6aa92e.com: lookalike_domain → a@apple.com"}},
		{"the same under a Cyrillic top-level domain", "a@хор.рф", []string{"a@xn--n1aen.xn--p1ai"}},
		{"a phonetic letter", "a@ɡoogle.com", []string{"a@xn--oogle-qmc.com", "! a@xn--oogle-qmc.com: lookalike_domain → a@google.com"}},
		{"a mixture that looks like nothing", "a@жabc.com", []string{"a@xn--abc-udd.com", "! a@xn--abc-udd.com: lookalike_domain"}},
		{"two scripts that are never mixed", "a@жא.com", []string{"x a@жא.com: bad_domain"}},
		{"Russian under .com", "a@москва.com", []string{"a@xn--80adxhks.com"}},
		{"Japanese in all its scripts, with Latin", "a@日本のテストweb.jp", []string{"a@xn--web-kc4bzorcp6889hdoc.jp"}},
		{"Korean, Chinese and Thai with Latin", "a@it한국.kr b@中文shop.cn c@ไทยnet.com", []string{"a@xn--it-to2i723k.kr", "b@xn--shop-zf5fy05j.cn", "c@xn--net-vml3c0l.com"}},
		{"accents", "a@café.fr b@smörgås.se c@łódź.pl d@ışık.com e@đà-nẵng.vn", []string{"a@xn--caf-dma.fr", "b@xn--smrgs-pra0j.se", "c@xn--d-uga0v4h.pl", "d@xn--k-ekaa7p.com", "e@xn---nng-zna70au54p.vn"}},
	}
}

func mailboxRules() []rule {
	return []rule{
		{"dots and tags at Gmail", "j.doe@gmail.com, jdoe+x@gmail.com, jd.oe@googlemail.com", []string{"j.doe@gmail.com", "jdoe+x@gmail.com", "jd.oe@googlemail.com", "! jdoe+x@gmail.com: same_mailbox_maybe", "! jd.oe@googlemail.com: same_mailbox_maybe"}},
		{"dots elsewhere count", "j.doe@example.com, jdoe@example.com", []string{"j.doe@example.com", "jdoe@example.com"}},
		{"a tag behind its base", "a@example.com a+x@example.com a+y@example.com", []string{"a@example.com", "a+x@example.com", "a+y@example.com", "! a+x@example.com: same_mailbox_maybe", "! a+y@example.com: same_mailbox_maybe"}},
		{"a base behind its tag", "a+x@example.com b@example.com a@example.com", []string{"a+x@example.com", "b@example.com", "a@example.com", "! a@example.com: same_mailbox_maybe"}},
		{"tags without their base", "a+x@example.com a+y@example.com a@example.org", []string{"a+x@example.com", "a+y@example.com", "a@example.org"}},
		{"a duplicate is not warned of", "a@gmail.com A@gmail.com", []string{"a@gmail.com", "1 duplicates"}},
	}
}

func unusualRules() []rule {
	unusual := func(address, meant string) []string {
		return []string{address, "! " + address + ": unusual_name" + arrow(meant)}
	}
	return []rule{
		{"the percent hack", "a%b.example@example.com", unusual("a%b.example@example.com", "")},
		{"a bang path", "host!alice@example.com", unusual("host!alice@example.com", "")},
		{"a bullet glued to the name", "-alice@example.com", unusual("-alice@example.com", "alice@example.com")},
		{"a number glued to the name", "12.alice@example.com", unusual("12.alice@example.com", "alice@example.com")},
		{"a number within the name", "alice.12@example.com", []string{"alice.12@example.com"}},
		{"a formula", "=alice@example.com", unusual("=alice@example.com", "alice@example.com")},
		{"nothing but signs", "-@example.com", unusual("-@example.com", "")},
	}
}
