//! What cannot be as it was: each defect is named, and what can be saved is.

use hera_domain::status::Switch;

use super::*;

/// Every way in which a job of HERA's may be wrong, and the beginning of what is said of it.
const DEFECTS: [(&str, &str, &str, &str); 24] = [
    (
        "cron_expression",
        "'0 0/0 * * * ?'",
        "Closed",
        "cron_expression: \"0 0/0 * * * ?\" is refused: minutes: a number from 1 to 59 must follow \"/\" (at character 5). HERA's Quartz reads it as \"0 0 * * * ?\"",
    ),
    (
        "cron_expression",
        "'0 3 * * *'",
        "Closed",
        "cron_expression: \"0 3 * * *\" is refused: it has 5 fields",
    ),
    (
        "cron_expression",
        "'@daily'",
        "Closed",
        "cron_expression: \"@daily\" is refused: it has 1 fields",
    ),
    (
        "cron_expression",
        "'0 0 3 * * MON'",
        "Closed",
        "cron_expression: \"0 0 3 * * MON\" is refused: ",
    ),
    (
        "cron_expression",
        "'0 0 8 15W-20W * ?'",
        "Closed",
        "cron_expression: ",
    ),
    (
        "cron_expression",
        "''",
        "Closed",
        "cron_expression: the cron is empty",
    ),
    (
        "cron_expression",
        "NULL",
        "Closed",
        "cron_expression: the cron is empty",
    ),
    (
        "cron_expression",
        "'7,8 0 3 * * ?'",
        "Note",
        "cron_expression: HERA drops the seconds (7,8)",
    ),
    (
        "run_type",
        "'spark2'",
        "Closed",
        "run_type: run_type \"spark2\" is not one of",
    ),
    (
        "script",
        "'echo ${zdt.nothing()}'",
        "Closed",
        "script: script line 1, column 12",
    ),
    (
        "script",
        "'echo ${unknown} ${HOME}'",
        "Note",
        "script: not known here, and left as HERA left it: ${HOME}, ${unknown}",
    ),
    (
        "configs",
        "'{\"a\":'",
        "Closed",
        "configs: the config is no JSON",
    ),
    (
        "configs",
        "'{\"a\":\"${zdt.x()}\"}'",
        "Closed",
        "configs: config.a line 1",
    ),
    (
        "configs",
        "'{\"a\":\"${b}\",\"b\":\"${a}\"}'",
        "Closed",
        "configs: these variables name each other",
    ),
    (
        "configs",
        "'{\"secret.key\":\"q1w2==\"}'",
        "Closed",
        "configs: secret.key is sealed by HERA",
    ),
    (
        "configs",
        "'{\"roll.back.times\":\"many\"}'",
        "Altered",
        "configs: roll.back.times is \"many\"",
    ),
    (
        "resources",
        "'[{\"name\":\"x\"}]'",
        "Closed",
        "resources: resource 1 of the list",
    ),
    (
        "host_group_id",
        "99",
        "Closed",
        "host_group_id: host group 99 is missing",
    ),
    ("area_id", "'1,9'", "Closed", "area_id: there is no area 9"),
    (
        "group_id",
        "999",
        "Closed",
        "group_id: its group is missing",
    ),
    ("owner", "''", "Altered", "owner: its owner \"\" is no team"),
    (
        "estimated_end_hour",
        "1441",
        "Altered",
        "estimated_end_hour: 1441 is no minute",
    ),
    (
        "must_end_minute",
        "9999",
        "Altered",
        "must_end_minute: 9999 minutes are more",
    ),
    (
        "pre_processors",
        "'[{\"id\":\"x\"}]'",
        "Note",
        "pre_processors: HERA does not act on this column",
    ),
];

#[tokio::test]
async fn a_job_that_cannot_run_as_it_was_is_kept_closed_with_its_script() {
    let Some(hera) = hera() else { return };
    for (id, (column, value, ..)) in (100..).zip(DEFECTS) {
        insert_job(&hera, id, &[("auto", "1"), (column, value)]);
    }
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        assert_eq!(report.counts[&Kind::Job].refused, 0);
        for (id, (column, value, severity, text)) in (100..).zip(DEFECTS) {
            let said = about(&report, Kind::Job, id);
            let wanted = format!("{severity} {text}");
            assert!(
                said.iter().any(|line| line.starts_with(&wanted)),
                "{value}: {said:?}"
            );
            let job = job(&target.store, id).await;
            let switch = if severity == "Closed" {
                Switch::Closed
            } else {
                Switch::Open
            };
            assert_eq!(job.def.switch, switch, "{value}: {said:?}");
            if column == "script" {
                assert_eq!(job.content.script, value.trim_matches('\''));
            }
        }
    }
}

