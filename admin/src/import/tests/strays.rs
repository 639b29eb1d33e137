//! Rows that lead nowhere, hold nothing, or are written in another charset.

use super::*;

/// Rows that lead nowhere, and what is said of them.
const STRAYS: [(Kind, i64, &str); 16] = [
    (Kind::Team, 3, "Altered name: another group account"),
    (Kind::Team, 4, "Refused name: a name has 1 to 64"),
    (Kind::User, 1, "Refused gid: belongs to group account 77"),
    (
        Kind::User,
        2,
        "Refused name: a user of this name is in another team",
    ),
    (
        Kind::User,
        3,
        "Note name: a user of this name is in the same team",
    ),
    (
        Kind::HostGroup,
        3,
        "Altered name: another host group has this name",
    ),
    (Kind::HostGroup, 4, "Refused name: "),
    (
        Kind::Host,
        1,
        "Refused host_group_id: host group 42 is missing",
    ),
    (Kind::Host, 2, "Refused host: "),
    (Kind::Area, 2, "Refused name: "),
    (Kind::Follower, 1, "Altered user_ids: person 9 is missing"),
    (Kind::Follower, 1, "Altered user_ids: person x is missing"),
    (
        Kind::Follower,
        555,
        "Refused job_id: follows a job that is missing",
    ),
    (Kind::Permission, 2, "Refused target_id: job 888 is missing"),
    (
        Kind::Permission,
        3,
        "Refused uid: \"ghost\" is no group account",
    ),
    (
        Kind::Permission,
        4,
        "Refused type: \"x\" is neither job nor group",
    ),
];

#[tokio::test]
async fn people_places_and_rights_that_lead_nowhere_are_named() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "INSERT INTO hera_user (id, name, is_effective) VALUES (2, 'dw', 1), (3, 'dw', 1), (4, ' ', 1); \
         INSERT INTO hera_sso (id, name, gid, is_valid) VALUES \
             (1, 'lost', 77, 1), (2, 'hera', 2, 1), (3, 'dw', 2, 1), (4, 'lin', 2, 1); \
         INSERT INTO hera_host_group (id, name, effective) VALUES (3, '默认组', 1), (4, '', 1); \
         INSERT INTO hera_host_relation (id, host, host_group_id) VALUES (1, 'h1', 42), (2, '', 1), (3, 'h3', 1); \
         INSERT INTO hera_area (id, name) VALUES (2, ''); \
         INSERT INTO hera_job_monitor VALUES (1, '4,9,x,4,'), (555, '4,'); \
         INSERT INTO hera_permission (id, target_id, type, uid, is_valid) VALUES \
             (1, 1, 'job', 'dw', 1), (2, 888, 'job', 'dw', 1), (3, 1, 'job', 'ghost', 1), (4, 1, 'x', 'dw', 1), \
             (5, 2, 'group', 'dw', 1), (6, 1, 'job', 'hera', 0)",
    );
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        for (kind, id, text) in STRAYS {
            let said = about(&report, kind, id);
            assert!(
                said.iter().any(|line| line.starts_with(text)),
                "{text}: {said:?}"
            );
        }
        let refused = report.of(Severity::Refused);
        let rows = STRAYS
            .iter()
            .filter(|(.., text)| text.starts_with("Refused"));
        assert_eq!(refused, rows.count(), "{:?}", report.findings);
        let followers = job(&target.store, 1).await.content.followers;
        assert_eq!(followers.len(), 1, "each person once");
        for (subject, id) in [(Subject::Job, 1), (Subject::Group, 2)] {
            let teams = target.store.permissions(subject, id).await.unwrap();
            let dw = target.store.teams().await.unwrap();
            let dw = dw.iter().find(|team| team.name == "dw").unwrap().id;
            assert!(teams.contains(&dw), "{teams:?}");
        }
    }
}

#[tokio::test]
async fn two_of_one_name_are_both_there_and_named() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "INSERT INTO hera_group (id, name, parent, directory, owner) VALUES (3, '测试', 1, 1, 'hera')",
    );
    insert_job(&hera, 60, &[("name", "'twin'")]);
    insert_job(&hera, 61, &[("name", "' twin '")]);
    insert_job(&hera, 62, &[("name", "'twin'"), ("group_id", "3")]);
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        assert_eq!(report.counts[&Kind::Job].imported, 4);
        let said = |kind, id| about(&report, kind, id);
        assert_eq!(
            said(Kind::Job, 61),
            ["Note name: job 60 of its group has this name too"]
        );
        assert_eq!(
            said(Kind::Group, 3),
            ["Note name: group 2 beside it has this name too"]
        );
        assert_eq!((said(Kind::Job, 60), said(Kind::Job, 62)), (vec![], vec![]));
    }
}

