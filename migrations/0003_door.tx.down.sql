-- What only the newer schema can hold goes, or becomes the nearest thing that the older one has.
DROP INDEX users_address;

-- The older program would switch accounts that it did not make on and off, and refuse their links. Who has not registered
-- lets go of theirs, and is refused as an existing account when they are invited again.
UPDATE users u SET identity_id = NULL
  FROM identities d WHERE d.id = u.identity_id AND NOT d.created_by_us AND u.registered_at IS NULL AND u.activated_at IS NULL;

DROP TABLE declines;
DROP TRIGGER acceptances_all_kept ON acceptances;
DROP TRIGGER acceptances_kept ON acceptances;
DROP TRIGGER acceptances_unchanged ON acceptances;
DROP FUNCTION keep_acceptance;
DROP INDEX acceptances_terms;

-- The older schema ties evidence to the user, so that of deleted users goes, and that which somebody else had given: export
-- it first.
DELETE FROM acceptances a WHERE a.disowned_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id);
DROP INDEX acceptances_once;
ALTER TABLE acceptances
    DROP COLUMN id,
    DROP COLUMN disowned_at,
    ADD PRIMARY KEY (user_id, terms_id),
    ADD FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id);

DROP TABLE terms_drafts;

-- The older schema has one text a version, so texts of one version in several languages become versions of their own, of
-- which the one in the organisation's language is the last.
ALTER TABLE terms DROP CONSTRAINT terms_version_once;
ALTER TABLE terms DISABLE TRIGGER terms_immutable;
UPDATE terms t SET version = n.version
  FROM (SELECT v.id, row_number() OVER (PARTITION BY v.organisation_id ORDER BY v.version, v.language = o.language, v.language) AS version
          FROM terms v JOIN organisations o ON o.id = v.organisation_id) n
 WHERE n.id = t.id;
ALTER TABLE terms ENABLE TRIGGER terms_immutable;
ALTER TABLE terms DROP COLUMN language, DROP COLUMN grace, DROP COLUMN published_by, ADD UNIQUE (organisation_id, version);

DROP TABLE code_sends;
DROP TABLE code_failures;
DROP TABLE app_codes;
DROP TABLE news;
DROP TABLE settings_openings;
DROP TABLE proofs;
DELETE FROM factors WHERE kind IN ('sms', 'email');
ALTER TABLE factors DROP COLUMN address;

-- The older program cannot set a second factor up, so it must not demand one.
UPDATE organisations SET two_factor = 'off';
ALTER TABLE organisations
    DROP COLUMN two_factor_ways,
    DROP CONSTRAINT organisations_two_factor_check,
    ADD CONSTRAINT organisations_two_factor_check CHECK (two_factor = 'off');
