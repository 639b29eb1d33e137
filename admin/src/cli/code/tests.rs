//! Files against an admin that is made up: what is said of them, and that nothing is lost on the
//! way from the admin into files and back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono_tz::Tz;
use hera_domain::calendar::{CalendarRule, DayRule};
use hera_domain::check::ContentLimits;
use hera_domain::clock::from_millis;
use hera_domain::cron::Validity;
use hera_domain::id::{GroupId, HostGroupId, JobId, UserId};
use hera_domain::job::{Edge, JobContent, Resource, RetryPolicy, Schedule};
use hera_domain::status::{Misfire, OnLost, Overlap, Policy, Window};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::matched::Matched;
use super::secrets::Secrets;
use super::there::There;
use super::{calendars, documents, export, files, wanted};
use crate::web::shown_content;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// An admin with the groups `/dw` and `/dw/ods` and these jobs in the latter.
fn there(jobs: Vec<Value>) -> There {
    let groups = vec![
        json!({"id": 1, "parent_id": null, "name": "all", "kind": "big", "config": {}}),
        json!({"id": 2, "parent_id": 1, "name": "dw", "kind": "big", "config": {}}),
        json!({"id": 3, "parent_id": 2, "name": "ods", "kind": "small", "config": {}}),
    ];
    There::of(Tz::UTC, groups, jobs).unwrap()
}

fn named(id: i64, name: &str) -> Value {
    json!({"id": id, "group_id": 3, "name": name, "switch": "open", "schedule": {}})
}

const DW: (&str, &str) = ("dw/group.yml", "name: dw\nkind: big\n");
const ODS: (&str, &str) = ("dw/ods/group.yml", "name: ods\nkind: small\n");

/// All that is wrong with files, in an admin with the jobs `x` (7) and twice `twin`.
fn errors(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let told = wrong(folder.path());
    let path = folder.path().display().to_string();
    told.replace(&format!("{path}/"), "").replace(&path, "DIR")
}

fn wrong(folder: &Path) -> String {
    let files = match files::read(folder) {
        Ok(files) => files,
        Err(error) => return error.to_string(),
    };
    let mut there_jobs = vec![named(7, "x"), named(8, "twin")];
    there_jobs.push(json!({"id": 9, "group_id": 4, "name": "twin", "schedule": {}}));
    let groups = vec![
        json!({"id": 1, "parent_id": null, "name": "all"}),
        json!({"id": 3, "parent_id": 1, "name": "ods", "kind": "small"}),
        json!({"id": 4, "parent_id": 1, "name": "dwd", "kind": "small"}),
    ];
    let there = There::of(Tz::UTC, groups, there_jobs).unwrap();
    let matched = match Matched::new(&files, &there) {
        Ok(matched) => matched,
        Err(error) => return error.to_string(),
    };
    let secrets = Secrets::default();
    let mut wrong = Vec::new();
    for (index, file) in files.jobs.iter().enumerate() {
        match wanted::job(file, matched.homes[index], &matched, &secrets) {
            Ok(wanted) => {
                wrong.extend(wanted.missing(None, &format!("job {}", file.path), &file.source));
            }
            Err(found) => wrong.extend(found),
        }
    }
    wrong.join("\n")
}

/// A job's file with these lines more.
fn job(lines: &str) -> String {
    format!("name: a\nrun_type: shell\n{lines}")
}

