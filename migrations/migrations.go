// Package migrations holds the SQL of Paperplane's own tables, embedded. The files are applied by extension/postgres,
// in the order of their numbers, each in a transaction (.tx.). Released files never change; a mistake is mended by a
// new file.
package migrations

import "embed"

// Files holds NNNN_name.tx.up.sql and NNNN_name.tx.down.sql.
//
//go:embed *.sql
var Files embed.FS
