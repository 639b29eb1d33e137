//! The believable installation that the sample pages show: seven jobs, their runs, one person.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarRule, DayRule};
use hera_domain::clock::Timestamp;
use hera_domain::engine::Run;
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{CalendarId, GroupId, JobId, Revision, RunId, TeamId, VersionKey, WorkerId};
use hera_domain::job::{Edge, JobContent, JobDef, RetryPolicy, Schedule, ScheduleEra};
use hera_domain::reason::Reason;
use hera_domain::status::{
    Misfire, OnLost, Overlap, Policy, RunStatus, Switch, Trigger, VersionStatus, Window,
};
use hera_domain::version_id::VersionId;

use super::calendars::workdays;
use crate::master::Definitions;
use crate::store::RunView;
use crate::web::assets::AssetUrls;
use crate::web::i18n::Lang;
use crate::web::pages::changes::{Changes, FieldChange, lines};
use crate::web::pages::frame::{Frame, Section, Theme};
use crate::web::pages::job::{Head, TabLink};
use crate::web::pages::parts::{Chip, Crumb, Times};
use crate::web::pages::tree::{Forest, Spot, Tree};

pub(super) const JOBS: [(i64, &str, &[i64]); 7] = [
    (11, "ods_weather_extract", &[]),
    (12, "ods_weather_validate", &[11]),
    (13, "dwd_station_day", &[12]),
    (14, "dwd_temperature", &[13]),
    (15, "dwd_rain", &[13]),
    (16, "dws_climate_month", &[14, 15]),
    (17, "ads_report", &[16]),
];
pub(super) const SCRIPT: &str = "#!/bin/bash\nset -euo pipefail\nday=${zdt.addDay(-1).format(\"yyyyMMdd\")}\n\n# one day of observations, straight from the archive\npython3 \"$PIPELINE/extract.py\" --day \"$day\" --out \"${warehouse}/ods/$day.csv\"\nwc -l \"${warehouse}/ods/$day.csv\"\n";

pub(super) fn now() -> Timestamp {
    "2026-11-20T06:03:00Z".parse().unwrap()
}

pub(super) fn times(lang: Lang) -> Times {
    Times {
        now: now(),
        zone: Tz::Asia__Shanghai,
        lang,
    }
}

pub(super) fn frame(lang: Lang, section: Section) -> Frame {
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
        must_change: section == Section::Home,
        section,
        leader_ok: true,
        leader_name: "admin-1".into(),
        clock: "14:03".into(),
        zone: "CST".into(),
        zone_id: "Asia/Shanghai".into(),
    }
}

pub(super) fn job(id: i64, name: &str, upstreams: &[i64]) -> JobDef {
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
                validity: hera_domain::cron::Validity::ALWAYS,
                calendar: (id == 11).then(|| CalendarRule {
                    name: workdays().content.name,
                    rule: DayRule::Next,
                }),
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

pub(super) fn definitions() -> Definitions {
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
        calendars: [(CalendarId(1), Arc::new(workdays()))].into(),
        ..Definitions::default()
    }
}

pub(super) fn status_of(id: i64) -> RunStatus {
    match id {
        11..=13 => RunStatus::Success,
        14 => RunStatus::Failed,
        15 => RunStatus::Running,
        _ => RunStatus::Queued,
    }
}

pub(super) fn run(id: i64, job: i64, status: RunStatus, took: i64) -> RunView {
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
            repeats: None,
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
            reason: (status == RunStatus::Failed)
                .then(|| Reason::said("table ods.weather not found")),
            cancelled_by: None,
            kill_confirmed: None,
            fenced: false,
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
        late_result: None,
        worker_name: begun.then(|| "node-a".to_owned()),
    }
}

pub(super) fn runs() -> Vec<RunView> {
    JOBS.iter()
        .rev()
        .map(|(id, _, _)| run(900 + id, *id, status_of(*id), 184 + id))
        .collect()
}

pub(super) fn latest() -> BTreeMap<JobId, RunStatus> {
    JOBS.iter()
        .map(|(id, _, _)| (JobId(*id), status_of(*id)))
        .collect()
}

pub(super) fn tree(lang: Lang, spot: Spot) -> Tree {
    Forest::new(&definitions(), latest(), lang).tree(spot, "")
}

pub(super) fn crumbs() -> Vec<Crumb> {
    let crumb = |name: &str| Crumb {
        name: name.into(),
        href: "/hera/schedule/groups/1".into(),
    };
    vec![crumb("数据平台"), crumb("天气管道 weather")]
}

pub(super) fn head(lang: Lang, tab: usize) -> Head {
    let t = &lang.texts().job;
    let tabs = [
        t.overview,
        t.versions,
        t.runs,
        lang.texts().preview.title,
        t.revisions,
    ];
    Head {
        id: 13,
        name: "dwd_station_day".into(),
        crumbs: crumbs(),
        switch: Chip::switch(Switch::Open, lang),
        open: true,
        today: Some(Chip::version(VersionStatus::Success, false, lang)),
        tabs: tabs
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

pub(super) fn form_content() -> JobContent {
    JobContent {
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
        followers: Vec::new(),
        resources: Vec::new(),
        pool: None,
    }
}

pub(super) fn changes(lang: Lang) -> Changes {
    Changes {
        fields: vec![FieldChange {
            name: lang.texts().job.cron,
            before: "0 30 6 * * ?".into(),
            after: "0 0 7 * * ?".into(),
        }],
        script: lines(
            "set -euo pipefail\npython3 extract.py\necho done\n",
            "set -euo pipefail\npython3 extract.py --day \"$day\"\necho done\nls\n",
        ),
    }
}
