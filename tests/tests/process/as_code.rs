//! Groups and jobs as files: what leaves one installation arrives in another as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hera_tests::{Backend, Ended, Installation, Options};
use serde_json::{Value, json};

const JOBS: usize = 300;

fn admin() -> Installation {
    let mut hera = Installation::prepare(Backend::Sqlite, Options::quick()).unwrap();
    hera.start_admin();
    hera
}

/// All files of a folder with what is in them.
fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder_of_many) = open.pop() {
        for entry in std::fs::read_dir(folder_of_many).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                all.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
            }
        }
    }
    all
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs a command to its end: its status, and all that it said.
fn ends(hera: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Ended::of(&mut hera.command("hera-admin", arguments)).unwrap();
    (
        ended.status.code(),
        format!("{}{}", ended.stdout, ended.stderr),
    )
}

/// Revisions of all groups, jobs and calendars by name.
fn revisions(hera: &Installation) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for path in ["/groups", "/jobs", "/calendars"] {
        let list = hera.api().get(&format!("{path}?limit=1000")).unwrap().ok();
        for item in list["items"].as_array().unwrap() {
            all.push((item["name"].to_string(), item["revision"].clone()));
        }
    }
    all
}

const CALENDARS: [(&str, &str); 3] = [
    (
        "工作日.yaml",
        "name: '工作日: 2026'\nweekdays: [friday, monday]\nadded:\n  - 2026-10-10 调休\nremoved:\n  - 2026-10-01..2026-10-07 国庆节\n  - \"2026-12-25 'Christmas': day #1\"\n",
    ),
    (
        "group.yaml",
        "name: once\ndescription: |\n  two\n  lines\nadded:\n  - 2026-10-01\n",
    ),
    ("odd.yml", "name: Once\nweekdays: [sunday]\n"),
];

/// A tree of many jobs of all kinds, in two groups that depend on each other's jobs.
fn many_jobs(folder: &Path) {
    for (file, text) in CALENDARS {
        write(folder, &format!("calendars/{file}"), text);
    }
    write(
        folder,
        "group.yml",
        "name: 赫拉\nkind: root\ndescription: |\n  first\n  second: line\nconfig:\n  queue: root.etl\n  secret.root: {secret: ROOT_KEY}\n",
    );
    for group in ["a", "数仓"] {
        write(
            folder,
            &format!("{group}/group.yml"),
            &format!("name: {group}\n"),
        );
    }
    write(
        folder,
        "a/even/group.yml",
        "name: even\nconfig:\n  area.key: 'yes'\n  jdbc.password: {secret: JDBC}\n",
    );
    write(folder, "数仓/odd/group.yml", "name: odd\n");
    for index in 0..JOBS {
        let mut text = format!(
            "name: \"{}\"\nrun_type: {}\n",
            name(index),
            ["shell", "python"][index % 2]
        );
        writeln!(text, "description: \"job {index}: \\t#\\n\"").unwrap();
        text += &schedule(index);
        if index % 5 == 0 {
            writeln!(
                text,
                "config:\n  key: \"{index}\"\n  secret.key: {{secret: KEY_{}}}",
                index % 3
            )
            .unwrap();
        }
        if index % 4 == 0 {
            writeln!(text, "retries: 2\nretry_exit_codes: [1, 2]\nareas: [all, 上海]\npriority: 5\noverlap: skip\nexpected_end: '08:30'\nfollowers: [1]\nlabels: [夜间]\non_lost: rerun\nmisfire: skip\nresources:\n  - name: a.jar\n    uri: hdfs:///a.jar").unwrap();
        }
        text += match index {
            290.. => "invalid: true\n",
            200.. => "open: false\n",
            _ => "open: true\n",
        };
        let script = match index % 6 {
            0 => String::new(),
            1 => "download[hdfs:///jars/a.jar a.jar]\necho one".to_owned(),
            2 => "\n\n  echo leading\n\techo tab \n\n".to_owned(),
            3 => "echo windows\r\necho 你好 # --- \r\n".to_owned(),
            _ => format!("---\necho {index} ${{queue}} '\"' \\\\ \u{2028}\n"),
        };
        writeln!(text, "script_file: {index}.txt").unwrap();
        let group = ["a/even", "数仓/odd"][index % 2];
        write(folder, &format!("{group}/{index}.yml"), &text);
        write(folder, &format!("{group}/{index}.txt"), &script);
    }
}

