-- What the leader decides (versions, runs, alarms), who leads, and what goes with it.
CREATE TABLE IF NOT EXISTS hera_lock (
    id INTEGER NOT NULL PRIMARY KEY,
    holder TEXT NULL,
    http_address TEXT NULL,
    connect_address TEXT NULL,
    epoch BIGINT NOT NULL,
    commit_seq BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    connection_id BIGINT NULL,
    planned_through TIMESTAMP NULL,
    -- The latest commit that changed a definition.
    definitions_seq BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS hera_version (
    id INTEGER NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    business_time TIMESTAMP NOT NULL,
    due_at TIMESTAMP NOT NULL,
    origin TEXT NOT NULL,
    armed BOOLEAN NOT NULL,
    frozen BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NULL,
    last_run_id BIGINT NULL,
    counting_run_id BIGINT NULL,
    attempts INTEGER NOT NULL,
    retry_at TIMESTAMP NULL,
    armed_seq BIGINT NULL,
    succeeded_seq BIGINT NULL,
    alarmed BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_version_version ON hera_version (version);
CREATE UNIQUE INDEX IF NOT EXISTS hera_version_job_time ON hera_version (job_id, business_time);
CREATE INDEX IF NOT EXISTS hera_version_status ON hera_version (status);
CREATE INDEX IF NOT EXISTS hera_version_time ON hera_version (business_time);

CREATE TABLE IF NOT EXISTS hera_run (
    id INTEGER NOT NULL PRIMARY KEY,
    version_key BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    trigger_type TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    priority SMALLINT NOT NULL,
    host_group_id BIGINT NULL,
    worker_id BIGINT NULL,
    nonce TEXT NULL,
    revision BIGINT NULL,
    repeats BIGINT NULL,
    params TEXT NULL,
    operator TEXT NULL,
    created_at TIMESTAMP NOT NULL,
    dispatched_at TIMESTAMP NULL,
    started_at TIMESTAMP NULL,
    ended_at TIMESTAMP NULL,
    exit_code INTEGER NULL,
    end_signal INTEGER NULL,
    reason TEXT NULL,
    -- person or system, and which.
    cancelled_by_kind TEXT NULL,
    cancelled_by TEXT NULL,
    kill_confirmed BOOLEAN NULL,
    fenced BOOLEAN NOT NULL,
    unreachable BOOLEAN NOT NULL,
    overdue BOOLEAN NOT NULL,
    cpu_ms BIGINT NULL,
    peak_memory_kib BIGINT NULL,
    -- How it ended after it had been given up.
    late_result TEXT NULL
);
CREATE INDEX IF NOT EXISTS hera_run_job ON hera_run (job_id, id);
CREATE INDEX IF NOT EXISTS hera_run_version ON hera_run (version_key);
CREATE INDEX IF NOT EXISTS hera_run_status ON hera_run (status, id);
CREATE INDEX IF NOT EXISTS hera_run_created ON hera_run (created_at);

CREATE TABLE IF NOT EXISTS hera_run_script (
    run_id INTEGER NOT NULL PRIMARY KEY,
    script TEXT NOT NULL,
    config TEXT NOT NULL
);

-- The end of a run's log, written by the commit of its final status.
CREATE TABLE IF NOT EXISTS hera_run_tail (
    run_id INTEGER NOT NULL PRIMARY KEY,
    start BIGINT NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS hera_worker (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    node_id TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    -- Separated by commas.
    labels TEXT NOT NULL,
    last_seen TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_worker_node ON hera_worker (node_id);

CREATE TABLE IF NOT EXISTS hera_alarm (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    dedupe_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    job_id BIGINT NULL,
    version_key BIGINT NULL,
    run_id BIGINT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    delivered_at TIMESTAMP NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_alarm_dedupe ON hera_alarm (dedupe_key);
CREATE INDEX IF NOT EXISTS hera_alarm_delivered ON hera_alarm (delivered_at);

CREATE TABLE IF NOT EXISTS hera_record (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    created_at TIMESTAMP NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id BIGINT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS hera_record_subject ON hera_record (subject, subject_id);

CREATE TABLE IF NOT EXISTS hera_idempotency (
    user_id BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    made TEXT NOT NULL,
    made_id BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX IF NOT EXISTS hera_idempotency_created ON hera_idempotency (created_at);

CREATE TABLE IF NOT EXISTS hera_setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
