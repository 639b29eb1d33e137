-- Groups, jobs, host groups. IF NOT EXISTS: MySQL commits every CREATE by itself, so that a
-- migration that was interrupted must be able to run again.
CREATE TABLE IF NOT EXISTS hera_group (
    id BIGINT NOT NULL PRIMARY KEY,
    parent_id BIGINT NULL,
    name VARCHAR(250) NOT NULL,
    big BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    -- The latest commit that changed it: other admins read what is newer than they know.
    commit_seq BIGINT NOT NULL DEFAULT 0,
    KEY hera_group_parent (parent_id),
    KEY hera_group_commit (commit_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_group_revision (
    group_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content MEDIUMTEXT NOT NULL,
    author VARCHAR(100) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL,
    PRIMARY KEY (group_id, revision)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_job (
    id BIGINT NOT NULL PRIMARY KEY,
    group_id BIGINT NOT NULL,
    name VARCHAR(250) NOT NULL,
    owner_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    switch VARCHAR(20) NOT NULL,
    first_opened_at DATETIME(3) NULL,
    opened_at DATETIME(3) NULL,
    eras MEDIUMTEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL DEFAULT 0,
    KEY hera_job_group (group_id),
    KEY hera_job_name (name),
    KEY hera_job_commit (commit_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_job_revision (
    job_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content MEDIUMTEXT NOT NULL,
    script MEDIUMTEXT NOT NULL,
    author VARCHAR(100) NOT NULL,
    comment TEXT NOT NULL,
    created_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL,
    PRIMARY KEY (job_id, revision)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_host_group (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    description VARCHAR(2000) NOT NULL,
    revision BIGINT NOT NULL,
    effective BOOLEAN NOT NULL,
    everyone BOOLEAN NOT NULL,
    UNIQUE KEY hera_host_group_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_host_relation (
    host_group_id BIGINT NOT NULL,
    host VARCHAR(250) NOT NULL,
    PRIMARY KEY (host_group_id, host)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_area (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    timezone VARCHAR(64) NULL,
    UNIQUE KEY hera_area_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_file (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent_id BIGINT NULL,
    name VARCHAR(250) NOT NULL,
    folder BOOLEAN NOT NULL,
    -- NULL: everybody's.
    owner_id BIGINT NULL,
    content MEDIUMTEXT NULL,
    revision BIGINT NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    KEY hera_file_parent (parent_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
