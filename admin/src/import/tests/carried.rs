//! Every kind of row is carried over, or named.

use hera_domain::id::{GroupId, HostGroupId};
use hera_domain::job::RetryPolicy;
use hera_domain::status::{Overlap, Switch};

use super::*;

#[tokio::test]
async fn a_new_hera_takes_the_place_of_the_first_data_with_its_ids() {
    let Some(hera) = hera() else { return };
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        assert_eq!(report.renumbered, []);
        let state = target.store.peek_snapshot(7).await.unwrap();
        assert_eq!(state.groups.len(), 2);
        assert_eq!(state.groups[0].content.config["name"], "赫拉");
        assert_eq!(state.groups[0].content.parent_id, None);
        assert_eq!(state.groups[1].content.config["qqq"], "aaaa");
        let job = job(&target.store, 1).await;
        assert_eq!(job.content.description, "输出测试");
        assert_eq!(
            (job.content.priority, job.content.retry.wait_minutes),
            (1, 1)
        );
        assert_eq!(
            job.content.config.keys().collect::<Vec<_>>(),
            ["qqqq"],
            "settings of the job are fields now"
        );
        assert_eq!(report.counts[&Kind::Job].imported, 1);
        assert_eq!(report.of(Severity::Closed), 0, "{:?}", report.findings);
    }
}

/// Job 50 with everything set, and what it needs.
fn full_job(hera: &TestDb) {
    hera.execute(
        "INSERT INTO hera_host_group (id, name, effective) VALUES (7, 'gpu', 1); \
         INSERT INTO hera_host_relation (host, host_group_id) VALUES ('10.0.0.7', 7), ('10.0.0.8', 7); \
         INSERT INTO hera_area (id, name) VALUES (2, 'IN'), (3, 'US'); \
         INSERT INTO hera_user (id, name, is_effective) VALUES (4, '数据组', 1); \
         INSERT INTO hera_sso (id, name, gid, email, is_valid) VALUES (11, 'lin', 4, 'lin@example.com', 1), (12, 'wang', 4, NULL, 0); \
         INSERT INTO hera_group (id, name, parent, directory, owner, resources) VALUES \
             (30, '数仓', 1, 0, '数据组', '[{\"name\":\"udf.jar\",\"uri\":\"hdfs:///far/udf.jar\"},{\"name\":\"lib.py\",\"uri\":\"/lib.py\"}]'), \
             (31, '订单', 30, 1, '数据组', NULL); \
         INSERT INTO hera_job_monitor VALUES (50, '11,12,'); \
         INSERT INTO hera_permission (target_id, type, uid) VALUES (50, 'job', 'hera'); \
         UPDATE hera_job SET auto = 1 WHERE id = 1",
    );
    insert_job(
        hera,
        50,
        &[
            ("name", "'订单汇总'"),
            ("group_id", "31"),
            ("owner", "'数据组'"),
            ("auto", "1"),
            ("schedule_type", "1"),
            ("dependencies", "'51,1'"),
            ("run_type", "'hive'"),
            (
                "script",
                "'select * from o where dt=\\'${zdt.addDay(-1).format(\"yyyyMMdd\")}\\''",
            ),
            (
                "configs",
                "'{\"run.priority.level\":\"2\",\"roll.back.times\":\"3\",\"roll.back.wait.time\":\"10\",\"k\":\"v=1\"}'",
            ),
            (
                "resources",
                "'[{\"name\":\"udf.jar\",\"uri\":\"hdfs:///near/udf.jar\"}]'",
            ),
            ("host_group_id", "7"),
            ("offset", "1"),
            ("must_end_minute", "90"),
            ("estimated_end_hour", "510"),
            ("repeat_run", "1"),
            ("area_id", "'1,3'"),
            ("cron_period", "'day'"),
            ("cron_interval", "-1"),
            ("biz_label", "'核心,日报'"),
        ],
    );
    let cron = ("cron_expression", "'30 0/5 8-9 ? * MON-FRI'");
    insert_job(hera, 51, &[("auto", "1"), cron]);
}

