package kratos

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// Clear makes an identity with an unproven address as if nobody had used it, and then records that the address is proven:
// its owner has come by a link, and somebody else may have been there before (Sudhodanan and Paverd, "Pre-hijacked
// accounts", USENIX Security 2022). Sessions, password, second factors, recovery codes, linked providers, names and mobile
// go; state, mark and published metadata stay. The proof is written last, so that a call that failed can be made again.
//
// Kratos deletes no password, so a random one that nobody knows takes its place, and Registered says no of it. ErrConflict
// says that the identity has another address, that somebody has proven it and can sign in, or that something is left that
// signs in and that Kratos cannot delete, such as a passkey. ErrNotFound says that there is no such identity. A settings
// submit that was under way can bring something back; what it brought is an *extension.TroubleError.
func (c *Client) Clear(ctx context.Context, id extension.IdentityID, address string) error {
	if err := c.clear(ctx, id, address); err != nil {
		return fmt.Errorf("clear identity %s: %w", id, err)
	}
	return nil
}

func (c *Client) clear(ctx context.Context, id extension.IdentityID, address string) error {
	found, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).IncludeCredential(includedCredentials()).Execute())
	if err != nil {
		return err
	}
	switch before := identityOf(*found); {
	case !before.Member || !sameAddress(before.Traits.Email, address):
		return fmt.Errorf("it has another address or schema: %w", extension.ErrConflict)
	case before.Verified && before.Registered:
		return fmt.Errorf("its owner has proven the address: %w", extension.ErrConflict)
	}
	// First, so that no further change begins, and once more when nobody can sign in again.
	if err := c.EndSessions(ctx, id); err != nil {
		return err
	}
	if err := c.blank(ctx, *found); err != nil {
		return err
	}
	if err := c.RemoveFactors(ctx, id); err != nil {
		return err
	}
	for _, kind := range []string{credentialOIDC, credentialSAML} {
		for _, linked := range credentialsOf(*found)[kind].Identifiers {
			if err := c.removeCredential(ctx, id, kind, linked); err != nil {
				return err
			}
		}
	}
	if err := c.EndSessions(ctx, id); err != nil {
		return err
	}
	if err := c.checkCleared(ctx, id); err != nil {
		return err
	}
	return c.prove(ctx, id, address)
}

// blank replaces, in one write, the password by one that nobody knows and the traits by the address alone.
func (c *Client) blank(ctx context.Context, identity ory.Identity) error {
	hash := unknownPassword()
	ours := map[string]any{}
	maps.Copy(ours, ourMark(identity.MetadataAdmin))
	ours[markCleared] = fingerprint(hash)
	admin := map[string]any{}
	maps.Copy(admin, identity.MetadataAdmin)
	admin[markKey] = ours
	body := ory.UpdateIdentityBody{
		SchemaId: identity.SchemaId, State: identity.GetState(), ExternalId: identity.ExternalId,
		Traits:        traitsJSON(extension.Traits{Email: traitsOf(identity.Traits).Email}),
		MetadataAdmin: admin,
		Credentials: &ory.IdentityWithCredentials{Password: &ory.IdentityWithCredentialsPassword{
			Config: &ory.IdentityWithCredentialsPasswordConfig{HashedPassword: &hash},
		}},
	}
	if identity.MetadataPublic != nil { // what is not sent is wiped
		body.MetadataPublic = identity.MetadataPublic
	}
	_, err := answered(c.admin.IdentityAPI.UpdateIdentity(ctx, identity.Id).UpdateIdentityBody(body).Execute())
	return err
}

// checkCleared reads back what was written.
func (c *Client) checkCleared(ctx context.Context, id extension.IdentityID) error {
	now, err := c.Identity(ctx, id)
	switch {
	case err != nil:
		return err
	case now.Registered:
		return fmt.Errorf("something still signs in: %w", extension.ErrConflict)
	case len(now.Factors) > 0 || now.Recovery || now.Traits.Mobile != "":
		return &extension.TroubleError{Sentence: forgetful}
	}
	return nil
}

// prove records that the e-mail address belongs to whoever holds the identity.
func (c *Client) prove(ctx context.Context, id extension.IdentityID, address string) error {
	identity, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
	if err != nil {
		return err
	}
	i, ok := addressIndex(*identity, address)
	if !ok {
		return fmt.Errorf("it has another address: %w", extension.ErrConflict)
	}
	at := "/verifiable_addresses/" + strconv.Itoa(i)
	if identity, err = c.patch(ctx, id, replace(at+"/verified", true), replace(at+"/status", "completed")); err != nil {
		return err
	}
	if i, ok := addressIndex(*identity, address); !ok || !identity.VerifiableAddresses[i].Verified {
		return fmt.Errorf("its addresses changed meanwhile: %w", extension.ErrConflict)
	}
	return nil
}

// unknownPassword makes up a bcrypt hash that no password was hashed to: 16 random bytes of salt and 23 of digest, in
// bcrypt's own base64. Finding a password for it is finding a preimage.
func unknownPassword() string {
	bcrypt := base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)
	var salt [16]byte
	var digest [23]byte
	rand.Read(salt[:]) // documented never to fail
	rand.Read(digest[:])
	return "$2a$12$" + bcrypt.EncodeToString(salt[:]) + bcrypt.EncodeToString(digest[:])
}

// fingerprint recognises a hash without telling it.
func fingerprint(hash string) string {
	sum := sha256.Sum256([]byte(hash))
	return hex.EncodeToString(sum[:])
}
