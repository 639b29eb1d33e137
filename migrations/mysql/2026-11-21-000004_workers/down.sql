DROP TABLE IF EXISTS hera_drained_worker;
DROP TABLE IF EXISTS hera_worker_token;
