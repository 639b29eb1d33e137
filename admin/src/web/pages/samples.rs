//! Every template with believable content, in both languages: what the checks of the pages look
//! at. The pages are also written to `target/pages`, to be opened in a browser.

use hera_domain::group::{GroupContent, GroupDef};
use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use chrono::TimeDelta;
use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::engine::{Load, Run};
use hera_domain::id::{GroupId, JobId, Revision, RunId, TeamId, VersionKey, WorkerId};
use hera_domain::job::{Edge, FieldError, JobDef, RetryPolicy, Schedule, ScheduleEra};
use hera_domain::status::{
    Misfire, OnLost, Overlap, Policy, RunStatus, Switch, Trigger, VersionStatus, Window,
};
use hera_domain::version_id::VersionId;

use super::changes::{Changes, DiffLine, FieldChange};
use super::failure::FailurePage;
use super::frame::{Frame, Section, Theme};
use super::graph::draw;
use super::group_form::GroupForm;
use super::home::{HomePage, Need, Number};
use super::job::{ConfigLine, Head, OverviewPage, TabLink, bars, facts_of, fires, link};
use super::job_edit::{EditPage, JobForm, Stale, run_types};
use super::job_new::{FiresFragment, NewJobPage};
use super::job_tabs::{
    EdgeBadge, JobRunsPage, RevisionRow, RevisionsPage, ShownRevision, VersionRow, VersionsPage,
};
use super::login::LoginPage;
use super::machines::{Machine, MachinesPage};
use super::parts::{Chip, Choice, Crumb, Errors, Fact, RunLine, Times};
use super::profile::{ProfilePage, TokenRow};
use super::run::{RunPage, phases};
use super::run_dialog::RunDialog;
use super::runs::{RunsPage, StatusChip, TriggerChip};
use super::schedule::{GroupCard, GroupPage, JobRow};
use super::tree::{Forest, Spot, Tree};
use crate::master::{Definitions, WorkerView};
use crate::store::RunView;
use crate::web::assets::AssetUrls;
use crate::web::i18n::Lang;

const JOBS: [(i64, &str, &[i64]); 7] = [
    (11, "ods_weather_extract", &[]),
    (12, "ods_weather_validate", &[11]),
    (13, "dwd_station_day", &[12]),
    (14, "dwd_temperature", &[13]),
    (15, "dwd_rain", &[13]),
    (16, "dws_climate_month", &[14, 15]),
    (17, "ads_report", &[16]),
];
const SCRIPT: &str = "#!/bin/bash\nset -euo pipefail\nday=${zdt.addDay(-1).format(\"yyyyMMdd\")}\n\n# one day of observations, straight from the archive\npython3 \"$PIPELINE/extract.py\" --day \"$day\" --out \"${warehouse}/ods/$day.csv\"\nwc -l \"${warehouse}/ods/$day.csv\"\n";

fn now() -> Timestamp {
    "2026-11-20T06:03:00Z".parse().unwrap()
}

fn times(lang: Lang) -> Times {
    Times {
        now: now(),
        zone: Tz::Asia__Shanghai,
        lang,
    }
}

fn frame(lang: Lang, section: Section) -> Frame {
    Frame {
        t: lang.texts(),
        theme: Theme::Auto,
        base: "/hera".into(),
        urls: AssetUrls::new("/hera"),
        csrf: "c5rf".into(),
        nonce: "n0nce".into(),
        here: "/hera/".into(),
        env: Some("test".into()),
        user: Some("hera".into()),
        section,
        leader_ok: true,
        leader_name: "admin-1".into(),
        clock: "14:03".into(),
        zone: "CST".into(),
        zone_id: "Asia/Shanghai".into(),
    }
}

fn job(id: i64, name: &str, upstreams: &[i64]) -> JobDef {
    let edges = upstreams.iter().map(|id| Edge {
        upstream: JobId(*id),
        window: Window::Nearest,
        policy: Policy::Success,
    });
    JobDef {
        id: JobId(id),
        group: GroupId(3),
        name: name.into(),
        owner: TeamId(1),
        revision: Revision(4),
        switch: if id == 15 {
            Switch::Closed
        } else {
            Switch::Open
        },
        first_opened_at: Some(now()),
        opened_at: Some(now()),
        eras: vec![ScheduleEra {
            after: None,
            schedule: Schedule {
                cron: upstreams.is_empty().then(|| "0 30 6 * * ?".to_owned()),
                timezone: Tz::Asia__Shanghai,
                edges: edges.collect(),
            },
        }],
        host_group: None,
        priority: 3,
        retry: RetryPolicy::default(),
        overlap: Overlap::Wait,
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: None,
        kill_on_timeout: false,
    }
}