#[tokio::test]
async fn dependencies_that_lead_nowhere_or_in_circles_are_left_out_and_named() {
    let Some(hera) = hera() else { return };
    let depends = |id: i64, on: &str| {
        let list = format!("'{on}'");
        insert_job(
            &hera,
            id,
            &[
                ("auto", "1"),
                ("schedule_type", "1"),
                ("dependencies", &list),
            ],
        );
    };
    insert_job(&hera, 200, &[("auto", "1")]);
    insert_job(&hera, 201, &[("is_valid", "0")]);
    depends(202, "200,201");
    depends(203, "200,777");
    depends(204, "205");
    depends(205, "204,200");
    depends(206, "");
    depends(207, "x, 200,200");
    depends(208, "203");
    depends(209, "209");
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        let edges = async |id| -> Vec<i64> {
            let job = job(&target.store, id).await;
            let edges = job.content.schedule.edges;
            edges.iter().map(|edge| edge.upstream.0).collect()
        };
        let said = |id, text: &str| {
            let said = about(&report, Kind::Job, id);
            assert!(
                said.iter().any(|line| line.contains(text)),
                "{id}: {said:?}"
            );
        };
        assert_eq!(edges(202).await, [200]);
        said(202, "depends on 201, which HERA has deleted");
        assert_eq!(edges(203).await, [200]);
        said(203, "depends on 777, which is missing");
        assert_eq!((edges(204).await, edges(205).await), (vec![], vec![200]));
        said(204, "depends on 205 in a circle");
        said(205, "depends on 204 in a circle");
        said(206, "no dependency is left");
        assert_eq!(edges(207).await, [200]);
        said(207, "\"x\" is no job's id");
        said(
            208,
            "cannot be open while 1 of its upstream jobs are closed (203",
        );
        said(209, "depends on 209 in a circle");
        for id in 202..210 {
            assert_eq!(
                job(&target.store, id).await.def.switch,
                Switch::Closed,
                "{id}"
            );
        }
        assert_eq!(report.counts[&Kind::Job].deleted, 1);
    }
}

#[tokio::test]
async fn jobs_below_a_group_that_lost_a_value_wait_until_a_person_sets_it() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "INSERT INTO hera_group (id, name, parent, directory, owner, configs) VALUES \
         (20, 'big', 1, 0, 'hera', '{\"secret.pw\":\"AbCd==\",\"plain\":\"1\"}'), (21, 'small', 20, 1, 'hera', '{}')",
    );
    insert_job(&hera, 300, &[("group_id", "21"), ("auto", "1")]);
    insert_job(&hera, 301, &[("group_id", "20")]);
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        assert!(about(&report, Kind::Group, 20)[0].contains("secret.pw is sealed"));
        assert_eq!(job(&target.store, 300).await.def.switch, Switch::Closed);
        assert!(
            about(&report, Kind::Job, 300)[0]
                .contains("the group big above it: secret.pw is not set")
        );
        let holder = job(&target.store, 301).await.content.group_id;
        assert!(holder.0 > 21, "a small group of its own");
        // A person sets it.
        target.execute(
            "UPDATE hera_group SET revision = 2 WHERE id = 20; \
             INSERT INTO hera_group_revision SELECT group_id, 2, REPLACE(content, '\"plain\":\"1\"', '\"plain\":\"1\",\"secret.pw\":\"x\"'), 'lin', created_at, commit_seq \
             FROM hera_group_revision WHERE group_id = 20",
        );
        hera.execute("UPDATE hera_group SET description = 'new' WHERE id = 20");
        let report = import(&hera, &target.store, options()).await;
        assert_eq!(
            report.counts[&Kind::Group].updated,
            1,
            "a secret set here is no conflict"
        );
        let groups = target.store.peek_snapshot(7).await.unwrap().groups;
        let big = groups.iter().find(|group| group.id.0 == 20).unwrap();
        assert_eq!(big.content.config["secret.pw"], "x");
        assert_eq!(big.content.description, "new");
        assert_eq!(job(&target.store, 300).await.def.switch, Switch::Open);
        hera.execute("UPDATE hera_group SET description = NULL WHERE id = 20");
    }
}

