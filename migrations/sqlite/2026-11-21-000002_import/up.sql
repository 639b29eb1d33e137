-- What an import from HERA made of what it read, so that it can be repeated; and who may edit a
-- job or group besides its owner.
CREATE TABLE IF NOT EXISTS hera_import (
    -- Which HERA: host:port/database, or a name.
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    old_id BIGINT NOT NULL,
    new_id BIGINT NOT NULL,
    -- Of what was written.
    fingerprint TEXT NOT NULL,
    -- The revision that was written, of things that have revisions.
    revision BIGINT NULL,
    PRIMARY KEY (source, kind, old_id)
);

CREATE TABLE IF NOT EXISTS hera_permission (
    -- job or group.
    subject TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    PRIMARY KEY (subject, subject_id, team_id)
);
