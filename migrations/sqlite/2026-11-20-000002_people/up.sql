-- Teams, users and what proves who they are.
CREATE TABLE IF NOT EXISTS hera_team (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_team_name ON hera_team (name);

CREATE TABLE IF NOT EXISTS hera_user (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    team_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    email TEXT NULL,
    -- argon2id; NULL: nobody can log in as this user yet.
    password_hash TEXT NULL,
    must_change_password BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_user_name ON hera_user (name);

CREATE TABLE IF NOT EXISTS hera_session (
    id_hash TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    csrf TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX IF NOT EXISTS hera_session_user ON hera_session (user_id);
CREATE INDEX IF NOT EXISTS hera_session_expiry ON hera_session (expires_at);

CREATE TABLE IF NOT EXISTS hera_token (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NULL,
    last_used_at TIMESTAMP NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_token_hash ON hera_token (token_hash);
CREATE INDEX IF NOT EXISTS hera_token_user ON hera_token (user_id);