#[tokio::test]
async fn ids_that_are_taken_become_new_ones_and_are_listed() {
    let Some(hera) = hera() else { return };
    insert_job(
        &hera,
        400,
        &[("schedule_type", "1"), ("dependencies", "'1'")],
    );
    for target in targets().await {
        // The example job was tried out: it stays, and so does its group.
        target.execute(
            "INSERT INTO hera_version (id, version, job_id, business_time, due_at, origin, armed, frozen, status, attempts, alarmed, created_at, changed_at) \
             VALUES (1, '202611200000000001', 1, '2026-11-20 00:00:00.000', '2026-11-20 00:00:00.000', 'ad_hoc', FALSE, FALSE, 'success', 1, FALSE, '2026-11-20 00:00:00.000', '2026-11-20 00:00:00.000'); \
             INSERT INTO hera_run (id, version_key, job_id, trigger_type, status, attempt, priority, created_at, unreachable, overdue, fenced) \
             VALUES (1, 1, 1, 'manual', 'success', 1, 1, '2026-11-20 00:00:00.000', FALSE, FALSE, FALSE)",
        );
        let report = import(&hera, &target.store, options()).await;
        let moved: Vec<_> = report
            .renumbered
            .iter()
            .map(|moved| (moved.kind, moved.old, moved.new))
            .collect();
        assert_eq!(moved, [(Kind::Group, 2, 3), (Kind::Job, 1, 401)]);
        assert_eq!(job(&target.store, 1).await.content.group_id.0, 2);
        assert_eq!(job(&target.store, 401).await.content.group_id.0, 3);
        let edges = job(&target.store, 400).await.content.schedule.edges;
        assert_eq!(edges[0].upstream, JobId(401));
    }
}

#[tokio::test]
async fn an_older_hera_without_some_columns_is_read_and_told() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "ALTER TABLE hera_job DROP COLUMN is_valid, DROP COLUMN biz_label, DROP COLUMN estimated_end_hour, \
         DROP COLUMN cron_period, DROP COLUMN cron_interval; \
         DROP TABLE hera_sso; DROP TABLE hera_rerun; DROP TABLE hera_area",
    );
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        let said = about(&report, Kind::Job, 0);
        assert!(
            said.iter().any(|line| line.contains(
                "hera_job has no estimated_end_hour, cron_period, cron_interval, biz_label"
            )),
            "{said:?}"
        );
        assert_eq!(job(&target.store, 1).await.content.areas, ["all"]);
    }
}

#[tokio::test]
async fn files_keep_their_tree_and_what_is_not_read_is_counted() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "INSERT INTO hera_user (id, name, is_effective) VALUES (4, 'dw', 1); \
         INSERT INTO hera_file (id, name, parent, type, owner, content) VALUES \
         (10, '日报.hive', 12, 2, 'dw', 'select 1'), (11, '个人文档', NULL, 1, 'dw', NULL), \
         (12, 'sub', 11, 1, 'dw', NULL), (13, 'lost.sh', 99, 2, 'all', 'echo'), (14, 's.sh', 2, 2, 'all', 'echo s'); \
         INSERT INTO hera_record (type, content) VALUES (1, 'x'), (2, 'y')",
    );
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        let files = target.store.files().await.unwrap();
        let file = |name: &str| files.iter().rfind(|f| f.name == name).unwrap();
        assert_eq!(file("日报.hive").parent, Some(file("sub").id));
        assert_eq!(file("sub").parent, Some(file("个人文档").id));
        assert_eq!(
            file("s.sh").parent,
            Some(2),
            "the shared folder is the one that was here"
        );
        assert_eq!((file("s.sh").owner, file("lost.sh").parent), (None, None));
        let content = target
            .store
            .file_content(file("日报.hive").id)
            .await
            .unwrap();
        assert_eq!(content.as_deref(), Some("select 1"));
        assert!(about(&report, Kind::File, 13)[0].contains("its folder is missing"));
        assert!(about(&report, Kind::Table, 0)[0].contains("not read: 2 of the audit"));
        let counts = report.counts[&Kind::File];
        assert_eq!((counts.read, counts.imported, counts.unchanged), (7, 5, 2));
        let again = import(&hera, &target.store, options()).await;
        assert_eq!(again.counts[&Kind::File].unchanged, 7);
        assert_eq!(target.store.files().await.unwrap(), files);
    }
}
