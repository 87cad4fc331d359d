package extension_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"paperplane/extension"
)

func key(id string, fill byte) extension.LinkKey {
	return extension.LinkKey{ID: id, Secret: bytes.Repeat([]byte{fill}, 32)}
}

func makeLinks(t *testing.T, keys ...extension.LinkKey) extension.Links {
	t.Helper()
	links, err := extension.NewLinks(keys)
	if err != nil {
		t.Fatal(err)
	}
	return links
}

func token(t *testing.T, links extension.Links, keyID string, id extension.InvitationID) string {
	t.Helper()
	token, err := links.Token(keyID, id)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestALinkLeadsToItsInvitation(t *testing.T) {
	t.Parallel()
	links := makeLinks(t, key("k2", 2), key("k1", 1))
	if links.Current() != "k2" {
		t.Errorf("new links are made under %q, want the first key", links.Current())
	}
	ids := []extension.InvitationID{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}
	for range 200 {
		ids = append(ids, extension.NewID[extension.InvitationID]())
	}
	for _, id := range ids {
		for _, keyID := range []string{"k1", "k2"} {
			made := token(t, links, keyID, id)
			if again := token(t, links, keyID, id); again != made {
				t.Fatalf("a retry made %q after %q", again, made)
			}
			got, err := links.Verify(made)
			if err != nil || got != id {
				t.Fatalf("the link of %s leads to %q, %v", id, got, err)
			}
			if strings.ContainsAny(made, "/?#%& \n") {
				t.Fatalf("%q does not stand in a URL as it is", made)
			}
		}
	}
}

func TestALinkThatIsChangedAnywhereLeadsNowhere(t *testing.T) {
	t.Parallel()
	links := makeLinks(t, key("k1", 1), key("k2", 2))
	made := token(t, links, "k1", extension.NewID[extension.InvitationID]())
	refused := func(name, changed string) {
		t.Helper()
		if id, err := links.Verify(changed); !errors.Is(err, extension.ErrNotFound) || id != "" {
			t.Errorf("%s: %q leads to %q, %v", name, changed, id, err)
		}
	}
	for at := range len(made) {
		refused("cut off", made[:at])
		refused("beheaded", made[at+1:])
		for bit := range 8 {
			flipped := []byte(made)
			flipped[at] ^= 1 << bit
			refused("flipped", string(flipped))
		}
		for _, odd := range []string{"\n", "\r", "\r\n", " ", "=", ".", "A", "%0A", "\x00"} {
			refused("stretched", made[:at]+odd+made[at:])
		}
	}
	for _, tail := range []string{"\n", "=", "==", ".", ".x", "A", "AAAA", " ", "." + made} {
		refused("extended", made+tail)
	}
	head, payload, _ := strings.Cut(made, ".")
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(payload)
	if standard != payload {
		refused("in the other alphabet", head+"."+standard)
	}
	for name, forged := range map[string]string{
		"empty": "", "a dot": ".", "no key": "." + payload, "no payload": head + ".", "no dot": head + payload,
		"another key's id": "k2." + payload, "an unknown key": "k9." + payload, "upper case": strings.ToUpper(made),
		"key id with a space": "k1 ." + payload, "two key ids": "k1.k1." + payload,
		"no MAC": head + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 16)),
		"zeroes": head + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 48)),
		"huge":   head + "." + strings.Repeat("A", 1<<20),
	} {
		refused(name, forged)
	}
}

func TestALinkOfAnotherKeyOrAnotherInvitationLeadsNowhere(t *testing.T) {
	t.Parallel()
	id := extension.NewID[extension.InvitationID]()
	mine, theirs := makeLinks(t, key("k1", 1)), makeLinks(t, key("k1", 2))
	if _, err := mine.Verify(token(t, theirs, "k1", id)); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("another installation's link: %v", err)
	}
	// One secret under two ids makes two links: the id is part of what is signed.
	both := makeLinks(t, key("k1", 1), key("k2", 1))
	_, payload, _ := strings.Cut(token(t, both, "k2", id), ".")
	if _, err := both.Verify("k1." + payload); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a link under another key id: %v", err)
	}
	// Half of one link and half of another.
	first, second := token(t, mine, "k1", id), token(t, mine, "k1", extension.NewID[extension.InvitationID]())
	const idChars = len("k1.") + 24 // of the payload's first 18 bytes
	if _, err := mine.Verify(first[:idChars] + second[idChars:]); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a link sewn from two: %v", err)
	}
}

func TestARetiredKeyMakesAndChecksLinksUntilItIsRemoved(t *testing.T) {
	t.Parallel()
	id := extension.NewID[extension.InvitationID]()
	old := token(t, makeLinks(t, key("k1", 1)), "k1", id)
	rotated := makeLinks(t, key("k2", 2), key("k1", 1))
	if got, err := rotated.Verify(old); err != nil || got != id {
		t.Errorf("after a rotation the old link leads to %q, %v", got, err)
	}
	if again := token(t, rotated, "k1", id); again != old {
		t.Error("a retry under the retired key made another link")
	}
	removed := makeLinks(t, key("k2", 2))
	if _, err := removed.Verify(old); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("without its key: %v", err)
	}
	if _, err := removed.Token("k1", id); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a link was made under a key that is gone: %v", err)
	}
}

func TestNoLinkIsMadeForWhatIsNoInvitation(t *testing.T) {
	t.Parallel()
	links := makeLinks(t, key("k1", 1))
	for _, id := range []extension.InvitationID{"", "x", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000", "zz000000-0000-0000-0000-000000000000"} {
		if made, err := links.Token("k1", id); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%q has the link %q, %v", id, made, err)
		}
	}
}

func TestLinkKeysAreChecked(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{1}, 64)
	for name, keys := range map[string][]extension.LinkKey{
		"none": nil, "no id": {key("", 1)}, "a dot in the id": {key("k.1", 1)}, "upper case": {key("K1", 1)}, "a space": {key("k 1", 1)},
		"a slash": {key("k/1", 1)}, "a line break": {key("k1\n", 1)}, "an umlaut": {key("ä", 1)}, "a hyphen": {key("k-1", 1)},
		"a NUL": {key("k\x00", 1)}, "no secret": {{ID: "k1"}}, "a short secret": {{ID: "k1", Secret: long[:31]}},
		"one id twice": {key("k1", 1), key("k1", 2)}, "the second is bad": {key("k1", 1), {ID: "k2", Secret: long[:1]}},
	} {
		if _, err := extension.NewLinks(keys); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), string(long[:1])) {
			t.Errorf("%s: the error holds a secret", name)
		}
	}
	if _, err := extension.NewLinks([]extension.LinkKey{{ID: "2026november", Secret: long}}); err != nil {
		t.Errorf("a good key was refused: %v", err)
	}
}

func FuzzVerifyNeverTakesAForgedLink(f *testing.F) {
	links, err := extension.NewLinks([]extension.LinkKey{key("k1", 1)})
	if err != nil {
		f.Fatal(err)
	}
	made, err := links.Token("k1", "00000000-0000-4000-8000-000000000001")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made)
	f.Add(made + "\n")
	f.Add("k1.")
	f.Fuzz(func(t *testing.T, forged string) {
		id, err := links.Verify(forged)
		if err != nil {
			return
		}
		if again, err := links.Token("k1", id); err != nil || again != forged {
			t.Errorf("%q was taken, but its invitation's link is %q", forged, again)
		}
	})
}