#[test]
fn what_is_wrong_with_a_job_is_told_with_file_and_line() {
    let manual = "schedule: {kind: manual}\n";
    let told = |lines: &str| errors(&[DW, ODS, ("dw/ods/a.yml", &job(lines))]);
    assert_eq!(told(manual), "");
    let all = [
            "schedule:\n  kind: cron\n  cron: 0 0 25 * * ?\n".to_owned(),
            "schedule:\n  kind: dependent\n  dependencies:\n    - job: nowhere\n    - job: twin\n    - window: nearest\n".to_owned(),
            "schedule:\n  kind: dependent\n  dependencies:\n    - job: nowhere\n    - job: twin\n    - job: /dwd/nowhere\n    - job: x\n    - job: /ods/x\n".to_owned(),
            format!("{manual}colour: red\n"),
            format!("{manual}id: 7\n"),
            format!("{manual}retries: many\n"),
            format!("{manual}open: maybe\n"),
            format!("{manual}open: true\ninvalid: true\n"),
            format!("{manual}script: ''\nscript_file: a.sh\n"),
            format!("{manual}script_file: a.sh\n"),
            format!("{manual}script_file: ../../../../etc/passwd\n"),
            format!("{manual}config: [a]\n"),
            format!("{manual}config:\n  a: 1\n  b:\n"),
            format!("{manual}config:\n  a: 1\n  a b: 2\n"),
            format!("{manual}config:\n  secret.a: '******'\n"),
            format!("{manual}config:\n  a: {{secret: NAME}}\n"),
            format!("{manual}config:\n  secret.a: {{secret: NAME_OF_NOTHING}}\n"),
            format!("{manual}config:\n  secret.a: {{env: NAME}}\n"),
            format!("{manual}was: x\n"),
            format!("{manual}name: b\n"),
            "".to_owned(),
        ].map(|lines| told(&lines)).join("
");
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_wrong_with_groups_is_told_with_file_and_line() {
    let job = job("schedule: {kind: manual}\n");
    let all = [
        errors(&[]),
        errors(&[("a.yml", &job)]),
        errors(&[("group.yml", "kind: small\n"), ("a.yml", &job)]),
        errors(&[("group.yml", "name: g\nkind: middle\n")]),
        errors(&[("group.yml", "name: g\ncolour: red\n")]),
        errors(&[("group.yml", "name: g\nparent: /nowhere\n")]),
        errors(&[("group.yml", "name: g\nparent: ods\n")]),
        errors(&[DW, ("dw/ods/group.yml", "name: ods\nkind: root\n")]),
        errors(&[DW, ODS, ("dw/ods/a.yml", &job), ("dw/ods/b.yml", &job)]),
        errors(&[DW, ODS, ("dw/other/group.yml", "name: ods\n")]),
        errors(&[("group.yml", "name: g\nconfig: {a: [}\n")]),
    ]
    .join(
        "
",
    );
    insta::assert_snapshot!(all);
}

#[test]
fn text_that_is_not_utf8_is_named_by_line() {
    let folder = folder(&[DW, ODS]);
    std::fs::write(
        folder.path().join("dw/ods/a.yml"),
        b"name: a\nrun_type: \xff\n",
    )
    .unwrap();
    let error = files::read(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("a.yml:2: the text is not UTF-8"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_is_no_endless_tree() {
    let folder = folder(&[DW, ODS]);
    std::os::unix::fs::symlink("..", folder.path().join("dw/loop")).unwrap();
    let error = files::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("remove the link"), "{error}");
}

#[test]
fn names_in_files_come_before_those_in_the_admin() {
    let job = "name: after\nrun_type: shell\nschedule:\n  kind: dependent\n  dependencies:\n    - job: x\n    - job: /dw/ods/y\n";
    let folder = folder(&[
        ("group.yml", "name: new\nkind: small\n"),
        ("after.yml", job),
        (
            "x.yml",
            "name: x\nrun_type: shell\nschedule: {kind: manual}\n",
        ),
    ]);
    let files = files::read(folder.path()).unwrap();
    let there = there(vec![named(7, "x"), named(8, "y")]);
    let matched = Matched::new(&files, &there).unwrap();
    let wanted = wanted::job(
        &files.jobs[0],
        matched.homes[0],
        &matched,
        &Secrets::default(),
    );
    let body = wanted.unwrap().body;
    let upstream = |index: usize| body["schedule"]["dependencies"][index]["job_id"].as_i64();
    assert_eq!(
        upstream(0),
        Some(matched.jobs[1]),
        "the one that is yet to be made"
    );
    assert_eq!(upstream(1), Some(8));
}

#[test]
fn what_was_elsewhere_is_still_the_same_job() {
    let moved = |was: &str| {
        let job = format!("name: new\nwas: {was}\nrun_type: shell\nschedule: {{kind: manual}}\n");
        let folder = folder(&[
            ("dw/group.yml", "name: warehouse\nkind: big\nwas: /dw\n"),
            ODS,
            ("dw/ods/new.yml", &job),
        ]);
        let files = files::read(folder.path()).unwrap();
        let there = there(vec![named(7, "x")]);
        let matched = Matched::new(&files, &there).unwrap();
        (matched.groups.clone(), matched.jobs[0])
    };
    assert_eq!(moved("/dw/ods/x"), (vec![2, 3], 7));
    assert_eq!(moved("/dw/ods/gone").1, -1, "made anew");
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z名][a-zA-Z0-9_名 ./\\\\:#'\"-]{0,20}[a-z]",
        "(con|CON|group|nul|null|true|1|~|\\.git|a\\.yml|-|0x1F|---|\\*)",
        "[^\\p{Cc}]{1,30}".prop_filter("blank", |name| !name.trim().is_empty()),
    ]
}

fn scripts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\\p{Cc}$]{0,60}",
        "([ \t]{0,2}(echo|---|#|:|\\||>|名|- a|\"|')?[ \t]{0,2}(\n|\r\n|\r|\u{85}|\u{2028})?){0,8}",
    ]
}

