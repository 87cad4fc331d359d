package kratos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// Readdress gives an identity that was made for a user another e-mail address, before its owner has registered: an
// administrator corrected a mistake in it. Everything that somebody with the old mailbox may have proven or planted goes
// first (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022: unexpired session, trojan identifier):
// sessions, second factors, and then, with the address and in the same write, name and mobile. The new address is unproven.
// The state stays as it is; it belongs to alignment.
//
// The address is written last, so one that is there already means that all was done, and nothing is touched. The answer
// is as for a new identity: ID when the identity has the address, Conflict when it belongs to another one, Refused when
// Kratos does not accept it. ErrConflict says that the identity is not ours to change: it carries another mark or holds a
// credential that signs in. ErrNotFound says that there is no such identity.
func (c *Client) Readdress(ctx context.Context, id extension.IdentityID, user extension.UserID, address string) (extension.Created, error) {
	made, err := c.readdress(ctx, id, user, address)
	if err != nil {
		return extension.Created{}, fmt.Errorf("give identity %s another address: %w", id, err)
	}
	return made, nil
}

func (c *Client) readdress(ctx context.Context, id extension.IdentityID, user extension.UserID, address string) (extension.Created, error) {
	before, err := c.Identity(ctx, id)
	if err != nil {
		return extension.Created{}, err
	}
	switch {
	case user == "" || before.Mark != user:
		return extension.Created{}, fmt.Errorf("it was not made for user %s: %w", user, extension.ErrConflict)
	case before.Registered:
		return extension.Created{}, fmt.Errorf("its owner has registered: %w", extension.ErrConflict)
	case before.Traits.Email == address:
		return extension.Created{ID: id}, nil
	}
	if err := c.EndSessions(ctx, id); err != nil {
		return extension.Created{}, err
	}
	if err := c.RemoveFactors(ctx, id); err != nil {
		return extension.Created{}, err
	}
	made, err := c.writeAddress(ctx, id, address)
	if err != nil || made.ID == "" {
		return made, err
	}
	return made, c.checkAddress(ctx, before, address)
}

// writeAddress replaces all traits. Kratos derives the addresses to verify and to recover from them and keeps none of the
// old ones.
func (c *Client) writeAddress(ctx context.Context, id extension.IdentityID, address string) (extension.Created, error) {
	_, response, err := c.admin.IdentityAPI.PatchIdentity(ctx, string(id)).
		JsonPatch([]ory.JsonPatch{replace("/traits", traitsJSON(extension.Traits{Email: address}))}).Execute()
	if refused, ok := errors.AsType[*ory.GenericOpenAPIError](err); ok && response != nil && response.StatusCode == http.StatusBadRequest {
		if err := c.checkSchema(ctx); err != nil { // a missing schema refuses every address
			return extension.Created{}, err
		}
		return extension.Created{Refused: refusal(refused.Body())}, nil
	}
	err = translate(err, response)
	switch {
	case errors.Is(err, extension.ErrConflict):
		return extension.Created{Conflict: true}, nil
	case err != nil:
		return extension.Created{}, err
	}
	return extension.Created{ID: id}, nil
}

// refusal is why Kratos does not accept what it was given.
func refusal(body []byte) string {
	var said struct {
		Error struct {
			Reason string `json:"reason"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // a proxy's page is no JSON: then there is no reason
	return reason(said.Error.Reason)
}

// checkAddress reads back what was written, because a settings submit that was in flight may have overwritten it or have
// brought a password in between. Whoever set that holds the old mailbox: the old address comes back, and the account stays
// theirs.
func (c *Client) checkAddress(ctx context.Context, before extension.Identity, address string) error {
	now, err := c.Identity(ctx, before.ID)
	if err != nil {
		return err
	}
	switch {
	case now.Registered:
		_, err := c.patch(ctx, before.ID, replace("/traits", traitsJSON(before.Traits)))
		return errors.Join(fmt.Errorf("its owner registered meanwhile: %w", extension.ErrConflict), err)
	case now.Traits.Email != address:
		return &extension.TroubleError{Sentence: forgetful}
	}
	return nil
}
