-- Named sets of days, by which schedules leave days out or move what is due on them.
CREATE TABLE IF NOT EXISTS hera_calendar (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    revision BIGINT NOT NULL,
    content MEDIUMTEXT NOT NULL,
    author VARCHAR(100) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    commit_seq BIGINT NOT NULL,
    UNIQUE KEY hera_calendar_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
