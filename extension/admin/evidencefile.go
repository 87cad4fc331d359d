package admin

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// evidenceSource tells of acceptances one by one and stops at an error of f.
type evidenceSource func(stream *web.Stream, f func(extension.Evidence) error) error

// evidenceRow is one acceptance in a file. Without address and name, the user is gone and the id is a pseudonym, or it was
// disowned.
type evidenceRow struct {
	User      extension.UserID  `json:"user"`
	Name      string            `json:"name"`
	Email     string            `json:"email"`
	Version   int               `json:"version"`
	Language  string            `json:"language"`
	Title     string            `json:"title"`
	Terms     extension.TermsID `json:"terms"`
	SHA256    string            `json:"sha256"`
	Accepted  string            `json:"accepted"` // RFC 3339
	Confirmed string            `json:"confirmed,omitempty"`
	Disowned  string            `json:"disowned,omitempty"` // when the user's address was corrected: somebody else had accepted
	IP        string            `json:"ip"`
	UserAgent string            `json:"user_agent"`
}

func rowOfEvidence(e extension.Evidence) evidenceRow {
	row := evidenceRow{
		User: e.User, Name: e.Name, Email: e.Address, Version: e.Version, Language: e.Language, Title: e.Title, Terms: e.Terms,
		SHA256: e.SHA256, Accepted: precise(e.At), IP: e.IP, UserAgent: e.UserAgent,
	}
	if !e.Confirmed.IsZero() {
		row.Confirmed = precise(e.Confirmed)
	}
	if !e.Disowned.IsZero() {
		row.Disowned = precise(e.Disowned)
	}
	return row
}

// precise writes a time as evidence: to the microsecond that the database keeps.
func precise(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// evidenceHeading is the first line of the table.
func evidenceHeading() []string {
	return []string{
		"user", "name", "email", "version", "language", "title", "terms", "sha256", "accepted", "confirmed", "disowned", "ip", "user agent",
	}
}

// cells is the row of the table. No cell is a formula to a spreadsheet.
func (r evidenceRow) cells() []string {
	row := []string{
		string(r.User), r.Name, r.Email, strconv.Itoa(r.Version), r.Language, r.Title, string(r.Terms), r.SHA256, r.Accepted, r.Confirmed, r.Disowned, r.IP, r.UserAgent,
	}
	for i := range row {
		row[i] = recognise.Harmless(row[i])
	}
	return row
}

// evidenceTable answers with a table (RFC 4180), written as it is read.
func (p *Pages) evidenceTable(c *fiber.Ctx, v visit, name string, each evidenceSource) error {
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8; header=present")
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", name+".csv"))
	return p.shell.Stream(c, "file "+string(v.User.ID), func(stream *web.Stream) error {
		if _, err := stream.Write([]byte(byteOrderMark)); err != nil {
			return err
		}
		table := csv.NewWriter(stream)
		table.UseCRLF = true
		if err := table.Write(evidenceHeading()); err != nil {
			return err
		}
		if err := each(stream, func(e extension.Evidence) error { return table.Write(rowOfEvidence(e).cells()) }); err != nil {
			return err
		}
		table.Flush()
		return table.Error()
	})
}

// evidenceList answers with a JSON array (RFC 8259), written as it is read.
func (p *Pages) evidenceList(c *fiber.Ctx, v visit, name string, each evidenceSource) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", name+".json"))
	return p.shell.Stream(c, "file "+string(v.User.ID), func(stream *web.Stream) error {
		before := "[\n"
		err := each(stream, func(e extension.Evidence) error {
			row, err := json.Marshal(rowOfEvidence(e))
			if err != nil {
				return fmt.Errorf("encode acceptance: %w", err)
			}
			_, err = stream.Write(append([]byte(before), row...))
			before = ",\n"
			return err
		})
		if err != nil {
			return err
		}
		if before == "[\n" { // nobody has accepted anything
			_, err = stream.Write([]byte("[]\n"))
			return err
		}
		_, err = stream.Write([]byte("\n]\n"))
		return err
	})
}

// versionTable answers with everybody who has accepted a version, as a table.
func (p *Pages) versionTable(c *fiber.Ctx, v visit) error {
	return p.versionFile(c, v, p.evidenceTable)
}

// versionList answers with everybody who has accepted a version, as JSON.
func (p *Pages) versionList(c *fiber.Ctx, v visit) error { return p.versionFile(c, v, p.evidenceList) }

// evidenceFile answers with evidence in one form.
type evidenceFile func(c *fiber.Ctx, v visit, name string, each evidenceSource) error

func (p *Pages) versionFile(c *fiber.Ctx, v visit, answer evidenceFile) error {
	version, err := versionOf(c)
	if err != nil {
		return err
	}
	if _, err := p.policy.Version(c.UserContext(), v.Actor, version); err != nil {
		return err
	}
	name := fmt.Sprintf("accepted-%s-version-%d", v.Organisation.Slug, version)
	return answer(c, v, name, func(stream *web.Stream, f func(extension.Evidence) error) error {
		return p.policy.EachEvidence(stream.Context(), v.Actor, version, f)
	})
}

// userTable answers with what a user has accepted, as a table.
func (p *Pages) userTable(c *fiber.Ctx, v visit) error { return p.userFile(c, v, p.evidenceTable) }

// userList answers with what a user has accepted, as JSON.
func (p *Pages) userList(c *fiber.Ctx, v visit) error { return p.userFile(c, v, p.evidenceList) }

func (p *Pages) userFile(c *fiber.Ctx, v visit, answer evidenceFile) error {
	id, err := extension.ParseID[extension.UserID](c.Params("user"))
	if err != nil {
		return err
	}
	evidence, err := p.policy.EvidenceOf(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	return answer(c, v, "accepted-"+v.Organisation.Slug+"-"+string(id), func(_ *web.Stream, f func(extension.Evidence) error) error {
		for _, e := range evidence {
			if err := f(e); err != nil {
				return err
			}
		}
		return nil
	})
}
