-- What a worker proves itself by: the SHA-256 of the token that it was given when it joined.
CREATE TABLE IF NOT EXISTS hera_worker_token (
    worker_id BIGINT NOT NULL PRIMARY KEY,
    hash VARCHAR(64) NOT NULL,
    -- The worker has come with it: from then on nothing else lets it in.
    confirmed BOOLEAN NOT NULL,
    UNIQUE KEY hera_worker_token_hash (hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Workers that get no runs until a person lets them accept again.
CREATE TABLE IF NOT EXISTS hera_drained_worker (
    worker_id BIGINT NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