prop_compose! {
    fn contents()(
        name in names(),
        description in "[^\\p{Cc}]{0,20}|([a-z :#-]{0,4}(\n|\r\n|\t)){0,6}",
        run_type in prop::sample::select(vec!["shell", "python", "spark", "yml", "我的", "HQL"]),
        script in scripts(),
        config in prop::collection::btree_map(
            "(secret\\.)?[a-z名][a-z.:'\"\\[\\]#&*!|>%@`-]{0,8}[a-z]",
            "[^\\p{Cc}$]{0,12}|[ \t]{0,2}|yes|null|0|1\\.0|[\\[{*&!|>'\"%@`]x",
            0..5,
        ),
        edges in prop::collection::btree_map(7i64..10, (Just(Window::Nearest), prop::sample::select(vec![Policy::Success, Policy::Finished, Policy::Optional])), 0..3),
        cron in prop::option::of(prop::sample::select(vec!["0 0 6 * * ?", "@daily", "0 0 8 LW * ?"])),
        zone in prop::sample::select(vec![Tz::UTC, Tz::Asia__Shanghai, Tz::America__St_Johns]),
        validity in prop::option::of((0i64..2_000_000_000_000, 1i64..1_000_000_000_000)),
        numbers in (1u8..=5, 0u32..=10, 0u32..=1440, prop::option::of(1u32..=720), 0u8..=2, prop::option::of(-9i32..9)),
        words in prop::collection::vec(names(), 0..3),
        followers in prop::collection::vec(1i64..99, 0..3),
        more in (any::<bool>(), prop::option::of("[012][0-3]:[0-5][0-9]"), prop::option::of(1i64..9), prop::option::of(names())),
        codes in prop::collection::vec(1i32..=255, 0..3),
        policies in (
            prop::sample::select(vec![Overlap::Allow, Overlap::Wait, Overlap::Skip, Overlap::CancelPrevious]),
            prop::sample::select(vec![Misfire::RunAll, Misfire::RunLatest, Misfire::Skip]),
            prop::sample::select(vec![OnLost::Ask, OnLost::Rerun]),
        ),
    ) -> JobContent {
        let (kill_on_timeout, expected_end, host_group, pool) = more;
        let (overlap, misfire, on_lost) = policies;
        JobContent {
            group_id: GroupId(3),
            name, description, run_type: run_type.to_owned(), script, config,
            schedule: Schedule {
                cron: cron.map(str::to_owned),
                timezone: zone,
                edges: edges.into_iter().map(|(id, (window, policy))| Edge { upstream: JobId(id), window, policy }).collect(),
                validity: Validity {
                    from: validity.map(|(from, _)| from_millis(from)),
                    until: validity.map(|(from, lasts)| from_millis(from + lasts)),
            },
                calendar: (numbers.0 > 3).then(|| CalendarRule {
                    name: "工作日: 2026".to_owned(),
                    rule: DayRule::Next,
                }),
            },
            host_group_id: host_group.map(HostGroupId),
            priority: numbers.0,
            retry: RetryPolicy { count: numbers.1, wait_minutes: numbers.2, exit_codes: codes },
            overlap, misfire, on_lost,
            must_end_minutes: numbers.3,
            kill_on_timeout,
            expected_end,
            areas: words.clone(),
            labels: words.clone(),
            alarm_level: numbers.4,
            cron_period: numbers.5.map(|_| "day".to_owned()),
            cron_interval: numbers.5,
            followers: followers.into_iter().map(UserId).collect(),
            resources: words.into_iter().map(|name| Resource { name: name.replace('/', "_"), uri: "hdfs:///a b".to_owned() }).collect(),
            pool,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_job_written_and_read_is_what_it_was(content in contents()) {
        let wrong = content.check(&ContentLimits {
            run_types: [content.run_type.clone()].into(),
            ..ContentLimits::default()
        });
        prop_assume!(wrong.is_empty());
        let view = shown_content(&content);
        let mut whole = view.clone();
        whole["id"] = 20.into();
        whole["switch"] = "open".into();
        let neighbours = vec![named(7, "up"), named(8, "a/b"), named(9, "/odd"), whole.clone()];
        let there = there(neighbours);
        let folder = tempfile::tempdir().unwrap();
        let wholes = [(7, named(7, "up")), (8, named(8, "a/b")), (9, named(9, "/odd")), (20, whole)];
        let write = || {
            let written = export::files(folder.path(), &there, 1, &wholes.clone().into(), &Default::default()).unwrap();
            export::write(folder.path(), &written, &Default::default()).unwrap();
            written
        };
        let first = write();
        prop_assert_eq!(&first, &write(), "once more, beside what it wrote");

        let files = files::read(folder.path()).unwrap();
        let matched = Matched::new(&files, &there).unwrap();
        let index = matched.jobs.iter().position(|job| *job == 20).expect("the job is found again");
        let read = wanted::job(&files.jobs[index], matched.homes[index], &matched, &Secrets::default());
        let read = read.map_err(|wrong| TestCaseError::fail(format!("{wrong:?}\n{first:#?}")))?;
        prop_assert_eq!(read.body, view, "{:#?}", first);
    }
}

#[test]
fn a_group_may_be_named_like_the_folder_of_the_calendars() {
    let groups = vec![
        json!({"id": 1, "parent_id": null, "name": "all", "kind": "big", "config": {}}),
        json!({"id": 2, "parent_id": 1, "name": "calendars", "kind": "small", "config": {}}),
    ];
    let mut there = There::of(Tz::UTC, groups, vec![]).unwrap();
    let calendar =
        |name: &str| json!({"id": 1, "revision": 1, "name": name, "weekdays": ["monday"]});
    let all = ["group", "Days", "days", "a/b"].map(calendar);
    there.calendars = calendars::there(all.into()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let none = BTreeMap::new();
        let written = export::files(folder.path(), &there, 1, &none, &BTreeSet::new()).unwrap();
        export::write(folder.path(), &written, &BTreeSet::new()).unwrap();
        written.into_keys().collect::<Vec<_>>()
    };
    let first = write();
    assert_eq!(first, write());
    let files = files::read(folder.path()).unwrap();
    assert_eq!(files.groups[1].path.to_string(), "/calendars");
    let names: BTreeSet<&str> = files.calendars.iter().map(|it| &*it.content.name).collect();
    assert_eq!(names, ["Days", "a/b", "days", "group"].into());
}

#[test]
fn nothing_usual_is_written() {
    let mut view = documents::defaults();
    view["name"] = "a".into();
    view["run_type"] = "shell".into();
    view["id"] = 7.into();
    view["switch"] = "closed".into();
    let there = there(vec![view.clone()]);
    let text = documents::job(
        &there.jobs[&7].path,
        &view,
        None,
        &there,
        &documents::defaults(),
        &documents::SecretNames::new(),
    );
    insta::assert_snapshot!(text, @r"
    name: a
    run_type: shell
    schedule:
      kind: manual
      timezone: UTC
    open: false
    ");
}

/// Files of people in a hurry: pieces of good ones in any order, and bytes of anything.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "name: a\n",
        "run_type: shell\n",
        "schedule:\n",
        "  kind: manual\n",
        "  kind: dependent\n",
        "  dependencies:\n",
        "    - job: x\n",
        "    - job: {a: 1}\n",
        "    - [x]\n",
        "  dependencies: x\n",
        "schedule: {kind: manual}\n",
        "schedule: 1\n",
        "schedule: []\n",
        "config:\n",
        "  a: 1\n",
        "  secret.a: {secret: }\n",
        "  secret.b: {secret: \"A=\\0\"}\n",
        "config: &a [*a]\n",
        "was: /\n",
        "was: /a\\\n",
        "open: true\n",
        "script: |\n  a\n",
        "script_file: .\n",
        "script_file: \"\\0\"\n",
        "script_file: ''\n",
        "kind: big\n",
        "parent: //\n",
        "description: [\n",
        "- a\n",
        "priority: 99999999999999999999\n",
        "retries: -1\n",
        "\u{feff}",
        "\u{0}",
        "---\n",
        "name: ''\n",
        "name: \"\\n\"\n",
        "\t",
        "<<: *a\n",
    ]);
    prop_oneof![
        3 => prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn any_bytes_as_files_are_read_or_refused_by_name(group in texts(), job in texts(), good in any::<bool>()) {
        let folder = folder(&[DW, ODS]);
        if !good {
            std::fs::write(folder.path().join("dw/ods/group.yml"), &group).unwrap();
        }
        std::fs::write(folder.path().join("dw/ods/a.yml"), &job).unwrap();
        let told = wrong(folder.path());
        for line in told.lines().filter(|_| !told.starts_with("the admin has")) {
            prop_assert!(line.contains(".yml") || line.contains("dw/ods"), "{line}");
        }
    }
}
