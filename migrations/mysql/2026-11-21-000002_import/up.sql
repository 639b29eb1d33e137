-- What an import from HERA made of what it read, so that it can be repeated; and who may edit a
-- job or group besides its owner.
CREATE TABLE IF NOT EXISTS hera_import (
    -- Which HERA: host:port/database, or a name.
    source VARCHAR(190) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    old_id BIGINT NOT NULL,
    new_id BIGINT NOT NULL,
    -- Of what was written.
    fingerprint VARCHAR(64) NOT NULL,
    -- The revision that was written, of things that have revisions.
    revision BIGINT NULL,
    PRIMARY KEY (source, kind, old_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_permission (
    -- job or group.
    subject VARCHAR(20) NOT NULL,
    subject_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    PRIMARY KEY (subject, subject_id, team_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