fn definitions() -> Definitions {
    let group = |id: i64, parent: Option<i64>, name: &str, big| {
        let content = GroupContent {
            parent_id: parent.map(GroupId),
            name: name.into(),
            big,
            description: String::new(),
            config: BTreeMap::from([("warehouse".to_owned(), "/data/warehouse".to_owned())]),
        };
        let id = GroupId(id);
        let revision = Revision(1);
        (
            id,
            Arc::new(GroupDef {
                id,
                revision,
                content,
            }),
        )
    };
    Definitions {
        jobs: JOBS
            .iter()
            .map(|(id, name, up)| (JobId(*id), Arc::new(job(*id, name, up))))
            .collect(),
        groups: BTreeMap::from([
            group(1, None, "数据平台", true),
            group(2, Some(1), "交易", true),
            group(3, Some(1), "天气管道 weather", false),
        ]),
        ..Definitions::default()
    }
}

fn status_of(id: i64) -> RunStatus {
    match id {
        11..=13 => RunStatus::Success,
        14 => RunStatus::Failed,
        15 => RunStatus::Running,
        _ => RunStatus::Queued,
    }
}

fn run(id: i64, job: i64, status: RunStatus, took: i64) -> RunView {
    let start = now() - TimeDelta::minutes(300 - id % 290);
    let begun = status != RunStatus::Queued;
    RunView {
        run: Run {
            id: RunId(id),
            version: VersionKey(id),
            job: JobId(job),
            trigger: if id % 3 == 0 {
                Trigger::Recover
            } else {
                Trigger::Schedule
            },
            status,
            attempt: 1 + u32::from(status == RunStatus::Failed),
            priority: 3,
            host_group: None,
            worker: begun.then_some(WorkerId(1)),
            nonce: None,
            revision: begun.then_some(Revision(4)),
            params: Some(Arc::new(BTreeMap::from([(
                "limit".to_owned(),
                "500".to_owned(),
            )]))),
            operator: (id % 3 == 0).then(|| "lin".to_owned()),
            created_at: start - TimeDelta::seconds(12),
            dispatched_at: begun.then(|| start - TimeDelta::milliseconds(200)),
            started_at: begun.then_some(start),
            ended_at: status.is_final().then(|| start + TimeDelta::seconds(took)),
            exit_code: match status {
                RunStatus::Success => Some(0),
                RunStatus::Failed => Some(2),
                RunStatus::Queued
                | RunStatus::Dispatched
                | RunStatus::Running
                | RunStatus::Cancelled
                | RunStatus::Lost => None,
            },
            signal: None,
            reason: (status == RunStatus::Failed).then(|| "table ods.weather not found".to_owned()),
            cancelled_by: None,
            kill_confirmed: None,
            unreachable: false,
            overdue: false,
            cpu_ms: status.is_final().then_some(took * 700),
            peak_memory_kib: status.is_final().then_some(182_000),
        },
        version: VersionId(format!("202611200630{job:06}")),
        business_time: start,
        job_name: JOBS
            .iter()
            .find(|j| j.0 == job)
            .map_or("job", |j| j.1)
            .to_owned(),
        worker_name: begun.then(|| "node-a".to_owned()),
    }
}

fn runs() -> Vec<RunView> {
    JOBS.iter()
        .rev()
        .map(|(id, _, _)| run(900 + id, *id, status_of(*id), 184 + id))
        .collect()
}

fn latest() -> BTreeMap<JobId, RunStatus> {
    JOBS.iter()
        .map(|(id, _, _)| (JobId(*id), status_of(*id)))
        .collect()
}

fn tree(lang: Lang, spot: Spot) -> Tree {
    Forest::new(&definitions(), latest(), lang).tree(spot, "")
}

