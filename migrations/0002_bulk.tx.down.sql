-- Rows that only the newer schema can hold go: reminders and what was cancelled, and batches without a place.
DROP FUNCTION delivery_state;
DROP TABLE mail_events;

DELETE FROM batch_entries e USING batches b WHERE b.id = e.batch_id AND b.kind = 'reminder';
DELETE FROM invitations WHERE link_id IS NOT NULL;
DELETE FROM mail_chunks c USING batches b WHERE b.id = c.batch_id AND b.kind = 'reminder';
DELETE FROM batches WHERE kind = 'reminder';
UPDATE invitations SET refused = 'superseded' WHERE refused IN ('cancelled', 'suppressed', 'needless');

ALTER TABLE batch_entries DROP COLUMN area_id, DROP COLUMN role_id, DROP COLUMN area_text, DROP COLUMN role_text;

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
    DROP COLUMN link_id, DROP COLUMN reminder, DROP COLUMN replaces, DROP COLUMN handed_at, DROP COLUMN delayed_at,
    DROP COLUMN delivery_detail, DROP COLUMN address,
    DROP CONSTRAINT invitations_refused_check,
    ADD CONSTRAINT invitations_refused_check CHECK (refused IN
        ('existing_account', 'kratos_refused', 'provider_refused', 'unknown', 'paused', 'superseded'));

DROP TABLE turns;

DROP INDEX batches_of_organisation;

-- A batch of a table without a pick gets the place of its first row.
UPDATE batches b SET
    area_id = (SELECT s.area_id FROM assignments s JOIN invitations i ON i.user_id = s.user_id WHERE i.batch_id = b.id ORDER BY i.id LIMIT 1),
    role_id = (SELECT s.role_id FROM assignments s JOIN invitations i ON i.user_id = s.user_id WHERE i.batch_id = b.id ORDER BY i.id LIMIT 1)
 WHERE b.kind = 'invite' AND (b.area_id IS NULL OR b.role_id IS NULL);

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
