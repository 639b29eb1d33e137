-- The whole schema of hera for MySQL 8 and MariaDB 10.6 or newer, with its first data, for those who
-- create the database by hand:
--   CREATE DATABASE hera CHARACTER SET utf8mb4;
--   mysql hera < hera.sql
-- The program takes such a database for one that it made itself and upgrades it. A test compares this
-- file with the migrations in migrations/mysql.

SET NAMES utf8mb4;

-- Groups, jobs, host groups.
CREATE TABLE hera_group (
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

CREATE TABLE hera_group_revision (
    group_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content MEDIUMTEXT NOT NULL,
    author VARCHAR(100) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL,
    PRIMARY KEY (group_id, revision)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_job (
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

CREATE TABLE hera_job_revision (
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

CREATE TABLE hera_host_group (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    description VARCHAR(2000) NOT NULL,
    revision BIGINT NOT NULL,
    effective BOOLEAN NOT NULL,
    everyone BOOLEAN NOT NULL,
    UNIQUE KEY hera_host_group_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_host_relation (
    host_group_id BIGINT NOT NULL,
    host VARCHAR(250) NOT NULL,
    PRIMARY KEY (host_group_id, host)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Named sets of days, by which schedules leave days out or move what is due on them.
CREATE TABLE hera_calendar (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    revision BIGINT NOT NULL,
    content MEDIUMTEXT NOT NULL,
    author VARCHAR(100) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL,
    UNIQUE KEY hera_calendar_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_area (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    timezone VARCHAR(64) NULL,
    UNIQUE KEY hera_area_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_file (
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

-- Teams, users and what proves who they are.
CREATE TABLE hera_team (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    UNIQUE KEY hera_team_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_user (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    team_id BIGINT NOT NULL,
    role VARCHAR(20) NOT NULL,
    email VARCHAR(250) NULL,
    -- argon2id; NULL: nobody can log in as this user yet.
    password_hash VARCHAR(250) NULL,
    must_change_password BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    created_at DATETIME(3) NOT NULL,
    UNIQUE KEY hera_user_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_session (
    id_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    csrf VARCHAR(100) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    KEY hera_session_user (user_id),
    KEY hera_session_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_token (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT NOT NULL,
    name VARCHAR(100) NOT NULL,
    token_hash VARCHAR(64) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NULL,
    last_used_at DATETIME(3) NULL,
    UNIQUE KEY hera_token_hash (token_hash),
    KEY hera_token_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What the leader decides (versions, runs, alarms), who leads, and what goes with it.
CREATE TABLE hera_lock (
    id BIGINT NOT NULL PRIMARY KEY,
    holder VARCHAR(250) NULL,
    http_address VARCHAR(250) NULL,
    connect_address VARCHAR(250) NULL,
    epoch BIGINT NOT NULL,
    commit_seq BIGINT NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    connection_id BIGINT NULL,
    planned_through DATETIME(3) NULL,
    -- The latest commit that changed a definition.
    definitions_seq BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_version (
    id BIGINT NOT NULL PRIMARY KEY,
    version VARCHAR(64) NOT NULL,
    job_id BIGINT NOT NULL,
    business_time DATETIME(3) NOT NULL,
    due_at DATETIME(3) NOT NULL,
    origin VARCHAR(20) NOT NULL,
    armed BOOLEAN NOT NULL,
    frozen BOOLEAN NOT NULL,
    status VARCHAR(20) NOT NULL,
    reason TEXT NULL,
    last_run_id BIGINT NULL,
    counting_run_id BIGINT NULL,
    attempts INTEGER NOT NULL,
    retry_at DATETIME(3) NULL,
    armed_seq BIGINT NULL,
    succeeded_seq BIGINT NULL,
    alarmed BOOLEAN NOT NULL,
    created_at DATETIME(3) NOT NULL,
    changed_at DATETIME(3) NOT NULL,
    UNIQUE KEY hera_version_version (version),
    UNIQUE KEY hera_version_job_time (job_id, business_time),
    KEY hera_version_status (status),
    KEY hera_version_time (business_time)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_run (
    id BIGINT NOT NULL PRIMARY KEY,
    version_key BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    trigger_type VARCHAR(20) NOT NULL,
    status VARCHAR(20) NOT NULL,
    attempt INTEGER NOT NULL,
    priority SMALLINT NOT NULL,
    host_group_id BIGINT NULL,
    worker_id BIGINT NULL,
    nonce VARCHAR(64) NULL,
    revision BIGINT NULL,
    repeats BIGINT NULL,
    params MEDIUMTEXT NULL,
    operator VARCHAR(100) NULL,
    created_at DATETIME(3) NOT NULL,
    dispatched_at DATETIME(3) NULL,
    started_at DATETIME(3) NULL,
    ended_at DATETIME(3) NULL,
    exit_code INTEGER NULL,
    end_signal INTEGER NULL,
    reason TEXT NULL,
    -- person or system, and which.
    cancelled_by_kind VARCHAR(20) NULL,
    cancelled_by TEXT NULL,
    kill_confirmed BOOLEAN NULL,
    fenced BOOLEAN NOT NULL,
    unreachable BOOLEAN NOT NULL,
    overdue BOOLEAN NOT NULL,
    cpu_ms BIGINT NULL,
    peak_memory_kib BIGINT NULL,
    -- How it ended after it had been given up.
    late_result TEXT NULL,
    KEY hera_run_job (job_id, id),
    KEY hera_run_version (version_key),
    KEY hera_run_status (status, id),
    KEY hera_run_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_run_script (
    run_id BIGINT NOT NULL PRIMARY KEY,
    script MEDIUMTEXT NOT NULL,
    config MEDIUMTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The end of a run's log, written by the commit of its final status.
CREATE TABLE hera_run_tail (
    run_id BIGINT NOT NULL PRIMARY KEY,
    start BIGINT NOT NULL,
    data MEDIUMBLOB NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_worker (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    node_id VARCHAR(64) NOT NULL,
    name VARCHAR(250) NOT NULL,
    address VARCHAR(250) NOT NULL,
    version VARCHAR(64) NOT NULL,
    -- Separated by commas.
    labels VARCHAR(2000) NOT NULL,
    last_seen DATETIME(3) NOT NULL,
    UNIQUE KEY hera_worker_node (node_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_alarm (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    dedupe_key VARCHAR(190) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    job_id BIGINT NULL,
    version_key BIGINT NULL,
    run_id BIGINT NULL,
    text TEXT NOT NULL,
    created_at DATETIME(3) NOT NULL,
    delivered_at DATETIME(3) NULL,
    UNIQUE KEY hera_alarm_dedupe (dedupe_key),
    KEY hera_alarm_delivered (delivered_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_record (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at DATETIME(3) NOT NULL,
    actor VARCHAR(100) NOT NULL,
    action VARCHAR(40) NOT NULL,
    subject VARCHAR(20) NOT NULL,
    subject_id BIGINT NULL,
    detail MEDIUMTEXT NOT NULL,
    KEY hera_record_subject (subject, subject_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_idempotency (
    user_id BIGINT NOT NULL,
    idempotency_key VARCHAR(190) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    made VARCHAR(20) NOT NULL,
    made_id BIGINT NOT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (user_id, idempotency_key),
    KEY hera_idempotency_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_setting (
    name VARCHAR(100) NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The log of a run: its size, the one gap that is dropped once it grows too long, and its bytes.
CREATE TABLE hera_run_log (
    run_id BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    dropped_from BIGINT NULL,
    dropped_to BIGINT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE hera_run_log_chunk (
    run_id BIGINT NOT NULL,
    start BIGINT NOT NULL,
    data MEDIUMBLOB NOT NULL,
    PRIMARY KEY (run_id, start)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The first data of every installation. The password of the user hera is set at the first start.
INSERT INTO hera_lock (id, epoch, commit_seq, expires_at) VALUES (1, 0, 0, '2000-01-01 00:00:00.000');

INSERT INTO hera_team (id, name, created_at) VALUES (1, 'hera', '2000-01-01 00:00:00.000');
INSERT INTO hera_user (id, name, team_id, role, must_change_password, active, created_at)
VALUES (1, 'hera', 1, 'admin', TRUE, TRUE, '2000-01-01 00:00:00.000');

INSERT INTO hera_area (id, name) VALUES (1, 'all');
INSERT INTO hera_host_group (id, name, description, revision, effective, everyone)
VALUES (1, '默认组', '', 1, TRUE, TRUE), (2, 'spark组', '', 1, TRUE, FALSE);
INSERT INTO hera_file (id, name, folder, owner_id, revision, updated_at)
VALUES (1, '个人文档', TRUE, 1, 1, '2000-01-01 00:00:00.000'), (2, '共享文档', TRUE, NULL, 1, '2000-01-01 00:00:00.000');

INSERT INTO hera_group (id, parent_id, name, big, revision, deleted, created_at, updated_at)
VALUES (1, NULL, '赫拉分布式任务调度系统', TRUE, 1, FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000'),
       (2, 1, '测试', FALSE, 1, FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000');
INSERT INTO hera_group_revision (group_id, revision, content, author, created_at, commit_seq)
VALUES (1, 1, '{"parent_id":null,"name":"赫拉分布式任务调度系统","big":true,"description":"","config":{}}', 'hera', '2000-01-01 00:00:00.000', 0),
       (2, 1, '{"parent_id":1,"name":"测试","big":false,"description":"","config":{}}', 'hera', '2000-01-01 00:00:00.000', 0);

INSERT INTO hera_job (id, group_id, name, owner_id, revision, switch, eras, deleted, created_at, updated_at)
VALUES (1, 2, 'echoTest', 1, 1, 'closed', '[{"after":null,"schedule":{"cron":"0 30 0 * * ?","timezone":"UTC","edges":[]}}]', FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000');
INSERT INTO hera_job_revision (job_id, revision, content, script, author, comment, created_at, commit_seq)
VALUES (1, 1, '{"group_id":2,"name":"echoTest","description":"","run_type":"shell","schedule":{"cron":"0 30 0 * * ?","timezone":"UTC","edges":[]},"config":{"name":"hera"},"host_group_id":null,"priority":1,"retry":{"count":0,"wait_minutes":0,"exit_codes":[]},"overlap":"wait","misfire":"run_all","on_lost":"ask","must_end_minutes":null,"kill_on_timeout":false,"expected_end":null,"areas":[],"labels":[],"alarm_level":0,"cron_period":null,"cron_interval":null}', 'echo "hello ${name}, business day ${zdt.format("yyyy-MM-dd")}"\n', 'hera', '', '2000-01-01 00:00:00.000', 0);

-- What an import from HERA made of what it read, so that it can be repeated; and who may edit a
-- job or group besides its owner.
CREATE TABLE hera_import (
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

CREATE TABLE hera_permission (
    -- job or group.
    subject VARCHAR(20) NOT NULL,
    subject_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    PRIMARY KEY (subject, subject_id, team_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The admins of this installation, leading or not, and when each was alive last.
CREATE TABLE hera_admin (
    name VARCHAR(250) NOT NULL PRIMARY KEY,
    http_address VARCHAR(250) NOT NULL,
    connect_address VARCHAR(250) NOT NULL,
    version VARCHAR(64) NOT NULL,
    started_at DATETIME(3) NOT NULL,
    -- By the database's clock.
    seen_at DATETIME(3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What a worker proves itself by: the SHA-256 of the token that it was given when it joined.
CREATE TABLE hera_worker_token (
    worker_id BIGINT NOT NULL PRIMARY KEY,
    hash VARCHAR(64) NOT NULL,
    -- The worker has come with it: from then on nothing else lets it in.
    confirmed BOOLEAN NOT NULL,
    UNIQUE KEY hera_worker_token_hash (hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Workers that get no runs until a person lets them accept again.
CREATE TABLE hera_drained_worker (
    worker_id BIGINT NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What the program's migrations have done here.
CREATE TABLE __diesel_schema_migrations (
    version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO __diesel_schema_migrations (version) VALUES ('20261120000001'), ('20261120000002'), ('20261120000003'), ('20261120000004'), ('20261120000005'), ('20261121000001'), ('20261121000002'), ('20261121000003'), ('20261121000004');
