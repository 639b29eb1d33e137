DROP TABLE IF EXISTS hera_permission;
DROP TABLE IF EXISTS hera_import;
