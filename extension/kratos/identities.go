package kratos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// The states of a Kratos identity.
const (
	stateActive   = "active"
	stateInactive = "inactive"
)

// viaEmail marks the verifiable addresses that are e-mail addresses.
const viaEmail = "email"

// listSize is how many identities one list call asks for: v26 caps it at 500, and the default of 250 would cut off the
// answer to more ids.
const listSize = 500

// includedCredentials are the kinds whose content tells more than their existence. Of the others (totp, oidc, saml)
// Kratos names the identifiers anyway, so their secrets and tokens are never fetched.
func includedCredentials() []string {
	return []string{credentialPassword, credentialPasskey, credentialWebAuthn}
}

// Identity reads one identity. ErrNotFound says that there is none with this id.
func (c *Client) Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error) {
	identity, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).IncludeCredential(includedCredentials()).Execute())
	if err != nil {
		return extension.Identity{}, fmt.Errorf("read identity %s: %w", id, err)
	}
	return identityOf(*identity), nil
}

// FindByAddress reads the identity that an e-mail address belongs to, in any case of letters. ErrNotFound says that it
// belongs to none. Kratos looks through the identifiers of all credentials, which may be names or numbers, so the
// address is compared again. Should two identities hold it, the one that is not marked as ours is given: an address in
// doubt is somebody else's.
func (c *Client) FindByAddress(ctx context.Context, address string) (extension.Identity, error) {
	candidates, err := list(c.admin.IdentityAPI.ListIdentities(ctx).CredentialsIdentifier(address).IncludeCredential(includedCredentials()))
	if err != nil {
		return extension.Identity{}, fmt.Errorf("find identity by address: %w", err)
	}
	var found extension.Identity
	for _, candidate := range candidates {
		if !holds(candidate, address) {
			continue
		}
		found = identityOf(candidate)
		if found.Mark == "" {
			break
		}
	}
	if found.ID == "" {
		return extension.Identity{}, fmt.Errorf("find identity by address: %w", extension.ErrNotFound)
	}
	return found, nil
}

func list(request ory.IdentityAPIListIdentitiesRequest) ([]ory.Identity, error) {
	return answered(request.PageSize(listSize).Execute())
}

// holds tells whether an e-mail address is the identity's own: its trait or one of its addresses.
func holds(identity ory.Identity, address string) bool {
	if sameAddress(traitsOf(identity.Traits).Email, address) {
		return true
	}
	_, ok := addressIndex(identity, address)
	return ok
}

// addressIndex finds an e-mail address among the verifiable addresses. Their order means nothing.
func addressIndex(identity ory.Identity, address string) (int, bool) {
	i := slices.IndexFunc(identity.VerifiableAddresses, func(a ory.VerifiableIdentityAddress) bool {
		return a.Via == viaEmail && sameAddress(a.Value, address)
	})
	return i, i >= 0
}

func sameAddress(a, b string) bool { return identifier(a) == identifier(b) }

// identifier spells an address as Kratos does in its database. Comparing by case folding instead would take ſ for s, and
// so one person's mailbox for another's.
func identifier(address string) string { return strings.ToLower(address) }

// Enable switches an identity on and records that its e-mail address is proven, in one request: an active identity with
// an unproven address would be sent a verification letter at its first change. ErrNotFound says that there is no such
// identity, ErrConflict that it does not have the address (any more).
func (c *Client) Enable(ctx context.Context, id extension.IdentityID, address string) error {
	identity, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
	if err != nil {
		return fmt.Errorf("enable identity %s: %w", id, err)
	}
	i, ok := addressIndex(*identity, address)
	if !ok {
		return fmt.Errorf("enable identity %s: it has another address: %w", id, extension.ErrConflict)
	}
	at := "/verifiable_addresses/" + strconv.Itoa(i)
	identity, err = c.patch(ctx, id,
		replace("/state", stateActive), replace(at+"/verified", true), replace(at+"/status", "completed"))
	if err != nil {
		return fmt.Errorf("enable identity %s: %w", id, err)
	}
	// The addresses may have changed between reading and writing: Kratos has no compare-and-swap.
	if i, ok := addressIndex(*identity, address); !ok || !identity.VerifiableAddresses[i].Verified {
		return fmt.Errorf("enable identity %s: its addresses changed meanwhile: %w", id, extension.ErrConflict)
	}
	return nil
}

// Disable switches an identity off. Its sessions stop working at once but come back when it is switched on again, so
// end them too. A settings submit that is under way may switch it on again: read it later and repeat. ErrNotFound says
// that there is no such identity.
func (c *Client) Disable(ctx context.Context, id extension.IdentityID) error {
	if _, err := c.patch(ctx, id, replace("/state", stateInactive)); err != nil {
		return fmt.Errorf("disable identity %s: %w", id, err)
	}
	return nil
}

// EndSessions deletes all sessions of an identity. Having none is success. ErrNotFound says that there is no such
// identity.
func (c *Client) EndSessions(ctx context.Context, id extension.IdentityID) error {
	response, err := c.admin.IdentityAPI.DeleteIdentitySessions(ctx, string(id)).Execute()
	err = translate(err, response)
	if errors.Is(err, extension.ErrNotFound) { // no session, or no identity: Kratos says the same
		_, err = answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
	}
	if err != nil {
		return fmt.Errorf("end sessions of identity %s: %w", id, err)
	}
	return nil
}

func (c *Client) patch(ctx context.Context, id extension.IdentityID, changes ...ory.JsonPatch) (*ory.Identity, error) {
	return answered(c.admin.IdentityAPI.PatchIdentity(ctx, string(id)).JsonPatch(changes).Execute())
}

func replace(path string, value any) ory.JsonPatch {
	return ory.JsonPatch{Op: "replace", Path: path, Value: value}
}
