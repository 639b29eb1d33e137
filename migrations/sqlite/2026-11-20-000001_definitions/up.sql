-- Groups, jobs, host groups.
CREATE TABLE IF NOT EXISTS hera_group (
    id INTEGER NOT NULL PRIMARY KEY,
    parent_id BIGINT NULL,
    name TEXT NOT NULL,
    big BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- The latest commit that changed it: other admins read what is newer than they know.
    commit_seq BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS hera_group_parent ON hera_group (parent_id);
CREATE INDEX IF NOT EXISTS hera_group_commit ON hera_group (commit_seq);

CREATE TABLE IF NOT EXISTS hera_group_revision (
    group_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    commit_seq BIGINT NOT NULL,
    PRIMARY KEY (group_id, revision)
);

CREATE TABLE IF NOT EXISTS hera_job (
    id INTEGER NOT NULL PRIMARY KEY,
    group_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    switch TEXT NOT NULL,
    first_opened_at TIMESTAMP NULL,
    opened_at TIMESTAMP NULL,
    eras TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    commit_seq BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS hera_job_group ON hera_job (group_id);
CREATE INDEX IF NOT EXISTS hera_job_name ON hera_job (name);
CREATE INDEX IF NOT EXISTS hera_job_commit ON hera_job (commit_seq);

CREATE TABLE IF NOT EXISTS hera_job_revision (
    job_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content TEXT NOT NULL,
    script TEXT NOT NULL,
    author TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    commit_seq BIGINT NOT NULL,
    PRIMARY KEY (job_id, revision)
);

CREATE TABLE IF NOT EXISTS hera_host_group (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    revision BIGINT NOT NULL,
    effective BOOLEAN NOT NULL,
    everyone BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_host_group_name ON hera_host_group (name);

CREATE TABLE IF NOT EXISTS hera_host_relation (
    host_group_id BIGINT NOT NULL,
    host TEXT NOT NULL,
    PRIMARY KEY (host_group_id, host)
);

CREATE TABLE IF NOT EXISTS hera_area (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    timezone TEXT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_area_name ON hera_area (name);

CREATE TABLE IF NOT EXISTS hera_file (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    parent_id BIGINT NULL,
    name TEXT NOT NULL,
    folder BOOLEAN NOT NULL,
    -- NULL: everybody's.
    owner_id BIGINT NULL,
    content TEXT NULL,
    revision BIGINT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX IF NOT EXISTS hera_file_parent ON hera_file (parent_id);
