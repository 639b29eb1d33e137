-- What the leader decides (versions, runs, alarms), who leads, and what goes with it.
CREATE TABLE IF NOT EXISTS hera_lock (
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

CREATE TABLE IF NOT EXISTS hera_version (
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

CREATE TABLE IF NOT EXISTS hera_run (
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

CREATE TABLE IF NOT EXISTS hera_run_script (
    run_id BIGINT NOT NULL PRIMARY KEY,
    script MEDIUMTEXT NOT NULL,
    config MEDIUMTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The end of a run's log, written by the commit of its final status.
CREATE TABLE IF NOT EXISTS hera_run_tail (
    run_id BIGINT NOT NULL PRIMARY KEY,
    start BIGINT NOT NULL,
    data MEDIUMBLOB NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_worker (
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

CREATE TABLE IF NOT EXISTS hera_alarm (
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

CREATE TABLE IF NOT EXISTS hera_record (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at DATETIME(3) NOT NULL,
    actor VARCHAR(100) NOT NULL,
    action VARCHAR(40) NOT NULL,
    subject VARCHAR(20) NOT NULL,
    subject_id BIGINT NULL,
    detail MEDIUMTEXT NOT NULL,
    KEY hera_record_subject (subject, subject_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_idempotency (
    user_id BIGINT NOT NULL,
    idempotency_key VARCHAR(190) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    made VARCHAR(20) NOT NULL,
    made_id BIGINT NOT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (user_id, idempotency_key),
    KEY hera_idempotency_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_setting (
    name VARCHAR(100) NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
