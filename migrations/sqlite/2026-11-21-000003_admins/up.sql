-- The admins of this installation, leading or not, and when each was alive last.
CREATE TABLE IF NOT EXISTS hera_admin (
    name TEXT NOT NULL PRIMARY KEY,
    http_address TEXT NOT NULL,
    connect_address TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    -- By the database's clock.
    seen_at TIMESTAMP NOT NULL
);
