-- What a worker proves itself by: the SHA-256 of the token that it was given when it joined.
CREATE TABLE IF NOT EXISTS hera_worker_token (
    worker_id BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    -- The worker has come with it: from then on nothing else lets it in.
    confirmed BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS hera_worker_token_hash ON hera_worker_token (hash);

-- Workers that get no runs until a person lets them accept again.
CREATE TABLE IF NOT EXISTS hera_drained_worker (
    worker_id BIGINT NOT NULL PRIMARY KEY
);
