-- The foundation: organisations, users, batches, invitations, terms, identities, audit.
-- Facts are nullable times that are set once; a user's status is computed by user_status and never stored.
-- Every row of an organisation carries its id, and foreign keys are made over (organisation_id, id), so that no row
-- can point into another organisation.

CREATE TABLE organisations (
    id            uuid PRIMARY KEY,
    slug          text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- Demanding a second factor is refused until Paperplane can set one up.
    two_factor    text NOT NULL DEFAULT 'off' CHECK (two_factor = 'off'),
    link_lifetime bigint NOT NULL CHECK (link_lifetime BETWEEN 3600 AND 2592000), -- seconds: one hour to 30 days
    language      text NOT NULL DEFAULT 'en',
    region        text NOT NULL DEFAULT '' CHECK (region ~ '^([A-Z]{2})?$'),
    reply_to      text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL
);

CREATE TABLE areas (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    archived_at     timestamptz,
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, name)
);

CREATE TABLE roles (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    grants          text NOT NULL CHECK (grants IN ('none', 'inviter', 'administrator')), -- "right" is reserved in SQL
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, name)
);

CREATE TABLE terms (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    version         integer NOT NULL CHECK (version > 0),
    title           text NOT NULL,
    body            text NOT NULL,
    sha256          text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    published_at    timestamptz NOT NULL,
    UNIQUE (organisation_id, id),
    UNIQUE (organisation_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER terms_immutable BEFORE UPDATE OR DELETE ON terms
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER terms_kept BEFORE TRUNCATE ON terms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row for every Kratos identity that a user is linked to: the per-identity lock and what we did to its state.
CREATE TABLE identities (
    id               uuid PRIMARY KEY,                -- Kratos' id
    created_by_us    boolean NOT NULL,
    left_inactive_at timestamptz,                     -- we made or left it inactive; null: its state is not our doing
    checked_at       timestamptz NOT NULL,            -- when Kratos was last asked for facts that a report may have lost
    realign_at       timestamptz,                     -- when state and metadata must be compared with Kratos again
    realign_asked    bigint NOT NULL DEFAULT 0        -- counts the requests, so that one made meanwhile is not lost
);

CREATE INDEX identities_realign ON identities (realign_at) WHERE realign_at IS NOT NULL;

CREATE TABLE users (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    address         text NOT NULL,
    address_key     text NOT NULL COLLATE "C",
    first_name      text NOT NULL DEFAULT '',
    last_name       text NOT NULL DEFAULT '',
    mobile          text NOT NULL DEFAULT '',
    identity_id     uuid REFERENCES identities (id),
    invitation_id   uuid,                             -- the newest one; see the foreign key below
    invited_at      timestamptz NOT NULL,
    started_at      timestamptz,
    registered_at   timestamptz,
    activated_at    timestamptz,
    paused_at       timestamptz,                      -- a setting, not a fact: set by pause, cleared by resume
    UNIQUE (organisation_id, address_key),
    UNIQUE (organisation_id, id)
);

CREATE INDEX users_identity ON users (identity_id);
CREATE INDEX users_unfinished ON users (identity_id) WHERE started_at IS NOT NULL AND activated_at IS NULL;
CREATE INDEX identities_checked ON identities (checked_at);

CREATE TABLE assignments (
    organisation_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    area_id         uuid NOT NULL,
    role_id         uuid NOT NULL,
    PRIMARY KEY (user_id, area_id, role_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, area_id) REFERENCES areas (organisation_id, id),
    FOREIGN KEY (organisation_id, role_id) REFERENCES roles (organisation_id, id)
);

CREATE INDEX assignments_area ON assignments (area_id, user_id);

CREATE TABLE batches (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    kind            text NOT NULL CHECK (kind IN ('invite', 'resend')),
    area_id         uuid,
    role_id         uuid,
    actor_user_id   uuid,
    actor_name      text NOT NULL,
    pressed_at      timestamptz NOT NULL,
    recognised      integer NOT NULL,                 -- distinct addresses in the paste
    duplicates      integer NOT NULL,                 -- pieces that repeat one of them
    finished_at     timestamptz,
    trouble         text NOT NULL DEFAULT '',         -- what holds it up now, in one sentence
    UNIQUE (organisation_id, id),
    CHECK ((kind = 'invite') = (area_id IS NOT NULL)),
    CHECK ((kind = 'invite') = (role_id IS NOT NULL)),
    FOREIGN KEY (organisation_id, area_id) REFERENCES areas (organisation_id, id),
    FOREIGN KEY (organisation_id, role_id) REFERENCES roles (organisation_id, id)
);

CREATE INDEX batches_unfinished ON batches (pressed_at) WHERE finished_at IS NULL;

-- One call to the mail provider, written down before its first call. Ages are told by this database's clock and are
-- never compared with the application's.
CREATE TABLE mail_chunks (
    id              uuid PRIMARY KEY,                 -- the idempotency key
    organisation_id uuid NOT NULL,
    batch_id        uuid NOT NULL,
    key_id          text NOT NULL,
    letter          jsonb NOT NULL,
    first_called_at timestamptz NOT NULL,
    calls_in_doubt  integer NOT NULL,                 -- calls made of which nobody knows whether they were obeyed
    leased_until    timestamptz NOT NULL,
    settled_at      timestamptz,
    FOREIGN KEY (organisation_id, batch_id) REFERENCES batches (organisation_id, id)
);

CREATE INDEX mail_chunks_open ON mail_chunks (batch_id) WHERE settled_at IS NULL;

CREATE TABLE invitations (
    id              uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    batch_id        uuid NOT NULL,
    area_names      text NOT NULL,                    -- as the letter says them: names may change later
    role_names      text NOT NULL,
    chunk_id        uuid REFERENCES mail_chunks (id),
    leased_until    timestamptz,                      -- of provisioning, by this database's clock
    expires_at      timestamptz,                      -- fixed when its chunk is written, then never moved
    revoked_at      timestamptz,
    sent_at         timestamptz,
    message_id      text,                             -- the provider's
    opened_at       timestamptz,
    started_at      timestamptz,                      -- by this link; a newer invitation ends what was begun by it
    delivered_at    timestamptz,
    bounced_at      timestamptz,
    complained_at   timestamptz,
    refused_at      timestamptz,
    refused         text CHECK (refused IN ('existing_account', 'kratos_refused', 'provider_refused', 'unknown', 'paused', 'superseded')),
    refused_detail  text NOT NULL DEFAULT '',
    UNIQUE (organisation_id, id),
    CHECK ((refused_at IS NULL) = (refused IS NULL)),
    CHECK (sent_at IS NULL OR refused_at IS NULL),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, batch_id) REFERENCES batches (organisation_id, id)
);

CREATE INDEX invitations_user ON invitations (user_id);
CREATE INDEX invitations_chunk ON invitations (chunk_id);
CREATE INDEX invitations_batch ON invitations (batch_id, id);
CREATE INDEX invitations_waiting ON invitations (batch_id) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE UNIQUE INDEX invitations_message ON invitations (message_id) WHERE message_id IS NOT NULL;

ALTER TABLE users ADD FOREIGN KEY (organisation_id, invitation_id)
    REFERENCES invitations (organisation_id, id) DEFERRABLE INITIALLY DEFERRED;

-- What became of every piece of a batch's input, in the order of the input.
CREATE TABLE batch_entries (
    batch_id        uuid NOT NULL,
    position        integer NOT NULL,
    organisation_id uuid NOT NULL,
    text            text NOT NULL,
    address         text NOT NULL,
    outcome         text NOT NULL,
    reason          text NOT NULL DEFAULT '',
    user_id         uuid,
    invitation_id   uuid,
    PRIMARY KEY (batch_id, position),
    FOREIGN KEY (organisation_id, batch_id) REFERENCES batches (organisation_id, id) ON DELETE CASCADE
);

-- Evidence. The row is written when the invitee presses Accept; confirmed_at when Kratos has taken it.
CREATE TABLE acceptances (
    user_id         uuid NOT NULL,
    terms_id        uuid NOT NULL,
    organisation_id uuid NOT NULL,
    accepted_at     timestamptz NOT NULL,
    ip              text NOT NULL,
    user_agent      text NOT NULL,
    confirmed_at    timestamptz,
    PRIMARY KEY (user_id, terms_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id),
    FOREIGN KEY (organisation_id, terms_id) REFERENCES terms (organisation_id, id)
);

-- A proven second factor protects itself: the guards refuse its change below aal2.
CREATE TABLE factors (
    identity_id uuid NOT NULL REFERENCES identities (id),
    kind        text NOT NULL CHECK (kind IN ('totp', 'webauthn', 'sms', 'email')),
    proven_at   timestamptz NOT NULL,
    PRIMARY KEY (identity_id, kind)
);

CREATE TABLE audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    actor_user_id   uuid,
    actor_name      text NOT NULL,
    action          text NOT NULL,
    user_id         uuid,
    detail          text NOT NULL DEFAULT ''
);

CREATE INDEX audit_organisation ON audit (organisation_id, id);
CREATE INDEX audit_user ON audit (user_id, id) WHERE user_id IS NOT NULL;

CREATE TRIGGER audit_immutable BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The status of a user at a given moment; Facts.Status says the same in Go, and a test compares them.
CREATE FUNCTION user_status(paused timestamptz, activated timestamptz, expires timestamptz, at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN paused IS NOT NULL THEN 'Inactive'
        WHEN activated IS NOT NULL THEN 'Active'
        WHEN expires IS NOT NULL AND at >= expires THEN 'Expired'
        ELSE 'Pending'
    END
$$;