/// Every column of every table that may hold nothing holds nothing.
fn nothing(hera: &TestDb) {
    for (table, given, values) in [
        ("hera_group", "id, name, directory", "20, '', 0"),
        (
            "hera_job",
            "id, auto, area_id, host_group_id",
            "70, NULL, NULL, NULL",
        ),
        ("hera_job", "id, schedule_type, run_type", "71, 1, ''"),
        ("hera_host_group", "id", "9"),
        ("hera_host_relation", "id", "9"),
        ("hera_user", "id, name", "9, 'nobody'"),
        ("hera_sso", "id, name", "9, 'nobody'"),
        ("hera_permission", "id", "9"),
        ("hera_job_monitor", "job_id", "70"),
        ("hera_area", "id, name", "9, 'nowhere'"),
        ("hera_file", "id, name, type, owner", "9, '', 2, ''"),
        ("hera_action_history", "id", "9"),
    ] {
        hera.execute(&format!("INSERT INTO {table} ({given}) VALUES ({values})"));
    }
}

#[tokio::test]
async fn columns_that_hold_nothing_stop_nothing() {
    let Some(hera) = hera() else { return };
    nothing(&hera);
    for target in targets().await {
        let with_history = Options {
            with_history: true,
            ..options()
        };
        let report = import(&hera, &target.store, with_history.clone()).await;
        let job = job(&target.store, 70).await;
        assert_eq!(job.content.name, "job 70");
        assert_eq!(
            (job.content.host_group_id, job.content.alarm_level),
            (None, 2)
        );
        assert!(job.content.areas.is_empty() && job.content.script.is_empty());
        for (kind, id, text) in [
            (Kind::Job, 70, "Closed cron_expression: the cron is empty"),
            (Kind::Job, 71, "Closed dependencies: no dependency is left"),
            (Kind::Job, 71, "Closed run_type: "),
            (Kind::Group, 20, "Altered name: the name is blank"),
            (Kind::User, 9, "Refused gid: belongs to group account 0"),
            (Kind::File, 9, "Altered name: the name is blank"),
            (Kind::Run, 0, "Refused : 1 runs are left out: "),
        ] {
            let said = about(&report, kind, id);
            assert!(
                said.iter().any(|line| line.starts_with(text)),
                "{text}: {said:?}"
            );
        }
        let again = import(&hera, &target.store, with_history).await;
        let new = again.counts.values().map(|c| c.imported + c.updated);
        assert_eq!(new.sum::<u64>(), 0, "{:?}", again.counts);
    }
}

#[tokio::test]
async fn texts_of_any_charset_are_read() {
    let Some(hera) = hera() else { return };
    hera.execute(
        "ALTER TABLE hera_job CONVERT TO CHARACTER SET gbk; \
         ALTER TABLE hera_group CONVERT TO CHARACTER SET utf8mb4; \
         ALTER TABLE hera_host_relation CONVERT TO CHARACTER SET latin1; \
         UPDATE hera_group SET description = '🚀 发射' WHERE id = 2; \
         INSERT INTO hera_host_relation (host, host_group_id) VALUES ('café', 2)",
    );
    insert_job(
        &hera,
        60,
        &[("name", "'汇总'"), ("script", "'echo \"中文，“引号”\"'")],
    );
    for target in targets().await {
        import(&hera, &target.store, options()).await;
        let job = job(&target.store, 60).await;
        assert_eq!(job.content.name, "汇总");
        assert_eq!(job.content.script, "echo \"中文，“引号”\"");
        let groups = target.store.peek_snapshot(7).await.unwrap().groups;
        assert_eq!(groups[1].content.description, "🚀 发射");
        let hosts = target.store.host_groups().await.unwrap();
        let spark = hosts.iter().find(|group| group.name == "spark组").unwrap();
        assert!(spark.members.contains("café"), "{:?}", spark.members);
    }
}

#[tokio::test]
async fn a_server_in_another_zone_is_no_small_print() {
    let Some(hera) = hera() else { return };
    let target = TestDb::sqlite().await;
    for (timezone, severity) in [(Tz::Asia__Shanghai, "Note"), (Tz::UTC, "Altered")] {
        let dry = Options {
            dry_run: true,
            timezone,
            ..options()
        };
        let report = import(&hera, &target.store, dry).await;
        let said = about(&report, Kind::Job, 0);
        let text = format!("{severity} cron_expression: HERA's crons mean the clock of its server");
        assert!(said[0].starts_with(&text), "{said:?}");
        let says = said[0].contains("hera_area says GMT+8:00");
        assert_eq!(says, severity == "Altered", "{said:?}");
    }
}
