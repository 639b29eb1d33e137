-- A database as HERA 2.4 has it: its tables and columns, written down from what they mean.
CREATE TABLE hera_group (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    description VARCHAR(500) NULL,
    parent INT NULL,
    directory INT NOT NULL,
    owner VARCHAR(255) NULL,
    configs TEXT NULL,
    resources TEXT NULL,
    existed INT NOT NULL DEFAULT 1,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_job (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    auto TINYINT(2) NULL DEFAULT 0,
    is_valid TINYINT(1) NOT NULL DEFAULT 1,
    name VARCHAR(256) NULL,
    description VARCHAR(256) NULL,
    group_id INT NULL,
    owner VARCHAR(256) NULL,
    schedule_type TINYINT(4) NULL,
    cron_expression VARCHAR(32) NULL,
    dependencies VARCHAR(2000) NULL,
    run_type VARCHAR(16) NULL,
    script MEDIUMTEXT NULL,
    configs TEXT NULL,
    resources TEXT NULL,
    host_group_id TINYINT(2) NULL DEFAULT 1,
    `offset` TINYINT(2) NULL,
    must_end_minute INT NULL DEFAULT 0,
    estimated_end_hour INT NULL DEFAULT 0,
    repeat_run TINYINT(2) NOT NULL DEFAULT 0,
    area_id VARCHAR(50) NULL DEFAULT '1',
    cron_period VARCHAR(32) NULL DEFAULT 'other',
    cron_interval INT NULL DEFAULT 0,
    biz_label VARCHAR(500) NULL DEFAULT '',
    cycle VARCHAR(16) NULL,
    pre_processors TEXT NULL,
    post_processors TEXT NULL,
    ready_dependency VARCHAR(16) NULL,
    history_id BIGINT NULL,
    host VARCHAR(32) NULL,
    last_result VARCHAR(16) NULL,
    last_end_time DATETIME NULL,
    start_time DATETIME NULL,
    start_timestamp BIGINT NULL,
    statistic_start_time DATETIME NULL,
    statistic_end_time DATETIME NULL,
    timezone VARCHAR(32) NULL,
    status VARCHAR(16) NULL,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_action (
    id BIGINT NOT NULL PRIMARY KEY,
    job_id BIGINT NULL,
    name VARCHAR(256) NULL,
    status VARCHAR(16) NULL,
    KEY job_id (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_action_history (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    job_id BIGINT NULL,
    action_id BIGINT NULL,
    trigger_type TINYINT(4) NULL,
    status VARCHAR(16) NULL,
    start_time DATETIME NULL,
    end_time DATETIME NULL,
    statistic_end_time DATETIME NULL,
    gmt_create DATETIME NULL,
    execute_host VARCHAR(32) NULL,
    operator VARCHAR(32) NULL,
    illustrate VARCHAR(256) NULL,
    log LONGTEXT NULL,
    properties VARCHAR(6144) NULL,
    host_group_id TINYINT(2) NULL,
    cycle VARCHAR(16) NULL,
    timezone VARCHAR(32) NULL,
    batch_id VARCHAR(32) NULL,
    biz_label VARCHAR(500) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_debug_history (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    file_id BIGINT NULL,
    script MEDIUMTEXT NULL,
    log LONGTEXT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_file (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(128) NOT NULL,
    parent BIGINT NULL,
    type TINYINT(4) NOT NULL,
    owner VARCHAR(32) NOT NULL,
    content MEDIUMTEXT NULL,
    host_group_id TINYINT(2) NULL,
    job_id BIGINT NULL,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_host_group (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(128) NULL,
    description VARCHAR(256) NULL,
    effective TINYINT(1) NULL,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_host_relation (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    host VARCHAR(100) NULL,
    host_group_id INT NULL,
    domain VARCHAR(100) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_area (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(50) NOT NULL,
    timezone VARCHAR(25) NULL,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_user (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(32) NOT NULL,
    password VARCHAR(64) NULL,
    email VARCHAR(128) NULL,
    phone VARCHAR(2000) NULL,
    uid VARCHAR(128) NULL,
    wangwang VARCHAR(32) NULL,
    user_type INT NULL,
    is_effective INT NULL,
    description VARCHAR(256) NULL,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_sso (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(16) NOT NULL UNIQUE,
    password CHAR(32) NULL,
    gid INT NULL,
    email VARCHAR(60) NULL,
    phone CHAR(11) NULL,
    job_number CHAR(5) NULL,
    is_valid TINYINT(1) NULL,
    gmt_modified BIGINT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_permission (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    target_id BIGINT NULL,
    type VARCHAR(32) NULL,
    uid VARCHAR(32) NULL,
    is_valid TINYINT(1) NULL DEFAULT 1,
    gmt_create DATETIME NULL,
    gmt_modified DATETIME NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_job_monitor (
    job_id BIGINT NOT NULL PRIMARY KEY,
    user_ids VARCHAR(100) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_record (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    type INT NULL,
    content MEDIUMTEXT NULL,
    log_type VARCHAR(16) NULL,
    log_id BIGINT NULL,
    sso VARCHAR(32) NULL,
    gid INT NULL,
    gmt_create BIGINT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_rerun (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(64) NULL,
    job_id BIGINT NULL,
    start_millis BIGINT NULL,
    end_millis BIGINT NULL,
    sso_name VARCHAR(32) NULL,
    is_end TINYINT(1) NULL,
    action_now BIGINT NULL,
    extra VARCHAR(1000) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_lock (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    host VARCHAR(32) NULL,
    server_update DATETIME NULL,
    subgroup VARCHAR(32) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE hera_advice (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    msg VARCHAR(256) NULL,
    address VARCHAR(256) NULL,
    color VARCHAR(7) NULL,
    create_time VARCHAR(19) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

-- What HERA itself begins with.
INSERT INTO hera_lock (host, server_update, subgroup) VALUES ('10.0.0.1', '2026-11-20 10:00:00', 'online');
INSERT INTO hera_area (id, name, timezone) VALUES (1, 'all', 'GMT+8:00');
INSERT INTO hera_host_group (id, name, description, effective) VALUES (1, '默认组', '', 1), (2, 'spark组', '', 1);
INSERT INTO hera_user (id, name, password, email, is_effective) VALUES (1, 'hera', 'd3886bd3bcba3d88e2ab14ba8c9326da', 'hera@example.com', 1);
INSERT INTO hera_group (id, name, parent, directory, owner, configs) VALUES
    (1, '赫拉分布式任务调度系统', 0, 0, 'hera', '{"name":"赫拉"}'),
    (2, '测试', 1, 1, 'hera', '{"qqq":"aaaa"}');
INSERT INTO hera_job (id, auto, name, description, group_id, owner, schedule_type, cron_expression, run_type, script, configs, `offset`)
VALUES (1, 0, 'echoTest', '输出测试', 2, 'hera', 0, '0 30 0 * * ?', 'shell', 'echo ${name}\necho "hello world"\n', '{"run.priority.level":"1","roll.back.wait.time":"1","roll.back.times":"0","qqqq":"111111"}', 0);
INSERT INTO hera_file (id, name, parent, type, owner) VALUES (1, '个人文档', NULL, 1, 'hera'), (2, '共享文档', NULL, 1, 'all');
