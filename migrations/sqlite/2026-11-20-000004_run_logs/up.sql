-- In a file of its own, attached as logs while migrations run, so that writing logs never
-- holds up a commit. The log of a run: its size, the one gap that is dropped once it grows too long, and its bytes.
CREATE TABLE IF NOT EXISTS logs.hera_run_log (
    run_id INTEGER NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    dropped_from BIGINT NULL,
    dropped_to BIGINT NULL
);

CREATE TABLE IF NOT EXISTS logs.hera_run_log_chunk (
    run_id BIGINT NOT NULL,
    start BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run_id, start)
);
