-- The log of a run: its size, the one gap that is dropped once it grows too long, and its bytes.
CREATE TABLE IF NOT EXISTS hera_run_log (
    run_id BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    dropped_from BIGINT NULL,
    dropped_to BIGINT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hera_run_log_chunk (
    run_id BIGINT NOT NULL,
    start BIGINT NOT NULL,
    data MEDIUMBLOB NOT NULL,
    PRIMARY KEY (run_id, start)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
