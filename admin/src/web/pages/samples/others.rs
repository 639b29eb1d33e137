//! The pages around the jobs: home, groups, runs, workers, the person's own.

use chrono::TimeDelta;
use hera_domain::engine::Load;
use hera_domain::id::{GroupId, WorkerId};
use hera_domain::job::FieldError;
use hera_domain::status::{RunStatus, Switch, VersionStatus};

use super::data::{SCRIPT, crumbs, definitions, frame, now, run, runs, times, tree};
use crate::master::WorkerView;
use crate::store::{AdminSeen, Holder, RunView};
use crate::web::i18n::Lang;
use crate::web::pages::fires::next_due;
use crate::web::pages::frame::Section;
use crate::web::pages::group_form::GroupForm;
use crate::web::pages::home::{HomePage, Need, Number};
use crate::web::pages::machines::{AdminCard, Machine};
use crate::web::pages::parts::{Chip, Errors, Fact, RunLine};
use crate::web::pages::profile::{ProfilePage, TokenRow};
use crate::web::pages::run::{RunPage, phases};
use crate::web::pages::runs::{RunsPage, StatusChip, TriggerChip};
use crate::web::pages::schedule::{GroupCard, GroupPage, JobRow};
use crate::web::pages::tree::Spot;
use crate::web::pages::versions::{CountChip, DayPage, DayRow};

pub(super) fn home(lang: Lang) -> HomePage {
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
            said: "ERROR: table ods.orders not found".into(),
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

pub(super) fn workers(lang: Lang) -> Vec<Machine> {
    let views = worker_views();
    views
        .iter()
        .map(|worker| Machine::new(worker, times(lang)))
        .collect()
}

pub(super) fn admins(lang: Lang) -> Vec<AdminCard> {
    let admin = |name: &str, version: &str| AdminSeen {
        at: Holder {
            name: name.into(),
            http: name.into(),
            connect: "10.0.4.1:9887".into(),
        },
        version: version.into(),
        started_at: now() - TimeDelta::days(3),
        seen_at: now(),
    };
    let (one, other) = ("10.0.4.1:8080", "10.0.4.2:8080");
    [admin(one, env!("CARGO_PKG_VERSION")), admin(other, "0.0.9")]
        .iter()
        .map(|admin| AdminCard::new(admin, one, other, times(lang)))
        .collect()
}

pub(super) fn worker_views() -> Vec<WorkerView> {
    let worker = |id, name: &str, connected, accepting, memory_rate, load_per_core| WorkerView {
        id: WorkerId(id),
        name: name.into(),
        address: "10.0.4.17".into(),
        version: if id == 3 { "0.0.9" } else { "0.1.0" }.into(),
        labels: (id == 1).then(|| "gpu".to_owned()).into_iter().collect(),
        connected,
        accepting,
        load: Load {
            memory_total_mib: 64 * 1024,
            memory_rate,
            load_per_core,
            cores: 16,
            disk_free_mib: 421_000,
            disk_full: false,
        },
        running: 7,
        slots: 24,
        last_seen: Some(now() - TimeDelta::seconds(2)),
    };
    vec![
        worker(1, "node-a", true, true, 0.42, 0.61),
        worker(2, "node-b", true, false, 0.83, 0.97),
        worker(3, "node-c", false, true, 0.10, 0.02),
    ]
}

pub(super) fn group_page(lang: Lang) -> GroupPage {
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
                    next: next_due(&defs, job, times(lang)),
                    next_word: lang.texts().schedule.after_upstream,
                }
            })
            .collect(),
        config: vec![("warehouse".into(), "/data/warehouse".into())],
    }
}

pub(super) fn group_form(lang: Lang) -> GroupForm {
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

pub(super) fn day(lang: Lang) -> DayPage {
    let row = |id, name: &str, status, why: &str| DayRow {
        id: format!("202611200630{id:06}"),
        job_id: id,
        job_name: name.into(),
        job_href: format!("/hera/schedule/jobs/{id}"),
        status: Chip::version(status, false, lang),
        due: times(lang).at(now()),
        why: why.into(),
        bad: status == VersionStatus::Failed,
        run: Some(900 + id),
    };
    DayPage {
        frame: frame(lang, Section::Home),
        date: now().date_naive(),
        today: "/hera/versions".into(),
        previous: "/hera/versions?date=2026-11-19".into(),
        next: "/hera/versions?date=2026-11-21".into(),
        status: "failed".into(),
        all_href: "/hera/versions".into(),
        chips: vec![CountChip {
            status: Chip::version(VersionStatus::Failed, false, lang),
            count: 1,
            href: "/hera/versions".into(),
            on: true,
        }],
        rows: vec![
            row(14, "dwd_temperature", VersionStatus::Failed, "exit 2"),
            row(16, "dws_climate_month", VersionStatus::Waiting, ""),
        ],
        can_operate: true,
    }
}

pub(super) fn run_page(lang: Lang, status: RunStatus) -> RunPage {
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
        config: vec![("queue".into(), "root.etl".into())],
        run: line,
    }
}

pub(super) fn runs_page(lang: Lang, rows: bool) -> RunsPage {
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

pub(super) fn profile(lang: Lang) -> ProfilePage {
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