/// Schedules of every kind, with and without calendars.
fn schedule(index: usize) -> String {
    let calendar = |name: &str, rule: &str| format!("  calendar: {{name: {name}, rule: {rule}}}\n");
    let mut text = match index % 7 {
        0 => return "schedule: {kind: manual}\n".to_owned(),
        1 => {
            return "schedule: {kind: cron, cron: 0 0 6 * * ?, timezone: Asia/Shanghai, from: 2026-01-01T00:00:00Z, until: 2036-01-01T00:00:00Z}\n".to_owned();
        }
        2 => {
            let days = calendar("'工作日: 2026'", "previous");
            format!("schedule:\n  kind: cron_dependent\n  cron: 0 30 6 L * ?\n{days}")
        }
        3 => {
            let days = calendar("Once", "exclude");
            format!("schedule:\n  kind: cron_dependent\n  cron: '@every 90m'\n{days}")
        }
        _ => "schedule:\n  kind: dependent\n".to_owned(),
    };
    text += "  dependencies:\n";
    for upstream in BTreeSet::from([index - 1, index / 2]) {
        let group = ["/a/even", "/数仓/odd"][upstream % 2];
        let name = name(upstream).replace('/', "\\\\/");
        let policy = ["success", "finished", "optional"][index % 3];
        writeln!(
            text,
            "    - job: \"{group}/{name}\"\n      policy: {policy}"
        )
        .unwrap();
    }
    text
}

/// Names that no two file systems agree on.
fn name(index: usize) -> String {
    match index % 10 {
        0 => format!("Case{}", index / 10),
        // Differs from the one before in the same group by capitals only.
        2 => format!("case{}", index / 10),
        // Equal to the one in the other group.
        4 | 5 => format!("twin {}", index / 10),
        6 => format!("a/b{index}"),
        8 => format!("日报 {index}"),
        9 => "con".to_owned() + &".".repeat(index / 10 + 1),
        _ => format!("job_{index}"),
    }
}

