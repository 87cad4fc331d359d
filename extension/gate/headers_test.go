package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/gate"
)

func headers() []string {
	return []string{
		gate.HeaderUser, gate.HeaderIdentity, gate.HeaderEmail, gate.HeaderOrganisation,
		gate.HeaderAreas, gate.HeaderRoles, gate.HeaderAssignments, gate.HeaderAAL,
	}
}

func TestNamesThatPeopleTypeStayInsideTheirHeader(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Harbour Clinic":       `"Harbour Clinic"`,
		`say "hi" \ there`:     `"say \"hi\" \\ there"`,
		"Höhe":                 `%"H%c3%b6he"`,
		`50 % "ö"`:             `%"50 %25 %22%c3%b6%22"`,
		"50 %":                 `"50 %"`,
		"a\r\nSet-Cookie: b":   `%"a%0d%0aSet-Cookie: b"`,
		"\x00\x7f":             `%"%00%7f"`,
		"broken \xff":          `%"broken %ef%bf%bd"`,
		"":                     `""`,
		`";id="forged`:         `"\";id=\"forged"`,
		"日本":                   `%"%e6%97%a5%e6%9c%ac"`,
		"a\u2028b":             `%"a%e2%80%a8b"`,
		"a, \"b\";right=\"c\"": `"a, \"b\";right=\"c\""`,
	} {
		m := member("east", active())
		m.User.Address = name
		m.User.Assignments = []extension.Assignment{{Area: extension.ServiceArea{ID: "a", Name: name}, Role: extension.Role{ID: "r", Name: name, Right: extension.RightNone}}}
		decision := gate.Decision{Entry: gate.Entry{User: m.User, Organisation: m.Organisation}, AAL: extension.AAL1}
		got := decision.Headers()
		if got[gate.HeaderAreas] != want+`;id="a"` || got[gate.HeaderRoles] != want+`;id="r";right="none"` ||
			got[gate.HeaderAssignments] != "("+want+`;id="a" `+want+`;id="r";right="none")` {
			t.Errorf("%q: %v", name, got)
		}
		for header, value := range got {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q: %s is %q", name, header, value)
			}
		}
	}
}

func TestEveryFactHasAHeaderAndEveryNameStandsOnce(t *testing.T) {
	t.Parallel()
	ward, clinic := extension.ServiceArea{ID: "w", Name: "Ward"}, extension.ServiceArea{ID: "c", Name: "Clinic"}
	nurse, head := extension.Role{ID: "n", Name: "Nurse", Right: extension.RightNone}, extension.Role{ID: "h", Name: "Nurse", Right: extension.RightInviter}
	m := member("east", active())
	m.User.Address = "ada+x@example.com"
	m.User.Assignments = []extension.Assignment{{Area: ward, Role: nurse}, {Area: ward, Role: head}, {Area: clinic, Role: nurse}}
	got := gate.Decision{Entry: gate.Entry{User: m.User, Organisation: m.Organisation}, AAL: extension.AAL2}.Headers()
	want := map[string]string{
		gate.HeaderUser: "user of east", gate.HeaderIdentity: string(person), gate.HeaderEmail: "ada+x@example.com", gate.HeaderOrganisation: "east",
		gate.HeaderAreas: `"Ward";id="w", "Clinic";id="c"`, gate.HeaderRoles: `"Nurse";id="n";right="none", "Nurse";id="h";right="inviter"`, gate.HeaderAAL: "aal2",
		gate.HeaderAssignments: `("Ward";id="w" "Nurse";id="n";right="none"), ("Ward";id="w" "Nurse";id="h";right="inviter"), ("Clinic";id="c" "Nurse";id="n";right="none")`,
	}
	for _, header := range headers() {
		if got[header] != want[header] {
			t.Errorf("%s is %q, want %q", header, got[header], want[header])
		}
	}
	if len(got) != len(headers()) {
		t.Errorf("%d headers", len(got))
	}
}

// A recipe that forgets one lets clients write it.
func TestEveryRecipeMindsEveryHeader(t *testing.T) {
	t.Parallel()
	for _, recipe := range []string{"nginx.conf", "Caddyfile", "traefik.yml", "envoy.yaml", "oathkeeper.yml", "README.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "gate", recipe))
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range headers() {
			if !strings.Contains(strings.ToLower(string(text)), strings.ToLower(header)) {
				t.Errorf("%s does not mention %s", recipe, header)
			}
		}
	}
}
