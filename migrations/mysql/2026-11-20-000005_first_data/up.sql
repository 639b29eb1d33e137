-- The first data of every installation. The password of the user hera is set at the first start.
INSERT INTO hera_lock (id, epoch, commit_seq, expires_at) VALUES (1, 0, 0, '2000-01-01 00:00:00.000');

INSERT INTO hera_team (id, name, created_at) VALUES (1, 'hera', '2000-01-01 00:00:00.000');
INSERT INTO hera_user (id, name, team_id, role, must_change_password, active, created_at)
VALUES (1, 'hera', 1, 'admin', TRUE, TRUE, '2000-01-01 00:00:00.000');

INSERT INTO hera_area (id, name) VALUES (1, 'all');
INSERT INTO hera_host_group (id, name, description, revision, effective, everyone)
VALUES (1, '默认组', '', 1, TRUE, TRUE), (2, 'spark组', '', 1, TRUE, FALSE);
INSERT INTO hera_file (id, name, folder, owner_id, revision, updated_at)
VALUES (1, '个人文档', TRUE, 1, 1, '2000-01-01 00:00:00.000'), (2, '共享文档', TRUE, NULL, 1, '2000-01-01 00:00:00.000');

INSERT INTO hera_group (id, parent_id, name, big, revision, deleted, created_at, updated_at)
VALUES (1, NULL, '赫拉分布式任务调度系统', TRUE, 1, FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000'),
       (2, 1, '测试', FALSE, 1, FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000');
INSERT INTO hera_group_revision (group_id, revision, content, author, created_at, commit_seq)
VALUES (1, 1, '{"parent_id":null,"name":"赫拉分布式任务调度系统","big":true,"description":"","config":{}}', 'hera', '2000-01-01 00:00:00.000', 0),
       (2, 1, '{"parent_id":1,"name":"测试","big":false,"description":"","config":{}}', 'hera', '2000-01-01 00:00:00.000', 0);

INSERT INTO hera_job (id, group_id, name, owner_id, revision, switch, eras, deleted, created_at, updated_at)
VALUES (1, 2, 'echoTest', 1, 1, 'closed', '[{"after":null,"schedule":{"cron":"0 30 0 * * ?","timezone":"UTC","edges":[]}}]', FALSE, '2000-01-01 00:00:00.000', '2000-01-01 00:00:00.000');
INSERT INTO hera_job_revision (job_id, revision, content, script, author, comment, created_at, commit_seq)
VALUES (1, 1, '{"group_id":2,"name":"echoTest","description":"","run_type":"shell","schedule":{"cron":"0 30 0 * * ?","timezone":"UTC","edges":[]},"config":{"name":"hera"},"host_group_id":null,"priority":1,"retry":{"count":0,"wait_minutes":0,"exit_codes":[]},"overlap":"wait","misfire":"run_all","on_lost":"ask","must_end_minutes":null,"kill_on_timeout":false,"expected_end":null,"areas":[],"labels":[],"alarm_level":0,"cron_period":null,"cron_interval":null}', 'echo "hello ${name}, business day ${zdt.format("yyyy-MM-dd")}"\n', 'hera', '', '2000-01-01 00:00:00.000', 0);