#[test]
fn a_tree_of_jobs_goes_to_another_installation_and_back_unchanged() {
    let (from, to) = (admin(), admin());
    // Ids are others there.
    three_jobs(&to.scratch().join("before"));
    write(
        &to.scratch().join("before"),
        "calendars/a.yml",
        "name: a\nweekdays: [monday]\n",
    );
    let before = to.scratch().join("before");
    to.cli(&["apply", before.to_str().unwrap()]).unwrap();
    let secrets = from.scratch().join("secrets.env");
    std::fs::write(
        &secrets,
        "ROOT_KEY=r00t\nJDBC=a b=c\nKEY_0=zero\nKEY_1=one\nKEY_2=two\n",
    )
    .unwrap();
    let secrets = secrets.to_str().unwrap();
    let written = from.scratch().join("written");
    many_jobs(&written);
    let start = Instant::now();
    from.cli(&["apply", written.to_str().unwrap(), "--secrets", secrets])
        .unwrap();
    eprintln!("{JOBS} jobs made in {:?}", start.elapsed());

    let first = from.scratch().join("first");
    let first = first.to_str().unwrap();
    from.cli(&["export", first]).unwrap();
    let exported = contents(Path::new(first));
    assert!(
        exported.values().all(|text| !text.contains("r00t")),
        "no secret is written"
    );
    assert!(exported.len() > 2 * JOBS - 100);
    let again = from.cli(&["export", first]).unwrap();
    assert!(again.starts_with("0 files written, 0 removed"), "{again}");
    assert_eq!(contents(Path::new(first)), exported);

    // Without the secrets nothing is begun.
    let before = revisions(&to);
    let (status, told) = ends(&to, &["apply", first]);
    assert_eq!(status, Some(1), "{told}");
    let missing = "group.yml:8: the group / has no secret.root in the admin, and the secret SECRET_ROOT_ROOT is not given; put SECRET_ROOT_ROOT=…";
    assert!(told.contains(missing), "{told}");
    assert_eq!(revisions(&to), before);

    // Names of secrets are those of the export now, which is a new one.
    let names = exported.values().flat_map(|text| text.lines());
    let names = names.filter_map(|line| line.split_once("{secret: ")?.1.strip_suffix('}'));
    let given: String = names
        .map(|name| format!("{name}=v {name}\n"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let other = to.scratch().join("other.env");
    std::fs::write(&other, given).unwrap();
    let other = other.to_str().unwrap();
    let said = to
        .cli(&["apply", first, "--secrets", other, "--prune"])
        .unwrap();
    assert!(said.contains("- delete calendar a\n"), "{said}");
    assert_ne!(id_of(&from, "job_1"), id_of(&to, "job_1"));
    let second = to.scratch().join("second");
    to.cli(&["export", second.to_str().unwrap()]).unwrap();
    assert_eq!(contents(&second), exported);

    let before = revisions(&to);
    let start = Instant::now();
    let said = to.cli(&["apply", first, "--secrets", other]).unwrap();
    eprintln!("{JOBS} jobs compared in {:?}", start.elapsed());
    assert!(said.starts_with("nothing to change"), "{said}");
    assert_eq!(revisions(&to), before);
    assert_eq!(
        ends(&to, &["plan", first]).0,
        Some(0),
        "what is not given stays"
    );
    // Another value of one secret is seen, though nobody is shown either.
    let text = std::fs::read_to_string(other)
        .unwrap()
        .replacen("=v ", "=w ", 1);
    std::fs::write(other, text).unwrap();
    let (status, told) = ends(&to, &["plan", first, "--secrets", other]);
    assert_eq!(status, Some(2), "{told}");
    assert!(
        told.contains("****** → {secret: ") && told.contains("1 to update"),
        "{told}"
    );
    assert_eq!(revisions(&to), before);
}

/// A job that echoes its name.
fn job(name: &str, more: &str) -> String {
    format!("name: {name}\nrun_type: shell\nscript: echo {name}\n{more}")
}

fn after(upstream: &str) -> String {
    format!("schedule:\n  kind: dependent\n  dependencies:\n    - job: {upstream}\nopen: true\n")
}

const CRON: &str = "schedule: {kind: cron, cron: 0 0 6 1 1 ?}\nopen: true\n";

/// Three open jobs in a row. Their two groups depend on each other, the jobs do not.
fn three_jobs(folder: &Path) {
    write(folder, "group.yml", "name: flow\n");
    write(folder, "left/group.yml", "name: left\n");
    write(folder, "right/group.yml", "name: right\n");
    write(folder, "left/first.yml", &job("first", CRON));
    write(folder, "right/second.yml", &job("second", &after("first")));
    write(folder, "left/third.yml", &job("third", &after("second")));
}

#[test]
fn a_plan_says_exactly_what_apply_does() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    three_jobs(&folder);
    let (status, planned) = ends(&hera, &["plan", tree]);
    assert_eq!(status, Some(2), "{planned}");
    let (status, applied) = ends(&hera, &["apply", tree]);
    assert_eq!(status, Some(0), "{applied}");
    let changes = |text: &str| {
        let lines = text.lines();
        let lines = lines.filter(|line| line.starts_with(['+', '~', '>', 'x', '-']));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(changes(&planned), changes(&applied));
    assert_eq!(changes(&planned).len(), 9, "{planned}");
    assert_eq!(ends(&hera, &["plan", tree]).0, Some(0));
}

#[test]
fn a_chain_of_open_jobs_is_turned_round_at_once() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    three_jobs(&folder);
    hera.cli(&["apply", tree]).unwrap();
    let third = id_of(&hera, "third");

    // One job moves, one goes, one is new and upstream of an open one.
    std::fs::remove_file(folder.join("left/first.yml")).unwrap();
    std::fs::remove_file(folder.join("left/third.yml")).unwrap();
    write(&folder, "right/zero.yml", &job("zero", CRON));
    let moved = format!("was: /flow/left/third\n{}", after("zero"));
    write(&folder, "right/third.yml", &job("third", &moved));
    write(&folder, "right/second.yml", &job("second", &after("third")));
    let (status, planned) = ends(&hera, &["plan", tree]);
    assert_eq!(status, Some(2), "{planned}");
    for line in [
        "not in the files, left alone: job /flow/left/first",
        "    group: /flow/left → /flow/right",
    ] {
        assert!(planned.contains(line), "{planned}");
    }
    let (status, told) = ends(&hera, &["apply", tree, "--prune", "--comment", "turned"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("- delete job /flow/left/first"), "{told}");
    assert_eq!(id_of(&hera, "third"), third, "a job that moved is the same");
    let (status, told) = ends(&hera, &["plan", tree, "--prune", "--json"]);
    let plan: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(status, Some(0), "{told}");
    assert_eq!((&plan["changes"], &plan["left"]), (&json!([]), &json!([])));
    let history = hera.api().get(&format!("/jobs/{third}/revisions"));
    assert_eq!(history.unwrap().ok()["items"][0]["comment"], "turned");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_changed() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    three_jobs(&folder);
    hera.cli(&["apply", tree]).unwrap();
    let before = revisions(&hera);
    let refused = |first: &str, words: &[&str]| {
        write(&folder, "left/first.yml", &job("first", first));
        let (status, told) = ends(&hera, &["apply", tree]);
        assert_eq!(status, Some(1), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert_eq!(revisions(&hera), before);
    };
    refused(
        "schedule: {kind: manual}\nopen: false\n",
        &["/flow/right/second would be open, but /flow/left/first"],
    );
    refused(&after("third"), &["circle", " → /flow/right/second → "]);
    let manual = "schedule: {kind: manual}\nopen: true\n";
    let retries = format!("{manual}retries: 99\n");
    refused(&retries, &["first.yml:6: retries: 99"]);
    // What only the admin can say has its line too.
    let circle = format!("{manual}config:\n  a: ${{b}}\n  b: ${{a}}\n");
    refused(&circle, &["first.yml:"]);
}

fn id_of(hera: &Installation, name: &str) -> i64 {
    let found = hera.api().get(&format!("/jobs?name={name}")).unwrap().ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    found["items"][0]["id"].as_i64().unwrap()
}

#[test]
fn an_export_removes_only_what_an_export_wrote() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    write(&folder, "README.md", "ours\n");
    let (status, told) = ends(&hera, &["export", tree]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("--force"), "{told}");
    hera.cli(&["export", tree, "--force"]).unwrap();
    let group = hera.api().create_group("etl");
    hera.cli(&["export", tree]).unwrap();
    let job = hera
        .api()
        .create_job(group, "orders", "echo 1\n", &json!({"kind": "manual"}));
    write(&folder, "etl/orders.sh", "a stranger's\n");
    hera.cli(&["export", tree]).unwrap();
    let files = contents(&folder);
    assert_eq!(files[Path::new("etl/orders.sh")], "a stranger's\n");
    assert_eq!(files[Path::new("etl/orders-2.sh")], "echo 1\n");
    assert!(files[Path::new("etl/orders-2.yml")].contains("script_file: orders-2.sh"));

    hera.cli(&["jobs", "close", "orders"]).unwrap();
    hera.cli(&["jobs", "delete", &job.to_string()]).unwrap();
    let told = hera.cli(&["export", tree]).unwrap();
    assert!(told.contains("removed etl/orders-2.yml"), "{told}");
    let files = contents(&folder);
    assert!(
        files.contains_key(Path::new("README.md"))
            && files.contains_key(Path::new("etl/orders.sh"))
    );
    assert!(!files.contains_key(Path::new("etl/orders-2.yml")));

    // One group goes to a folder of its own and back to its place.
    let part = hera.scratch().join("part");
    hera.cli(&["export", part.to_str().unwrap(), "--group", "etl"])
        .unwrap();
    assert_eq!(
        contents(&part)[Path::new("group.yml")],
        "name: etl\nkind: small\n"
    );
    assert_eq!(ends(&hera, &["plan", part.to_str().unwrap()]).0, Some(0));
}

/// One job that goes by a calendar, below the root.
fn job_by_calendar(folder: &Path) {
    write(folder, "group.yml", "name: all\nkind: root\n");
    write(folder, "etl/group.yml", "name: etl\n");
    let schedule = "schedule:\n  kind: cron\n  cron: 0 0 6 * * ?\n  calendar: {name: workdays, rule: next}\nopen: true\n";
    write(folder, "etl/daily.yml", &job("daily", schedule));
}

#[test]
fn calendars_come_before_the_jobs_that_go_by_them_and_leave_after_them() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    job_by_calendar(&folder);
    let (status, told) = ends(&hera, &["apply", tree]);
    let missing = "etl/daily.yml:7: there is no calendar \"workdays\", here or in the files";
    assert!(status == Some(1) && told.contains(missing), "{told}");

    let workdays = "name: workdays\nweekdays: [monday, tuesday]\nremoved:\n  - 2026-10-01..2026-10-07 National Day\n";
    write(&folder, "calendars/workdays.yml", workdays);
    let (status, told) = ends(&hera, &["apply", tree]);
    let lines = told.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(
        lines[0],
        "+ create calendar workdays  (2 days of the week, 7 removed)"
    );
    assert!(
        told.ends_with("1 calendar, 2 groups and 1 job in the files\n"),
        "{told}"
    );

    write(
        &folder,
        "calendars/workdays.yml",
        &workdays.replace("-07", "-08"),
    );
    let (status, told) = ends(&hera, &["plan", tree]);
    assert_eq!(status, Some(2), "{told}");
    for line in [
        "~ update calendar workdays  (1 job goes by it)\n    removed:\n",
        "      -2026-10-01..2026-10-07 National Day\n      +2026-10-01..2026-10-08 National Day\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    hera.cli(&["apply", tree]).unwrap();
    assert_eq!(ends(&hera, &["plan", tree]).0, Some(0));
    let inside = folder.join("calendars");
    let (status, told) = ends(&hera, &["plan", inside.to_str().unwrap()]);
    assert!(
        status == Some(1) && told.contains("name the folder above"),
        "{told}"
    );

    // In use it cannot go, and afterwards it goes last.
    std::fs::remove_file(folder.join("calendars/workdays.yml")).unwrap();
    let (status, told) = ends(&hera, &["plan", tree]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("left alone: calendar workdays\n"), "{told}");
    let (status, told) = ends(&hera, &["plan", tree, "--prune"]);
    let in_use = "--prune cannot delete it: /etl/daily goes by it";
    assert!(status == Some(1) && told.contains(in_use), "{told}");
    std::fs::remove_file(folder.join("etl/daily.yml")).unwrap();
    let told = hera.cli(&["apply", tree, "--prune"]).unwrap();
    let deleted: Vec<&str> = told.lines().filter(|line| line.starts_with('-')).collect();
    let wanted = [
        "- delete job /etl/daily",
        "- delete group /测试",
        "- delete calendar workdays",
    ];
    assert_eq!(
        deleted[1..],
        wanted,
        "after what every installation begins with"
    );
}

#[test]
fn who_may_not_administer_applies_everything_but_changes_of_calendars() {
    let hera = admin();
    let folder = hera.scratch().join("tree");
    let tree = folder.to_str().unwrap();
    job_by_calendar(&folder);
    let workdays = "name: workdays\nweekdays: [monday]\n";
    write(&folder, "calendars/workdays.yml", workdays);
    hera.cli(&["user", "add", "lin", "--role", "member"])
        .unwrap();
    let token = hera.cli(&["token", "create", "--user", "lin", "--name", "ci"]);
    let token = token.unwrap();
    let as_lin = |command: &str| ends(&hera, &[command, tree, "--token", token.trim()]);
    let before = revisions(&hera);
    let why = "the calendar workdays would change, which lin may not do";
    let (status, told) = as_lin("plan");
    assert!(status == Some(2) && told.contains(why), "{told}");
    let (status, told) = as_lin("apply");
    assert!(status == Some(1) && told.contains(why), "{told}");
    assert_eq!(revisions(&hera), before, "nothing was begun");

    hera.cli(&["apply", tree]).unwrap();
    write(&folder, "etl/more.yml", &job("more", CRON));
    let (status, told) = as_lin("apply");
    assert_eq!(status, Some(0), "{told}");
    assert!(told.starts_with("+ create job /etl/more"), "{told}");
}