fn crumbs() -> Vec<Crumb> {
    let crumb = |name: &str| Crumb {
        name: name.into(),
        href: "/hera/schedule/groups/1".into(),
    };
    vec![crumb("数据平台"), crumb("天气管道 weather")]
}

fn head(lang: Lang, tab: usize) -> Head {
    let t = &lang.texts().job;
    Head {
        id: 13,
        name: "dwd_station_day".into(),
        crumbs: crumbs(),
        switch: Chip::switch(Switch::Open, lang),
        open: true,
        today: Some(Chip::version(VersionStatus::Success, false, lang)),
        tabs: [t.overview, t.versions, t.runs, t.revisions]
            .into_iter()
            .enumerate()
            .map(|(index, name)| TabLink {
                name,
                href: "/hera/schedule/jobs/13".into(),
                current: index == tab,
            })
            .collect(),
        can_edit: true,
        can_operate: true,
        notice: None,
    }
}

fn overview(lang: Lang) -> OverviewPage {
    let defs = definitions();
    let history: Vec<_> = (1..=30)
        .map(|n| {
            let status = match n {
                4 | 19 => RunStatus::Failed,
                11 => RunStatus::Cancelled,
                1 => RunStatus::Running,
                _ => RunStatus::Success,
            };
            run(1000 - n, 13, status, 120 + (n * 37) % 95)
        })
        .collect();
    let line = |key: &str, value: &str, group: bool| ConfigLine {
        key: key.into(),
        value: value.into(),
        origin: if group {
            "数据平台"
        } else {
            lang.texts().job.origin_own
        }
        .into(),
        href: group.then(|| "/hera/schedule/groups/1".to_owned()),
    };
    OverviewPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 0),
        description: "One row per station and day, from the validated observations.".into(),
        facts: facts_of(&defs, &defs.jobs[&JobId(13)], &form_content(), lang),
        run_type: "shell".into(),
        script: SCRIPT.lines().map(str::to_owned).collect(),
        script_size: lang.lines(7),
        config: vec![
            line("day_format", "yyyyMMdd", false),
            line("secret.archive_key", "******", true),
            line("warehouse", "/data/warehouse", true),
        ],
        bars: bars(&history, times(lang)),
        recent: history
            .iter()
            .take(5)
            .map(|r| RunLine::new(r, times(lang)))
            .collect(),
        schedule_words: lang.schedule(true, 1),
        cron: Some("0 30 6 * * ?".into()),
        zone: "Asia/Shanghai".into(),
        fires: fires(&defs.jobs[&JobId(11)], times(lang), 5),
        graph: draw(&defs, JobId(13), &latest(), lang),
        upstreams: vec![link(&defs.jobs[&JobId(12)])],
        downstreams: vec![link(&defs.jobs[&JobId(14)]), link(&defs.jobs[&JobId(15)])],
    }
}

fn form_content() -> hera_domain::job::JobContent {
    hera_domain::job::JobContent {
        group_id: GroupId(3),
        name: "dwd_station_day".into(),
        description: String::new(),
        run_type: "shell".into(),
        script: SCRIPT.into(),
        schedule: definitions().jobs[&JobId(13)].schedule().clone(),
        config: BTreeMap::from([("day_format".to_owned(), "yyyyMMdd".to_owned())]),
        host_group_id: None,
        priority: 3,
        retry: RetryPolicy {
            count: 2,
            wait_minutes: 5,
            exit_codes: Vec::new(),
        },
        overlap: Overlap::Wait,
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: Some(30),
        kill_on_timeout: false,
        expected_end: Some("08:30".into()),
        areas: Vec::new(),
        labels: Vec::new(),
        alarm_level: 0,
        cron_period: None,
        cron_interval: None,
    }
}

fn changes(lang: Lang) -> Changes {
    let line = |class, text: &str| DiffLine {
        class,
        text: text.into(),
    };
    Changes {
        fields: vec![FieldChange {
            name: lang.texts().job.cron,
            before: "0 30 6 * * ?".into(),
            after: "0 0 7 * * ?".into(),
        }],
        script: vec![
            line("same", "set -euo pipefail"),
            line("del", "python3 extract.py"),
            line("ins", "python3 extract.py --day \"$day\""),
        ],
    }
}

