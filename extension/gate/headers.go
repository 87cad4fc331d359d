package gate

import (
	"fmt"
	"strings"

	"paperplane/extension"
)

// The headers by which applications are told who has passed. Their names are a promise to applications and to the recipes,
// which drop whatever a client sends under them.
const (
	HeaderUser         = "Paperplane-User"
	HeaderIdentity     = "Paperplane-Identity"
	HeaderEmail        = "Paperplane-Email"
	HeaderOrganisation = "Paperplane-Organisation"
	HeaderAreas        = "Paperplane-Areas"
	HeaderRoles        = "Paperplane-Roles"
	HeaderAssignments  = "Paperplane-Assignments"
	HeaderAAL          = "Paperplane-AAL"
)

// Headers are the facts of somebody who may pass. Areas and roles are lists of structured fields (RFC 9651 §3.1), because
// people type their names: each name has its id, and a role its right, as a parameter; an assignment is an inner list of an
// area and a role. The email address has everything but visible ASCII, and the percent sign itself, percent-encoded
// (RFC 3986 §2.1).
func (d Decision) Headers() map[string]string {
	var areas, roles, assignments []string
	seen := map[string]bool{}
	once := func(list []string, id, item string) []string {
		if seen[id] {
			return list
		}
		seen[id] = true
		return append(list, item)
	}
	for _, a := range d.User.Assignments {
		area, role := areaItem(a.Area), roleItem(a.Role)
		areas = once(areas, "area "+string(a.Area.ID), area)
		roles = once(roles, "role "+string(a.Role.ID), role)
		assignments = append(assignments, "("+area+" "+role+")")
	}
	return map[string]string{
		HeaderUser:         string(d.User.ID),
		HeaderIdentity:     string(d.User.Identity),
		HeaderEmail:        percentEncoded(d.User.Address),
		HeaderOrganisation: d.Organisation.Slug,
		HeaderAreas:        strings.Join(areas, ", "),
		HeaderRoles:        strings.Join(roles, ", "),
		HeaderAssignments:  strings.Join(assignments, ", "),
		HeaderAAL:          string(d.AAL),
	}
}

func areaItem(area extension.ServiceArea) string {
	return text(area.Name) + ";id=" + text(string(area.ID))
}

func roleItem(role extension.Role) string {
	return text(role.Name) + ";id=" + text(string(role.ID)) + ";right=" + text(string(role.Right))
}

// text is a string of structured fields, and where it holds more than visible ASCII a display string (RFC 9651 §3.3.3,
// §3.3.8). Neither can hold a line end or leave its quotes.
func text(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return `%"` + encoded(value, func(b byte) bool { return b < ' ' || b > '~' || b == '%' || b == '"' }) + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

func percentEncoded(value string) string {
	return encoded(value, func(b byte) bool { return b <= ' ' || b > '~' || b == '%' })
}

// encoded writes every byte that must not stand as it is as a percent sign and two lower-case digits, as display strings
// want it.
func encoded(value string, must func(byte) bool) string {
	var out strings.Builder
	for _, b := range []byte(strings.ToValidUTF8(value, "\uFFFD")) {
		if must(b) {
			fmt.Fprintf(&out, "%%%02x", b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}
