-- Rows that only the newer schema can hold go, or become the nearest thing that the older one has. Pause, a beginning in
-- the future and the undo delay are unknown there: what still waits is sent as soon as the older program runs, so cancel
-- before what must not be sent.
DROP FUNCTION delivery_state;
DROP TABLE mail_events;

DELETE FROM batch_entries e USING batches b WHERE b.id = e.batch_id AND b.kind = 'reminder';
DELETE FROM invitations WHERE link_id IS NOT NULL;
DELETE FROM mail_chunks c USING batches b WHERE b.id = c.batch_id AND b.kind = 'reminder';
DELETE FROM batches WHERE kind = 'reminder';
UPDATE invitations SET refused = 'superseded' WHERE refused IN ('cancelled', 'suppressed', 'needless');

-- Users who were withdrawn are kept, and so are listed as Pending again: Kratos may have an identity that is marked with
-- their id, and without their row it would look like somebody else's account when they are invited again. They were never
-- written to, so inviting or resending treats them as new.

-- An identity that still has the address from before a correction would never get the new one: a new one is made.
UPDATE users SET identity_id = NULL WHERE readdress;

-- A batch of a table without a pick gets the place of its first row; where no row names one, one of a person in it; where
-- there is none either, the organisation's first area that is open and the role with the least right. Nobody is given
-- anything by it: the older program only shows it.
UPDATE batches b SET area_id = p.area_id, role_id = p.role_id
  FROM batches o CROSS JOIN LATERAL (
    SELECT c.area_id, c.role_id FROM (
        SELECT 1 AS choice, e.position, coalesce(e.area_id, o.area_id) AS area_id, coalesce(e.role_id, o.role_id) AS role_id
          FROM batch_entries e WHERE e.batch_id = o.id
        UNION ALL
        SELECT 2, e.position, s.area_id, s.role_id
          FROM batch_entries e JOIN assignments s ON s.user_id = e.user_id WHERE e.batch_id = o.id
        UNION ALL
        SELECT 3, row_number() OVER (
                      ORDER BY a.archived_at NULLS FIRST, array_position(ARRAY['none', 'inviter', 'administrator'], r.grants), a.name, r.name), a.id, r.id
          FROM areas a JOIN roles r ON r.organisation_id = a.organisation_id WHERE a.organisation_id = o.organisation_id) AS c
     WHERE c.area_id IS NOT NULL AND c.role_id IS NOT NULL
     ORDER BY c.choice, c.position, c.area_id, c.role_id LIMIT 1) AS p
 WHERE b.id = o.id AND b.kind = 'invite' AND (b.area_id IS NULL OR b.role_id IS NULL);

-- What deleting invitations has left to be checked is checked now: a table with pending checks cannot be altered.
SET CONSTRAINTS ALL IMMEDIATE;

ALTER TABLE batch_entries DROP COLUMN area_id, DROP COLUMN role_id, DROP COLUMN area_text, DROP COLUMN role_text,
    DROP COLUMN placed;

DROP INDEX users_on_the_way;
ALTER TABLE users
    DROP COLUMN letter_id, DROP COLUMN withdrawn_at, DROP COLUMN readdress, DROP COLUMN suppressed, DROP COLUMN suppressed_at,
    DROP COLUMN stumbled_at, DROP COLUMN stumbled_step, DROP COLUMN stumbled_on;

DROP INDEX invitations_work, invitations_chunk;
ALTER TABLE invitations DROP COLUMN seq, DROP COLUMN stage;
CREATE INDEX invitations_batch ON invitations (batch_id, id);
CREATE INDEX invitations_waiting ON invitations (batch_id) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE INDEX invitations_chunk ON invitations (chunk_id);

ALTER TABLE invitations
    DROP COLUMN link_id, DROP COLUMN reminder, DROP COLUMN replaces, DROP COLUMN handed_at, DROP COLUMN put_off_at,
    DROP COLUMN not_before, DROP COLUMN delayed_at, DROP COLUMN delivery_detail, DROP COLUMN address,
    DROP CONSTRAINT invitations_refused_check,
    ADD CONSTRAINT invitations_refused_check CHECK (refused IN
        ('existing_account', 'kratos_refused', 'provider_refused', 'unknown', 'paused', 'superseded'));

DROP TABLE turns;

DROP INDEX batches_of_organisation;

ALTER TABLE batches
    DROP COLUMN starts_at, DROP COLUMN paused_at, DROP COLUMN paused_by, DROP COLUMN watched_from, DROP COLUMN cancelled_at,
    DROP COLUMN cancelled_by, DROP COLUMN rests_until, DROP COLUMN taken_at, DROP COLUMN from_seq,
    DROP CONSTRAINT batches_place_check,
    DROP CONSTRAINT batches_kind_check,
    ADD CONSTRAINT batches_kind_check CHECK (kind IN ('invite', 'resend')),
    ADD CONSTRAINT batches_check CHECK ((kind = 'invite') = (area_id IS NOT NULL)),
    ADD CONSTRAINT batches_check1 CHECK ((kind = 'invite') = (role_id IS NOT NULL));

ALTER TABLE organisations
    DROP COLUMN undo_delay, DROP COLUMN reminder_days, DROP COLUMN stop_loss_percent, DROP COLUMN stop_loss_after;