fn edit(lang: Lang, stale: bool) -> EditPage {
    let form = JobForm::of(Revision(4), &form_content());
    let one = |word: &str| vec![Choice::new("", word, true)];
    let t = &lang.texts().job;
    let errors = if stale {
        Errors::default()
    } else {
        Errors(vec![FieldError::new(
            "schedule.cron",
            "the hour 25 is not between 0 and 23 (at character 5)",
        )])
    };
    EditPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        crumbs: crumbs(),
        title: format!("{} dwd_station_day", t.edit_title),
        id: Some(13),
        action: "/hera/schedule/jobs/13/edit".into(),
        back: "/hera/schedule/jobs/13".into(),
        base_revision: Some(4),
        notice: errors.notice(super::job_edit::FIELDS, lang),
        errors,
        stale: stale.then(|| Stale {
            newest: 5,
            changes: changes(lang),
        }),
        run_types: run_types("shell"),
        host_groups: one(t.default_host_group),
        priorities: one("3"),
        overlaps: one(t.overlap_wait),
        misfires: one(t.misfire_run_all),
        on_losts: one(t.on_lost_ask),
        form,
    }
}

fn workers(lang: Lang) -> Vec<Machine> {
    let worker = |id, name: &str, connected, accepting, memory_rate, load_per_core| WorkerView {
        id: WorkerId(id),
        name: name.into(),
        address: "10.0.4.17".into(),
        version: "0.1.0".into(),
        connected,
        accepting,
        load: Load {
            memory_total_mib: 64 * 1024,
            memory_rate,
            load_per_core,
            cores: 16,
        },
        running: 7,
        slots: 24,
        disk_free_mib: 421_000,
        last_seen: Some(now() - TimeDelta::seconds(2)),
    };
    [
        worker(1, "node-a", true, true, 0.42, 0.61),
        worker(2, "node-b", true, false, 0.83, 0.97),
        worker(3, "node-c", false, true, 0.10, 0.02),
    ]
    .iter()
    .map(|worker| Machine::new(worker, times(lang)))
    .collect()
}

fn group_page(lang: Lang) -> GroupPage {
    let defs = definitions();
    let line = |view: &RunView| RunLine::new(view, times(lang));
    GroupPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Group(GroupId(3))),
        side_first: true,
        crumbs: crumbs(),
        notice: None,
        id: 3,
        name: "天气管道 weather".into(),
        description: "NOAA's daily observations, from the archive to the report.".into(),
        big: false,
        can_edit: true,
        groups: vec![GroupCard {
            name: "交易".into(),
            href: "/hera/schedule/groups/2".into(),
            holds: lang.jobs(3),
        }],
        jobs: runs()
            .iter()
            .rev()
            .map(|view| {
                let job = &defs.jobs[&view.run.job];
                let bad = view.run.status == RunStatus::Failed;
                JobRow {
                    id: job.id.0,
                    name: job.name.clone(),
                    href: format!("/hera/schedule/jobs/{}", job.id),
                    switch: (job.switch != Switch::Open).then(|| Chip::switch(job.switch, lang)),
                    today: Chip::run(view.run.status, lang),
                    version: view.version.to_string(),
                    why: line(view).why,
                    bad,
                    last: Some(line(view)),
                    next: super::schedule::next_fires(job, times(lang), 1).pop(),
                    next_word: lang.texts().schedule.after_upstream,
                }
            })
            .collect(),
        config: vec![("warehouse".into(), "/data/warehouse".into())],
    }
}

fn home(lang: Lang) -> HomePage {
    let t = &lang.texts().home;
    let number = |value, word, class, icon| Number {
        value,
        word,
        class,
        icon,
        href: "/hera/runs".into(),
    };
    let failed = RunLine::new(&run(914, 14, RunStatus::Failed, 198), times(lang));
    HomePage {
        frame: frame(lang, Section::Home),
        date: "2026-11-20".into(),
        numbers: vec![
            number(48, t.planned, "planned", "calendar-event"),
            number(39, t.done, "success", "circle-check-filled"),
            number(2, t.running, "running", "half"),
            number(1, t.queued, "queued", "quarter"),
            number(5, t.waiting, "waiting", "circle"),
            number(1, t.failed, "failed", "circle-x-filled"),
        ],
        needs: vec![Need {
            status: failed.status,
            job_name: failed.job_name,
            job_href: failed.job_href,
            version: failed.version,
            why: failed.why,
            blocked: lang.blocks(2),
            ago: failed.ago,
            run_href: failed.href,
            recover_href: "/hera/schedule/jobs/14/run".into(),
        }],
        recent: runs()
            .iter()
            .map(|r| RunLine::new(r, times(lang)))
            .collect(),
        workers: workers(lang),
        can_operate: true,
    }
}

