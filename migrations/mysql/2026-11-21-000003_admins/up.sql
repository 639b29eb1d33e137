-- The admins of this installation, leading or not, and when each was alive last.
CREATE TABLE IF NOT EXISTS hera_admin (
    name VARCHAR(250) NOT NULL PRIMARY KEY,
    http_address VARCHAR(250) NOT NULL,
    connect_address VARCHAR(250) NOT NULL,
    version VARCHAR(64) NOT NULL,
    started_at DATETIME(3) NOT NULL,
    -- By the database's clock.
    seen_at DATETIME(3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
