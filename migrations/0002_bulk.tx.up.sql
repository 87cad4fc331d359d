-- Bulk: batches that can wait, rest and be cancelled, turns between organisations, what the mail provider tells of each
-- message, reminders, corrected addresses.

ALTER TABLE organisations
    ADD COLUMN undo_delay        bigint    NOT NULL DEFAULT 0 CHECK (undo_delay BETWEEN 0 AND 3600),  -- seconds
    ADD COLUMN reminder_days     integer[] NOT NULL DEFAULT '{}' CHECK (cardinality(reminder_days) <= 2),
    ADD COLUMN stop_loss_percent integer   NOT NULL DEFAULT 3 CHECK (stop_loss_percent BETWEEN 0 AND 100), -- 0: never
    ADD COLUMN stop_loss_after   integer   NOT NULL DEFAULT 50 CHECK (stop_loss_after >= 1);

ALTER TABLE batches
    DROP CONSTRAINT batches_kind_check,
    DROP CONSTRAINT batches_check,
    DROP CONSTRAINT batches_check1,
    ADD CONSTRAINT batches_kind_check CHECK (kind IN ('invite', 'resend', 'reminder')),
    -- Rows of a table can name their own area and role, so the batch need not have one.
    ADD CONSTRAINT batches_place_check CHECK (kind = 'invite' OR area_id IS NULL AND role_id IS NULL),
    ADD COLUMN starts_at    timestamptz,                    -- nothing is made or sent before
    ADD COLUMN paused_at    timestamptz,                    -- a setting, not a fact
    ADD COLUMN paused_by    text NOT NULL DEFAULT '',       -- empty: the stop-loss
    ADD COLUMN watched_from timestamptz,                    -- the stop-loss counts messages sent from here on; set by resume
    ADD COLUMN cancelled_at timestamptz,
    ADD COLUMN cancelled_by text NOT NULL DEFAULT '',
    ADD COLUMN rests_until  timestamptz;                    -- after trouble, by this database's clock

UPDATE batches SET starts_at = pressed_at;
ALTER TABLE batches ALTER COLUMN starts_at SET NOT NULL;

-- Whose turn it is: the organisation that was served longest ago goes first, so a batch of five does not wait behind
-- another organisation's fifty thousand.
CREATE TABLE turns (
    organisation_id uuid PRIMARY KEY REFERENCES organisations (id),
    taken_at        timestamptz NOT NULL                    -- by this database's clock
);

ALTER TABLE invitations
    DROP CONSTRAINT invitations_refused_check,
    ADD CONSTRAINT invitations_refused_check CHECK (refused IN
        ('existing_account', 'kratos_refused', 'provider_refused', 'unknown', 'paused', 'superseded', 'cancelled')),
    ADD COLUMN link_id         uuid REFERENCES invitations (id) ON DELETE CASCADE, -- of a reminder: whose link it repeats
    ADD COLUMN reminder        integer,                     -- of a reminder: which of the organisation's, from 1
    ADD COLUMN replaces        uuid,                        -- the user's newest invitation before this one
    ADD COLUMN handed_at       timestamptz,                 -- begun to be handed over by a protocol without memory (SMTP)
    ADD COLUMN delayed_at      timestamptz,
    ADD COLUMN delivery_detail text NOT NULL DEFAULT '',    -- the provider's reason for a delay or a bounce
    ADD CONSTRAINT invitations_reminder_check CHECK ((link_id IS NULL) = (reminder IS NULL)),
    ADD CONSTRAINT invitations_reminder_once UNIQUE (link_id, reminder);

ALTER TABLE users
    ADD COLUMN letter_id     uuid,                          -- the newest message: invitation_id, or a reminder of it
    ADD COLUMN withdrawn_at  timestamptz,                   -- only invitation cancelled before it was sent: not listed
    ADD COLUMN readdress     boolean NOT NULL DEFAULT false, -- the identity must get the corrected address before a letter goes out
    ADD COLUMN suppressed    text CHECK (suppressed IN ('bounced', 'complained')),
    ADD COLUMN suppressed_at timestamptz,
    ADD COLUMN stumbled_at   timestamptz,                   -- the last mistake on the way in
    ADD COLUMN stumbled_step text NOT NULL DEFAULT '',
    ADD COLUMN stumbled_on   text NOT NULL DEFAULT '',
    ADD CONSTRAINT users_suppressed_whole CHECK ((suppressed IS NULL) = (suppressed_at IS NULL));

UPDATE users SET letter_id = invitation_id;

-- What a row of a table said for itself: the choice, and the cells as typed for those that were not understood.
ALTER TABLE batch_entries
    ADD COLUMN area_id   uuid,
    ADD COLUMN role_id   uuid,
    ADD COLUMN area_text text NOT NULL DEFAULT '',
    ADD COLUMN role_text text NOT NULL DEFAULT '';

-- Events of the mail provider that were recorded: the same one may come again.
CREATE TABLE mail_events (
    id          text PRIMARY KEY,
    received_at timestamptz NOT NULL                        -- by this database's clock
);

CREATE INDEX mail_events_received ON mail_events (received_at);

-- How far a message has come; LetterFacts.State says the same in Go, and a test compares them.
CREATE FUNCTION delivery_state(sent timestamptz, delayed timestamptz, delivered timestamptz, bounced timestamptz,
                               complained timestamptz, refused text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN complained IS NOT NULL THEN 'complained'
        WHEN bounced IS NOT NULL THEN 'bounced'
        WHEN delivered IS NOT NULL THEN 'delivered'
        WHEN delayed IS NOT NULL THEN 'delayed'
        WHEN sent IS NOT NULL THEN 'sent'
        WHEN refused IS NOT NULL THEN 'refused'
        ELSE 'waiting'
    END
$$;
