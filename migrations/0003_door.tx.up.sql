-- The door: second factors, terms in several languages with drafts and evidence that outlives the user, accounts that
-- others made, sessions that were confirmed.

-- Where codes went when sms or email was proven: a number that has changed since proves nothing.
ALTER TABLE factors ADD COLUMN address text NOT NULL DEFAULT '';

-- Sessions of Kratos that we have witnessed being confirmed with a second factor. Kratos' own assurance level is not
-- enough: it rises before a guard is asked, and by any code that reaches any address.
CREATE TABLE proofs (
    session_id  uuid NOT NULL,                        -- Kratos'
    identity_id uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('totp', 'webauthn', 'sms', 'email', 'lookup_secret')),
    proven_at   timestamptz NOT NULL,
    PRIMARY KEY (session_id, kind)
);

CREATE INDEX proofs_identity ON proofs (identity_id);
CREATE INDEX proofs_proven ON proofs (proven_at);

-- Settings that Kratos opened for sessions without a factor. Such a form belongs to the identity and outlives its session:
-- while it lasts, it shows recovery codes to whoever has the password, and Kratos asks nobody.
CREATE TABLE settings_openings (
    identity_id uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    session_id  uuid NOT NULL,                        -- Kratos'; all zeros when it was not told
    opened_at   timestamptz NOT NULL,                 -- the last time, by this database's clock
    PRIMARY KEY (identity_id, session_id)
);

CREATE INDEX settings_openings_opened ON settings_openings (opened_at);

-- Messages with codes that Kratos was asked to send, for the pause between two and the most within an hour.
CREATE TABLE code_sends (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('sms', 'email', 'recovery', 'verification')),
    sent_at     timestamptz NOT NULL                  -- by this database's clock
);

CREATE INDEX code_sends_identity ON code_sends (identity_id, kind, sent_at);
CREATE INDEX code_sends_sent ON code_sends (sent_at);

-- Wrong codes by one way that somebody typed since the last right one, and within the way's present window: Kratos counts
-- none of an app's and none of the recovery codes.
CREATE TABLE code_failures (
    identity_id  uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('totp', 'webauthn', 'sms', 'email', 'lookup_secret')),
    in_a_row     integer NOT NULL,
    window_began timestamptz NOT NULL,                -- by this database's clock
    in_window    integer NOT NULL,
    PRIMARY KEY (identity_id, kind)
);

-- Codes of authenticator apps that Kratos has taken, or is being shown, for as long as each can be right: it would take one
-- twice (RFC 6238 section 5.2).
CREATE TABLE app_codes (
    identity_id uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    hash        text NOT NULL,                        -- keyed; empty for a code that Kratos took without our seeing it
    ticket      text NOT NULL,                        -- of the attempt
    taken       boolean NOT NULL,                     -- false while Kratos is being asked
    at          timestamptz NOT NULL,                 -- by this database's clock
    PRIMARY KEY (identity_id, hash)
);

CREATE INDEX app_codes_at ON app_codes (at);

-- What the owner of an account is to be told by e-mail: written with the change itself, and sent by a job.
CREATE TABLE news (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('added', 'removed', 'reset', 'mobile_freed', 'password', 'sign_ins', 'recovered')),
    factor      text NOT NULL CHECK (factor IN ('', 'totp', 'webauthn', 'sms', 'email', 'lookup_secret')),
    address     text NOT NULL,                        -- where codes of it went, or the number that was freed
    happened_at timestamptz NOT NULL,
    report      text UNIQUE,                          -- of one that Kratos reports, which may come again, or that is announced
    letter      uuid,                                 -- that tells it, with all that had happened when it was first tried
    tried_at    timestamptz,                          -- the first time; by this database's clock, like the next two
    try_at      timestamptz NOT NULL,
    done_at     timestamptz                           -- sent, given up, or not true
);

CREATE INDEX news_identity ON news (identity_id);
CREATE INDEX news_try ON news (try_at) WHERE done_at IS NULL;
CREATE INDEX news_letter ON news (letter) WHERE done_at IS NULL;
CREATE INDEX news_done ON news (done_at);

