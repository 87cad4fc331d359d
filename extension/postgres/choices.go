package postgres

import (
	"context"

	"paperplane/extension"
)

// Choices lists the areas and roles of an organisation by name.
func (db *DB) Choices(ctx context.Context, organisation extension.OrganisationID) (extension.Choices, error) {
	var areas []struct {
		ID       extension.AreaID
		Name     string
		Archived bool
	}
	err := db.bun.NewRaw(`SELECT id, name, archived_at IS NOT NULL AS archived FROM areas WHERE organisation_id = ? ORDER BY name`, organisation).
		Scan(ctx, &areas)
	if err != nil {
		return extension.Choices{}, kind(err)
	}
	var roles []struct {
		ID     extension.RoleID
		Name   string
		Grants extension.Right
	}
	err = db.bun.NewRaw(`SELECT id, name, grants FROM roles WHERE organisation_id = ? ORDER BY name`, organisation).Scan(ctx, &roles)
	if err != nil {
		return extension.Choices{}, kind(err)
	}
	var choices extension.Choices
	for _, a := range areas {
		choices.Areas = append(choices.Areas, extension.ServiceArea{ID: a.ID, Name: a.Name, Archived: a.Archived})
	}
	for _, r := range roles {
		choices.Roles = append(choices.Roles, extension.Role{ID: r.ID, Name: r.Name, Right: r.Grants})
	}
	return choices, nil
}
