DROP TABLE IF EXISTS logs.hera_run_log_chunk;
DROP TABLE IF EXISTS logs.hera_run_log;
