package kratos

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// RemoveRecoveryCodes takes the recovery codes of an identity away; having none, or no such identity, is success. Second
// factors stay.
func (c *Client) RemoveRecoveryCodes(ctx context.Context, id extension.IdentityID) error {
	if err := c.removeCredential(ctx, id, credentialLookup, ""); err != nil {
		return fmt.Errorf("remove recovery codes of identity %s: %w", id, err)
	}
	return nil
}
