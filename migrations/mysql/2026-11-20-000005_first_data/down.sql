-- Only the rows that the way up made.
DELETE FROM hera_job_revision WHERE job_id = 1;
DELETE FROM hera_job WHERE id = 1;
DELETE FROM hera_group_revision WHERE group_id IN (1, 2);
DELETE FROM hera_group WHERE id IN (1, 2);
DELETE FROM hera_file WHERE id IN (1, 2);
DELETE FROM hera_host_group WHERE id IN (1, 2);
DELETE FROM hera_area WHERE id = 1;
DELETE FROM hera_user WHERE id = 1;
DELETE FROM hera_team WHERE id = 1;
DELETE FROM hera_lock WHERE id = 1;
