-- Named sets of days, by which schedules leave days out or move what is due on them.
CREATE TABLE IF NOT EXISTS hera_calendar (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    content TEXT NOT NULL,
    author TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    commit_seq BIGINT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_calendar_name ON hera_calendar (name);
