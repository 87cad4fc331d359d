-- What only the newer schema can hold goes, or becomes the nearest thing that the older one has.
DROP TABLE declines;
DROP TRIGGER acceptances_all_kept ON acceptances;
DROP TRIGGER acceptances_kept ON acceptances;
DROP TRIGGER acceptances_unchanged ON acceptances;
DROP FUNCTION keep_acceptance;
DROP INDEX acceptances_terms;

-- The older schema ties evidence to the user, so that of deleted users goes: export it first.
DELETE FROM acceptances a WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id);
ALTER TABLE acceptances ADD FOREIGN KEY (organisation_id, user_id) REFERENCES users (organisation_id, id);

DROP TABLE terms_drafts;

-- The older schema has one text a version, so texts of one version in several languages become versions of their own; the
-- current one is then the last language of the last version.
ALTER TABLE terms DROP CONSTRAINT terms_version_once;
ALTER TABLE terms DISABLE TRIGGER terms_immutable;
UPDATE terms t SET version = n.version
  FROM (SELECT id, row_number() OVER (PARTITION BY organisation_id ORDER BY version, language) AS version FROM terms) n
 WHERE n.id = t.id;
ALTER TABLE terms ENABLE TRIGGER terms_immutable;
ALTER TABLE terms DROP COLUMN language, DROP COLUMN grace, ADD UNIQUE (organisation_id, version);

DROP TABLE code_sends;
DROP TABLE proofs;
DELETE FROM factors WHERE kind IN ('sms', 'email');
ALTER TABLE factors DROP COLUMN address;

-- The older program cannot set a second factor up, so it must not demand one.
UPDATE organisations SET two_factor = 'off';
ALTER TABLE organisations
    DROP COLUMN two_factor_ways,
    DROP CONSTRAINT organisations_two_factor_check,
    ADD CONSTRAINT organisations_two_factor_check CHECK (two_factor = 'off');