#[tokio::test]
async fn every_setting_of_a_job_is_carried_over() {
    let Some(hera) = hera() else { return };
    full_job(&hera);
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        let job = job(&target.store, 50).await;
        let content = &job.content;
        assert_eq!(content.name, "订单汇总");
        assert_eq!(content.group_id, GroupId(31));
        assert_eq!(job.def.switch, Switch::Open);
        let edges = content.schedule.edges.iter();
        let edges: Vec<_> = edges.map(|edge| edge.upstream.0).collect();
        assert_eq!((edges, &content.schedule.cron), (vec![51, 1], &None));
        assert_eq!(content.run_type, "hive");
        assert!(
            content.script.ends_with("(\"yyyyMMdd\")}'"),
            "{}",
            content.script
        );
        let retry = RetryPolicy {
            count: 3,
            wait_minutes: 10,
            exit_codes: Vec::new(),
        };
        assert_eq!((content.priority, &content.retry), (2, &retry));
        assert_eq!(content.config, [("k".to_owned(), "v=1".to_owned())].into());
        let resources: Vec<_> = content.resources.iter().map(|r| r.uri.as_str()).collect();
        let nearest = ["hdfs:///near/udf.jar", "hdfs:///lib.py"];
        assert_eq!(resources, nearest, "one of each name");
        assert_eq!(content.host_group_id, Some(HostGroupId(7)));
        assert_eq!(content.alarm_level, 1);
        assert_eq!(content.must_end_minutes, Some(90));
        assert_eq!(content.expected_end.as_deref(), Some("08:30"));
        assert_eq!(content.overlap, Overlap::Allow);
        assert_eq!(content.areas, ["all", "US"]);
        assert_eq!(content.cron_period.as_deref(), Some("day"));
        assert_eq!(content.cron_interval, Some(-1));
        assert_eq!(content.labels, ["核心", "日报"]);
        let upstream = super::job(&target.store, 51).await;
        let cron = upstream.content.schedule.cron;
        assert_eq!(cron.as_deref(), Some("0 0/5 8-9 ? * MON-FRI"));
        assert!(about(&report, Kind::Job, 51)[0].contains("drops the seconds (30)"));
        assert_eq!(
            report.of(Severity::Refused) + report.of(Severity::Closed),
            0
        );
    }
}

#[tokio::test]
async fn people_host_groups_and_rights_are_carried_over() {
    let Some(hera) = hera() else { return };
    full_job(&hera);
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        let store = &target.store;
        let teams = store.teams().await.unwrap();
        let team = teams.iter().find(|team| team.name == "数据组").unwrap();
        let job = job(store, 50).await;
        assert_eq!(job.def.owner, team.id);
        let user = async |name: &str| store.user_by_name(name.to_owned()).await.unwrap().unwrap();
        let (lin, wang) = (user("lin").await, user("wang").await);
        assert_eq!(job.content.followers, [lin.id, wang.id]);
        assert_eq!(
            (lin.team, lin.active, lin.password_hash),
            (team.id, true, None)
        );
        assert_eq!(lin.email.as_deref(), Some("lin@example.com"));
        assert!(!wang.active);
        assert_eq!(
            user("数据组").await.team,
            team.id,
            "its people log in by it"
        );
        let groups = store.host_groups().await.unwrap();
        let gpu = groups.iter().find(|group| group.name == "gpu").unwrap();
        let hosts = ["10.0.0.7", "10.0.0.8"].map(str::to_owned);
        assert_eq!(gpu.members, hosts.into());
        let editors = store.permissions(Subject::Job, 50).await.unwrap();
        assert_eq!(
            editors,
            [teams.iter().find(|t| t.name == "hera").unwrap().id]
        );
        let editors = store.permissions(Subject::Group, 31).await.unwrap();
        assert_eq!(editors, [team.id]);
        let passwords = about(&report, Kind::User, 0);
        assert!(
            passwords.iter().any(|line| line.contains("md5")),
            "{passwords:?}"
        );
    }
}
