package kratos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// batchSize is how many identities one call makes. More buys no speed, and the transaction holds locks for longer.
const batchSize = 250

// maxRounds bounds how often the rest of a batch is sent again. One repetition is enough unless somebody else creates
// or deletes the same people at the same moment.
const maxRounds = 4

// row is one identity of a batch on its way.
type row struct {
	index int    // in the caller's list
	patch string // correlates the answer; Kratos wants a UUID and does nothing else with it
	asked extension.NewIdentity
}

// CreateIdentities makes identities that are inactive, hold nothing but their e-mail address and are marked as ours. It
// answers in the order asked, and an id it reports is one that Kratos has kept.
//
// A call that breaks off may have been obeyed: then the same people are conflicts the next time, and FindByAddress tells
// by the mark which of them are ours. A conflict may have gone by the time it is looked up; ask for it again.
func (c *Client) CreateIdentities(ctx context.Context, asked []extension.NewIdentity) ([]extension.Created, error) {
	made := make([]extension.Created, len(asked))
	rows := make([]row, len(asked))
	for i, identity := range asked {
		rows[i] = row{index: i, patch: extension.NewID[string](), asked: identity}
	}
	for some := range slices.Chunk(rows, batchSize) {
		if err := c.create(ctx, some, made); err != nil {
			return nil, fmt.Errorf("create %d identities: %w", len(asked), err)
		}
	}
	if slices.ContainsFunc(made, func(one extension.Created) bool { return one.Refused != "" }) {
		// A missing schema refuses everybody, and nobody must be told that it was their address.
		if err := c.checkSchema(ctx); err != nil {
			return nil, fmt.Errorf("create %d identities: %w", len(asked), err)
		}
	}
	return made, nil
}

// create sends rows until each is made, a conflict or refused. v1.3.1 rolls a whole batch back when one row conflicts,
// yet answers "create" for the others, with ids that do not exist (fixed after it by PR 4211 of ory/kratos). So the ids
// are read back beside a conflict, and what is missing is sent again without it. An answer without a conflict is true, and
// reading back would cost a tenth of the time of an import.
func (c *Client) create(ctx context.Context, rows []row, made []extension.Created) error {
	for range maxRounds {
		claimed, err := c.send(ctx, rows, made)
		if errors.Is(err, extension.ErrConflict) {
			return c.halve(ctx, rows, made)
		}
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(rows, func(r row) bool { return made[r.index].Conflict }) {
			return nil
		}
		missing, err := c.confirm(ctx, claimed, made)
		if err != nil || len(missing) == 0 {
			return err
		}
		rows = missing
	}
	return &extension.TroubleError{Sentence: "Ory Kratos did not keep the accounts that it said it had made."}
}

// halve copes with a conflict of a batch as a whole. Kratos answers so when only one row of it is left after those that
// it refuses, and does not say which: the halves tell.
func (c *Client) halve(ctx context.Context, rows []row, made []extension.Created) error {
	if len(rows) == 1 {
		made[rows[0].index] = extension.Created{Conflict: true}
		return nil
	}
	middle := len(rows) / 2
	if err := c.create(ctx, rows[:middle], made); err != nil {
		return err
	}
	return c.create(ctx, rows[middle:], made)
}

// send makes one call, writes down conflicts and refusals, and returns the rows that Kratos claims to have created.
func (c *Client) send(ctx context.Context, rows []row, made []extension.Created) ([]row, error) {
	body := ory.PatchIdentitiesBody{Identities: make([]ory.IdentityPatch, len(rows))}
	byPatch := make(map[string]row, len(rows))
	for i, r := range rows {
		body.Identities[i] = ory.IdentityPatch{PatchId: &r.patch, Create: newIdentity(r.asked)}
		byPatch[r.patch] = r
	}
	answer, err := answered(c.admin.IdentityAPI.BatchPatchIdentities(ctx).PatchIdentitiesBody(body).Execute())
	if err != nil {
		return nil, err
	}
	var claimed []row
	for _, result := range answer.Identities {
		r, ok := byPatch[result.GetPatchId()]
		if !ok {
			continue
		}
		delete(byPatch, r.patch)
		made[r.index], err = outcome(result)
		if err != nil {
			return nil, err
		}
		if made[r.index].ID != "" {
			claimed = append(claimed, r)
		}
	}
	if len(byPatch) > 0 {
		return nil, fmt.Errorf("unexpected answer from Kratos: %d of %d identities are missing in it", len(byPatch), len(rows))
	}
	return claimed, nil
}

func newIdentity(asked extension.NewIdentity) *ory.CreateIdentityBody {
	state := stateInactive
	return &ory.CreateIdentityBody{
		SchemaId:      SchemaID,
		State:         &state,
		Traits:        traitsJSON(extension.Traits{Email: asked.Address}),
		MetadataAdmin: mark(asked.User),
	}
}

// outcome reads the answer about one row.
func outcome(result ory.IdentityPatchResponse) (extension.Created, error) {
	if id := result.GetIdentity(); result.GetAction() == "create" && id != "" {
		return extension.Created{ID: extension.IdentityID(id)}, nil
	}
	detail, _ := result.Error.(map[string]any)
	code, _ := detail["code"].(float64)
	switch int(code) {
	case http.StatusConflict:
		return extension.Created{Conflict: true}, nil
	case http.StatusBadRequest:
		return extension.Created{Refused: reason(text(detail, "reason"))}, nil
	}
	return extension.Created{}, &extension.TroubleError{Sentence: silent, Cause: fmt.Errorf("code %d for one identity of a batch", int(code))}
}

// confirm reads back what Kratos claims to have created and returns the rows that are not there.
func (c *Client) confirm(ctx context.Context, claimed []row, made []extension.Created) ([]row, error) {
	if len(claimed) == 0 {
		return nil, nil
	}
	ids := make([]string, len(claimed))
	for i, r := range claimed {
		ids[i] = string(made[r.index].ID)
	}
	identities, err := list(c.admin.IdentityAPI.ListIdentities(ctx).Ids(ids))
	if err != nil {
		return nil, err
	}
	there := make(map[extension.IdentityID]extension.UserID, len(identities))
	for _, identity := range identities {
		there[extension.IdentityID(identity.Id)] = extension.UserID(text(ourMark(identity.MetadataAdmin), markUser))
	}
	var missing []row
	for _, r := range claimed {
		if there[made[r.index].ID] != r.asked.User {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// schemaPointers are the places in the schema that v26 puts before its words.
var schemaPointers = regexp.MustCompile(`[IS]\[#[^\]]*\]`)

// maxReason is how many characters of a reason are kept.
const maxReason = 200

// reason cleans what Kratos says about a refused address for an administrator's eyes. v26 gives one line for every rule
// that was broken, some of them twice and some without news; v1.3.1 never gives any.
func reason(raw string) string {
	var lines []string
	for line := range strings.Lines(schemaPointers.ReplaceAllString(raw, "")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line == "validation failed", line == "The request was malformed or contained invalid parameters":
		case !slices.Contains(lines, line):
			lines = append(lines, line)
		}
	}
	words := strings.Join(lines, "; ")
	if words == "" {
		return "Kratos does not accept this address."
	}
	if runes := []rune(words); len(runes) > maxReason {
		return string(runes[:maxReason-1]) + "…"
	}
	return words
}
