DROP TABLE IF EXISTS hera_run_log_chunk;
DROP TABLE IF EXISTS hera_run_log;