fn run_page(lang: Lang, status: RunStatus) -> RunPage {
    let view = run(914, 14, status, 198);
    let line = RunLine::new(&view, times(lang));
    RunPage {
        frame: frame(lang, Section::Runs),
        crumbs: crumbs(),
        notice: None,
        can_operate: true,
        cancellable: !status.is_final(),
        redo_href: "/hera/schedule/jobs/14/run".into(),
        recover_href: "/hera/schedule/jobs/14/run".into(),
        phases: phases(&view.run, times(lang)),
        log_size: 0,
        final_run: status.is_final(),
        facts: vec![
            Fact::new(lang.texts().run.job, "dwd_temperature (14)")
                .link("/hera/schedule/jobs/14".into()),
            Fact::new(lang.texts().run.version, line.version.clone()),
            Fact::new(lang.texts().run.trigger, line.trigger),
            Fact::new(lang.texts().run.worker, "node-a"),
            Fact::new(lang.texts().run.exit_code, "2"),
            Fact::new(lang.texts().run.memory, "177.7 MiB"),
        ],
        params: vec![("limit".into(), "500".into())],
        script: SCRIPT.lines().map(str::to_owned).collect(),
        run: line,
    }
}

fn runs_page(lang: Lang, rows: bool) -> RunsPage {
    let rows = if rows { runs() } else { Vec::new() };
    RunsPage {
        frame: frame(lang, Section::Runs),
        statuses_all: false,
        all_href: "/hera/runs".into(),
        statuses: RunStatus::ALL
            .iter()
            .map(|status| StatusChip {
                status: Chip::run(*status, lang),
                href: "/hera/runs?status=failed".into(),
                on: *status == RunStatus::Failed,
            })
            .collect(),
        triggers: vec![TriggerChip {
            word: lang.texts().status.trigger_manual,
            href: "/hera/runs?trigger=manual".into(),
            on: false,
        }],
        job: None,
        rows: rows.iter().map(|r| RunLine::new(r, times(lang))).collect(),
        older: Some("/hera/runs?before=4".into()),
        filtered: true,
    }
}

fn dialog(lang: Lang) -> RunDialog {
    RunDialog {
        frame: frame(lang, Section::Schedule),
        action: "/hera/schedule/jobs/14/run".into(),
        back: "/hera/schedule/jobs/14".into(),
        key: "k".into(),
        id: 14,
        name: "dwd_temperature".into(),
        closed: true,
        zone: "Asia/Shanghai".into(),
        notice: None,
        errors: Errors::default(),
        recover: true,
        versions: vec![Choice::new(
            "202611200630000014",
            "202611200630000014",
            false,
        )],
        business_time: String::new(),
        params: "limit=500".into(),
    }
}

fn versions(lang: Lang) -> VersionsPage {
    let date = now().date_naive();
    let row = |status, why: &str| VersionRow {
        id: "202611200630000013".into(),
        business_time: times(lang).at(now()),
        status: Chip::version(status, false, lang),
        edges: vec![EdgeBadge {
            name: "ods_weather_validate".into(),
            href: "/hera/schedule/jobs/12/versions".into(),
            version: "202611200630000012".into(),
            met: status != VersionStatus::Waiting,
        }],
        why: why.into(),
        bad: status == VersionStatus::Failed,
        run: Some(913),
    };
    VersionsPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 1),
        here: "/hera/schedule/jobs/13/versions".into(),
        date,
        previous: date,
        next: date,
        rows: vec![
            row(VersionStatus::Success, ""),
            row(VersionStatus::Waiting, ""),
            row(VersionStatus::Failed, "exit 2"),
        ],
    }
}

fn revisions(lang: Lang) -> RevisionsPage {
    RevisionsPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 3),
        rows: vec![RevisionRow {
            revision: 4,
            at: times(lang).ago(now() - TimeDelta::hours(3)),
            author: "lin".into(),
            comment: "later start".into(),
            href: "/hera/schedule/jobs/13/revisions?revision=4".into(),
            current: true,
            shown: true,
        }],
        shown: Some(ShownRevision {
            revision: 3,
            changes: changes(lang),
        }),
    }
}

