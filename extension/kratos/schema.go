package kratos

import (
	_ "embed"
	"slices"
)

// SchemaID is the id under which Kratos knows the identity schema of everybody who is invited.
const SchemaID = "member"

//go:embed schema/member.schema.json
var memberSchema []byte

// Schema returns the identity schema, a JSON Schema (draft 7) with Ory's extensions. It is settled: what may still be
// changed, and why it is as it is, stands in docs/decisions/0003-identity-schema.md.
func Schema() []byte { return slices.Clone(memberSchema) }
