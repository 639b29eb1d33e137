DROP TABLE IF EXISTS hera_file;
DROP TABLE IF EXISTS hera_area;
DROP TABLE IF EXISTS hera_host_relation;
DROP TABLE IF EXISTS hera_host_group;
DROP TABLE IF EXISTS hera_job_revision;
DROP TABLE IF EXISTS hera_job;
DROP TABLE IF EXISTS hera_group_revision;
DROP TABLE IF EXISTS hera_group;