fn profile(lang: Lang) -> ProfilePage {
    ProfilePage {
        frame: frame(lang, Section::Profile),
        name: "hera".into(),
        role: lang.texts().profile.role_admin,
        must_change: true,
        changed: false,
        errors: Errors(vec![FieldError::new("old", lang.texts().profile.wrong_old)]),
        new_token: Some("3f9c".repeat(16)),
        tokens: vec![TokenRow {
            id: 1,
            name: "airflow-bridge".into(),
            made: times(lang).ago(now() - TimeDelta::days(2)),
            ends: None,
            used: Some(times(lang).ago(now() - TimeDelta::minutes(5))),
        }],
    }
}

fn group_form(lang: Lang) -> GroupForm {
    GroupForm {
        frame: frame(lang, Section::Schedule),
        title: lang.texts().schedule.new_group,
        action: "/hera/schedule/groups/1/groups/new".into(),
        back: "/hera/schedule/groups/1".into(),
        notice: None,
        errors: Errors::default(),
        parent: "1".into(),
        base_revision: None,
        name: String::new(),
        big: false,
        description: String::new(),
        config: String::new(),
    }
}

fn new_job(lang: Lang) -> NewJobPage {
    NewJobPage {
        frame: frame(lang, Section::Schedule),
        action: "/hera/schedule/groups/3/jobs/new".into(),
        back: "/hera/schedule/groups/3".into(),
        group: "weather".into(),
        notice: None,
        errors: Errors::default(),
        name: String::new(),
        cron: String::new(),
        dependencies: String::new(),
        run_types: run_types("shell"),
    }
}

/// All pages, by name.
pub(super) fn pages(lang: Lang) -> Vec<(&'static str, String)> {
    fn html(page: &impl Template) -> String {
        page.render().expect("a sample page renders")
    }
    let t = lang.texts();
    let login = |error: bool| LoginPage {
        frame: frame(lang, Section::None),
        user: if error { "hera" } else { "" }.into(),
        next: String::new(),
        error: error.then_some(t.login.wrong),
    };
    let mut leaderless = frame(lang, Section::None);
    leaderless.leader_ok = false;
    let failure = FailurePage {
        frame: leaderless,
        code: 503,
        title: t.error.unavailable,
        detail: "no admin leads at the moment; try again in a few seconds".into(),
        hint: t.error.unavailable_hint,
        again: true,
    };
    let machines = |workers| MachinesPage {
        frame: frame(lang, Section::Machines),
        notice: None,
        can_administer: true,
        workers,
    };
    let job_runs = JobRunsPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 2),
        rows: runs()
            .iter()
            .map(|r| RunLine::new(r, times(lang)))
            .collect(),
        older: None,
    };
    vec![
        ("login", html(&login(false))),
        ("login-wrong", html(&login(true))),
        ("home", html(&home(lang))),
        ("group", html(&group_page(lang))),
        ("group-form", html(&group_form(lang))),
        ("job", html(&overview(lang))),
        ("job-versions", html(&versions(lang))),
        ("job-runs", html(&job_runs)),
        ("job-revisions", html(&revisions(lang))),
        ("job-edit", html(&edit(lang, false))),
        ("job-stale", html(&edit(lang, true))),
        ("job-new", html(&new_job(lang))),
        ("run-dialog", html(&dialog(lang))),
        ("runs", html(&runs_page(lang, true))),
        ("runs-empty", html(&runs_page(lang, false))),
        ("run", html(&run_page(lang, RunStatus::Failed))),
        ("run-live", html(&run_page(lang, RunStatus::Running))),
        ("machines", html(&machines(workers(lang)))),
        ("machines-empty", html(&machines(Vec::new()))),
        ("profile", html(&profile(lang))),
        ("failure", html(&failure)),
    ]
}

#[test]
fn the_cron_read_back_names_the_error() {
    let fragment = FiresFragment {
        error: Some("the hour 25 is not between 0 and 23".into()),
        fires: Vec::new(),
    };
    assert!(fragment.render().unwrap().contains("the hour 25"));
}
