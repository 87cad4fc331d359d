package kratos

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// projection is what applications read in an identity's metadata_public under "paperplane", for instance from whoami.
// Its shape is a promise to them: fields are added, never renamed.
type projection struct {
	Organisations []publishedOrganisation `json:"organisations"`
}

type publishedOrganisation struct {
	ID          extension.OrganisationID `json:"id"`
	Slug        string                   `json:"slug"`
	User        extension.UserID         `json:"user"`
	Status      extension.Status         `json:"status"`
	Assignments []publishedAssignment    `json:"assignments"`
}

type publishedAssignment struct {
	Area publishedName `json:"area"`
	Role publishedName `json:"role"`
}

type publishedName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// maxPublish bounds how often a projection is written that does not stay.
const maxPublish = 3

// Publish makes an identity's metadata tell these memberships and touches nothing else in it. It writes only when they
// differ, and reads again afterwards, because Kratos loses an update that meets a settings submit. The caller holds the
// identity's lock, so that an older projection cannot overtake a newer one. It tells whether it wrote: a submit that was
// under way can still take that back, so look again later. ErrNotFound says that there is no such identity; an update
// that is lost three times in a row is an *extension.TroubleError.
func (c *Client) Publish(ctx context.Context, id extension.IdentityID, memberships []extension.Membership) (wrote bool, err error) {
	want, err := project(memberships).decoded()
	if err != nil {
		return false, fmt.Errorf("publish memberships of identity %s: %w", id, err)
	}
	for attempt := 0; ; attempt++ {
		identity, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
		if err != nil {
			return wrote, fmt.Errorf("publish memberships of identity %s: %w", id, err)
		}
		held := identity.MetadataPublic[markKey]
		if reflect.DeepEqual(held, want) || held == nil && len(memberships) == 0 { // nothing is written where nothing need be told
			return wrote, nil
		}
		if attempt == maxPublish {
			trouble := &extension.TroubleError{Sentence: forgetful}
			return wrote, fmt.Errorf("publish memberships of identity %s: %w", id, trouble)
		}
		if _, err := c.patch(ctx, id, publication(identity.MetadataPublic, want)); err != nil {
			return wrote, fmt.Errorf("publish memberships of identity %s: %w", id, err)
		}
		wrote = true
	}
}

// publication is the change that writes the projection: beside other keys if there are any.
func publication(metadata map[string]any, want any) ory.JsonPatch {
	if metadata == nil {
		return ory.JsonPatch{Op: "add", Path: "/metadata_public", Value: map[string]any{markKey: want}}
	}
	return ory.JsonPatch{Op: "add", Path: "/metadata_public/" + markKey, Value: want}
}

// decoded gives the projection as it looks when Kratos' answer is decoded, so that the two can be compared.
func (p projection) decoded() (any, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var value any
	err = json.Unmarshal(encoded, &value)
	return value, err
}

// project orders everything by id, so that the same memberships are always the same bytes.
func project(memberships []extension.Membership) projection {
	all := projection{Organisations: make([]publishedOrganisation, 0, len(memberships))}
	for _, m := range memberships {
		one := publishedOrganisation{
			ID: m.Organisation, Slug: m.Slug, User: m.User, Status: m.Status,
			Assignments: make([]publishedAssignment, 0, len(m.Assignments)),
		}
		for _, a := range m.Assignments {
			one.Assignments = append(one.Assignments, publishedAssignment{
				Area: publishedName{ID: string(a.Area.ID), Name: a.Area.Name},
				Role: publishedName{ID: string(a.Role.ID), Name: a.Role.Name},
			})
		}
		slices.SortFunc(one.Assignments, func(a, b publishedAssignment) int {
			return cmp.Or(cmp.Compare(a.Area.ID, b.Area.ID), cmp.Compare(a.Role.ID, b.Role.ID))
		})
		all.Organisations = append(all.Organisations, one)
	}
	slices.SortFunc(all.Organisations, func(a, b publishedOrganisation) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.User, b.User))
	})
	return all
}
