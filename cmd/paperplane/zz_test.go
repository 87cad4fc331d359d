package main

import (
	"net/http"
	"testing"
)

func TestZZ(t *testing.T) {
	s, hooks := behindHooks(t, "")
	ada := s.administrator(t)
	hooks.refuse(http.MethodPost, "/hooks/kratos/report/")
	s.acceptsAtKratos(t, ada, "away@example.com")
	id := s.user(t, "away@example.com").Identity
	s.rows(t, `UPDATE identities SET checked_at = checked_at - interval '2 minutes' WHERE id = $1`, id)
	t.Log(s.server.onboard.Reconcile(t.Context(), 200))
	t.Log(s.status(t, "away@example.com"), s.identity(t, id)["traits"])
	t.Logf("%+v", s.user(t, "away@example.com").Facts)
	t.Log(row[string](t, s, `SELECT row(checked_at, clock_timestamp(), realign_at)::text FROM identities WHERE id = $1`, id))
	t.Log(row[string](t, s, `SELECT coalesce(string_agg(kind || ' ' || state || ' ' || coalesce(errors::text,''), E'\n'), '') FROM river_job WHERE state <> 'completed'`))
}
