DROP TABLE IF EXISTS hera_calendar;