ALTER TABLE terms
    DROP CONSTRAINT terms_organisation_id_version_key,
    ADD COLUMN language     text NOT NULL DEFAULT 'en' CHECK (length(language) BETWEEN 2 AND 35),
    ADD COLUMN grace        bigint NOT NULL DEFAULT 0 CHECK (grace BETWEEN 0 AND 7776000), -- seconds: up to 90 days
    ADD COLUMN published_by text NOT NULL DEFAULT '',
    ADD CONSTRAINT terms_version_once UNIQUE (organisation_id, version, language);

-- Texts from before were written in the organisation's language, and the audit knows who published them.
ALTER TABLE terms DISABLE TRIGGER terms_immutable;
UPDATE terms t SET
       language = CASE WHEN length(o.language) BETWEEN 2 AND 35 THEN o.language ELSE 'en' END,
       published_by = coalesce((
           SELECT a.actor_name FROM audit a
            WHERE a.organisation_id = t.organisation_id AND a.action = 'terms.published' AND a.detail LIKE '%' || t.sha256
            ORDER BY a.id DESC LIMIT 1), '')
  FROM organisations o WHERE o.id = t.organisation_id;
ALTER TABLE terms ENABLE TRIGGER terms_immutable;

-- Texts that are still being written. Publishing makes all of an organisation's the next version.
CREATE TABLE terms_drafts (
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    language        text NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    title           text NOT NULL,
    body            text NOT NULL,
    updated_at      timestamptz NOT NULL,
    updated_by      text NOT NULL,
    PRIMARY KEY (organisation_id, language)
);

-- Evidence outlives the user: without the user's row, its id is a pseudonym. Nothing of it changes but two moments, each
-- set once: when Kratos confirmed it, and when the user's address was corrected, because it was somebody else then who
-- had accepted. That evidence stays, and the user can accept the same version for themselves.
ALTER TABLE acceptances
    DROP CONSTRAINT acceptances_organisation_id_user_id_fkey,
    DROP CONSTRAINT acceptances_pkey,
    ADD COLUMN disowned_at timestamptz,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

CREATE UNIQUE INDEX acceptances_once ON acceptances (user_id, terms_id) WHERE disowned_at IS NULL;

CREATE FUNCTION keep_acceptance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.terms_id, NEW.organisation_id, NEW.accepted_at, NEW.ip, NEW.user_agent)
     = (OLD.id, OLD.user_id, OLD.terms_id, OLD.organisation_id, OLD.accepted_at, OLD.ip, OLD.user_agent)
       AND (OLD.confirmed_at IS NULL OR NEW.confirmed_at = OLD.confirmed_at)
       AND (OLD.disowned_at IS NULL OR NEW.disowned_at = OLD.disowned_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'acceptances is append-only';
END
$$;

CREATE TRIGGER acceptances_unchanged BEFORE UPDATE ON acceptances
    FOR EACH ROW EXECUTE FUNCTION keep_acceptance();
CREATE TRIGGER acceptances_kept BEFORE DELETE ON acceptances
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER acceptances_all_kept BEFORE TRUNCATE ON acceptances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE INDEX acceptances_terms ON acceptances (terms_id, id);

-- Who has said no to a version, the last time that they did.
CREATE TABLE declines (
    user_id         uuid NOT NULL,
    terms_id        uuid NOT NULL,
    organisation_id uuid NOT NULL,
    declined_at     timestamptz NOT NULL,
    PRIMARY KEY (user_id, terms_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, terms_id) REFERENCES terms (organisation_id, id)
);

-- Who gets a message that Kratos asks us to send: addresses are unique within an organisation only.
CREATE INDEX users_address ON users (address_key);

-- Last, because every request reads the organisation: until the transaction ends, they all wait for this lock.
ALTER TABLE organisations
    DROP CONSTRAINT organisations_two_factor_check,
    ADD CONSTRAINT organisations_two_factor_check CHECK (two_factor IN ('off', 'required')),
    ADD COLUMN two_factor_ways text[] NOT NULL DEFAULT '{totp,sms,email}'
        CHECK (cardinality(two_factor_ways) > 0 AND two_factor_ways <@ '{totp,sms,email}');
