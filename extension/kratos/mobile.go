package kratos

import (
	"context"
	"fmt"
	"slices"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// maxDrop bounds how often a number is taken away that comes back.
const maxDrop = 3

// Holder reads the identity that a mobile number belongs to: Kratos lets only one have it. ErrNotFound says that it
// belongs to none.
func (c *Client) Holder(ctx context.Context, mobile string) (extension.Identity, error) {
	candidates, err := list(c.admin.IdentityAPI.ListIdentities(ctx).CredentialsIdentifier(mobile).IncludeCredential(includedCredentials()))
	if err != nil {
		return extension.Identity{}, fmt.Errorf("find identity by mobile: %w", err)
	}
	for _, candidate := range candidates {
		if hasMobile(candidate, mobile) {
			return identityOf(candidate), nil
		}
	}
	return extension.Identity{}, fmt.Errorf("find identity by mobile: %w", extension.ErrNotFound)
}

// hasMobile tells whether a number is among those that codes go to, which Kratos spells in E.164. The trait keeps the
// owner's own spelling.
func hasMobile(identity ory.Identity, mobile string) bool {
	return slices.Contains(credentialsOf(identity)[credentialCode].Identifiers, mobile) || traitsOf(identity.Traits).Mobile == mobile
}

// DropMobile takes a number away from an identity of our schema, and nothing else. One that does not have it is left as it
// is. It reads again afterwards, because Kratos loses an update that meets a settings submit. ErrNotFound says that there
// is no such identity, ErrConflict that it follows another schema; a number that comes back three times in a row is an
// *extension.TroubleError.
func (c *Client) DropMobile(ctx context.Context, id extension.IdentityID, mobile string) error {
	for attempt := 0; ; attempt++ {
		identity, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
		switch {
		case err != nil:
		case !hasMobile(*identity, mobile):
			return nil
		case identity.SchemaId != SchemaID:
			err = extension.ErrConflict
		case attempt == maxDrop:
			err = &extension.TroubleError{Sentence: forgetful}
		default:
			_, err = c.patch(ctx, id, ory.JsonPatch{Op: "remove", Path: "/traits/phone"})
		}
		if err != nil {
			return fmt.Errorf("drop mobile of identity %s: %w", id, err)
		}
	}
}
