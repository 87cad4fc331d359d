ALTER TABLE users DROP CONSTRAINT users_organisation_id_invitation_id_fkey;
DROP FUNCTION user_status(timestamptz, timestamptz, timestamptz, timestamptz);
DROP TABLE audit, factors, acceptances, batch_entries, invitations, mail_chunks, batches, assignments, users,
    identities, terms, roles, areas, organisations;
DROP FUNCTION refuse_change();
