//! What is said of configs and scripts when they are saved, and what becomes of a run whose
//! script cannot be rendered.

use hera_domain::group::GroupContent;

use super::*;

fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn group(name: &str, parent: i64, big: bool, pairs: &[(&str, &str)]) -> GroupContent {
    GroupContent {
        parent_id: Some(GroupId(parent)),
        name: name.into(),
        big,
        description: String::new(),
        config: config(pairs),
    }
}

/// Field and message of the first thing that was wrong.
fn wrong<T: std::fmt::Debug>(refused: Result<T, CommandError>) -> (String, String) {
    let Err(CommandError::Invalid(errors)) = refused else {
        panic!("expected a refusal by field and got {refused:?}")
    };
    let first = errors.into_iter().next().unwrap();
    (first.field, first.message)
}

/// What becomes of a run with these parameters that nothing can be rendered for.
async fn failed(admin: &Admin, job: JobId, params: &[(&str, &str)]) -> String {
    let run = TriggerRun {
        job,
        trigger: Trigger::Manual,
        version: None,
        business_time: None,
        params: config(params),
        repeats: None,
        idempotency_key: None,
    };
    let run = admin.handle.trigger(&person(), run).await.unwrap().run;
    let view = admin.store.run(run).await.unwrap().unwrap();
    assert_eq!(view.run.status, RunStatus::Failed);
    view.run.reason.unwrap().to_string()
}

#[tokio::test]
async fn a_circle_is_named_with_its_levels_when_it_is_saved() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let save_group = async |id, content| {
        let saved = admin.handle.save_group(&person(), id, None, content).await;
        saved.map(|saved| saved.id)
    };
    let big = group("orders", 1, true, &[("b", "${c}")]);
    let above = save_group(None, big.clone()).await.unwrap();
    let small = group("daily", above.0, false, &[("c", "${a}")]);
    let below = save_group(None, small).await.unwrap();

    let mut content = content("circle", "true", &[]);
    content.group_id = below;
    content.config = config(&[("a", "${b}")]);
    let mut save = SaveJob {
        id: None,
        base_revision: None,
        content,
        comment: String::new(),
    };
    let refused = admin.handle.save_job(&person(), save.clone()).await;
    let circle = format!("a (job) → b (group {above} orders) → c (group {below} daily) → a");
    assert_eq!(
        wrong(refused),
        (
            "config.a".to_owned(),
            format!("these variables name each other: {circle}; give one of them a value")
        )
    );
    save.content.config = config(&[("b", "plain"), ("a", "${b}")]);
    admin.handle.save_job(&person(), save).await.unwrap();

    let mut of_area = big.clone();
    of_area.config = config(&[("all.a", "${b}"), ("b", "${c}")]);
    let (field, _) = wrong(save_group(Some(above), of_area).await);
    assert_eq!(field, "config.all.a", "as it is written");

    let mut closing = big;
    closing.config = config(&[("a", "${b}"), ("b", "${c}")]);
    let (field, message) = wrong(save_group(Some(above), closing).await);
    assert_eq!(field, "config.a");
    assert!(
        message.contains(&format!("c (group {below} daily) → a")),
        "the group below closes it: {message}"
    );
    admin.stop().await;
}

#[tokio::test]
async fn what_is_wrong_in_a_group_s_config_or_in_parameters_is_named_by_its_key() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let bad = group("x", 1, true, &[("dt", "day ${zdt.adDay(1)}")]);
    let saved = admin.handle.save_group(&person(), None, None, bad).await;
    let (field, message) = wrong(saved);
    assert_eq!(field, "config.dt");
    assert!(
        message.starts_with("line 1, column 11: in this ${zdt…}: there is no method \"adDay\""),
        "{message}"
    );
    let id = job(&admin, content("plain", "true", &[])).await;
    let run = TriggerRun {
        job: id,
        trigger: Trigger::Manual,
        version: None,
        business_time: None,
        params: config(&[("limit", "two\nlines")]),
        repeats: None,
        idempotency_key: None,
    };
    let triggered = admin.handle.trigger(&person(), run).await;
    assert_eq!(
        wrong(triggered),
        (
            "params.limit".to_owned(),
            "a value has more than one line; put it on one".to_owned()
        )
    );
    admin.stop().await;
}

#[tokio::test]
async fn a_script_that_cannot_be_rendered_fails_before_anything_is_sent() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let _worker = admin.worker(1, Vec::new()).await;
    let mut bad = content(
        "circle",
        "true\necho ${a} ${zdt.addDay(${n}).getTime()}",
        &[],
    );
    bad.config = config(&[("a", "${b}"), ("b", "1"), ("n", "-1")]);
    let id = job(&admin, bad).await;
    let circle = failed(&admin, id, &[("b", "${a}")]).await;
    assert_eq!(
        circle,
        "the script cannot be rendered: line 2, column 6: these variables name each other: \
         a (job) → b (run) → a; give one of them a value"
    );
    let date = failed(&admin, id, &[("n", "soon")]).await;
    assert!(
        date.contains("line 2, column 24: in the value of \"n\": in this ${zdt…}:"),
        "{date}"
    );
    let file = content("file", "true\ndownload[hdfs:///lib/${n}.py];", &[]);
    let id = job(&admin, file).await;
    assert_eq!(
        failed(&admin, id, &[("n", "a")]).await,
        "line 2, column 1: this release does not fetch files yet: hdfs:///lib/a.py; \
         fetch it in the script itself"
    );
    admin.stop().await;
}

#[tokio::test]
async fn a_run_gets_its_area_s_values_its_parameters_and_its_environment() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start_with(&db.store, |platform| platform.area = "sh".into()).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let script = "${queue} ${day} ${hera.area} ${hera.batch_id} ${zdt.format(\"yyyyMMdd\")}";
    let mut where_it_runs = content("where", script, &[]);
    where_it_runs.schedule.timezone = chrono_tz::Asia::Shanghai;
    where_it_runs.config = config(&[("queue", "slow"), ("sh.queue", "fast"), ("day", "none")]);
    where_it_runs.cron_period = Some("day".into());
    where_it_runs.cron_interval = Some(-1);
    let id = job(&admin, where_it_runs).await;
    let run = TriggerRun {
        job: id,
        trigger: Trigger::Manual,
        version: None,
        // 2026-11-20 03:00 in Shanghai.
        business_time: Some(hera_domain::clock::from_millis(1_795_114_800_000)),
        params: config(&[("day", "friday")]),
        repeats: None,
        idempotency_key: None,
    };
    admin.handle.trigger(&person(), run).await.unwrap();
    let (_, start) = worker.started().await;
    assert_eq!(start.script, "fast friday sh 2026-11-19 20261120");
    for (key, value) in [
        ("HERA_AREA", "sh"),
        ("HERA_BATCH_ID", "2026-11-19"),
        ("HERA_BUSINESS_DATE", "2026-11-20"),
        ("HERA_BUSINESS_TIME", "2026-11-20 03:00:00"),
        ("HERA_JOB_NAME", "where"),
        ("HERA_TRIGGER", "manual"),
        ("HERA_ATTEMPT", "1"),
    ] {
        assert_eq!(start.env[key], value, "{key}");
    }
    assert_eq!(start.env["HERA_JOB_ID"], id.to_string());
    assert_eq!(start.env["HERA_RUN_KEY"], start.env["HERA_VERSION"]);
    admin.stop().await;
}
