//! The pages of one job.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::id::{GroupId, JobId, Revision};
use hera_domain::job::FieldError;
use hera_domain::status::{RunStatus, VersionStatus};
use hera_domain::vars::{Context, RenderError, Rendered, check, render_keeping_secrets};

use super::data::{
    SCRIPT, changes, crumbs, definitions, form_content, frame, head, latest, now, run, runs, times,
    tree,
};
use crate::web::i18n::Lang;
use crate::web::pages::fires::{cron_of, fires};
use crate::web::pages::frame::Section;
use crate::web::pages::graph::draw;
use crate::web::pages::job::{CalendarLink, ConfigLine, OverviewPage, bars, facts_of, link};
use crate::web::pages::job_edit::{EditPage, FIELDS, JobForm, Stale, periods, run_types};
use crate::web::pages::job_new::NewJobPage;
use crate::web::pages::job_tabs::{EdgeBadge, JobRunsPage, VersionRow, VersionsPage};
use crate::web::pages::parts::{Chip, Choice, Errors, RunLine};
use crate::web::pages::preview::{Ask, Draft, Near, PreviewPage, Says};
use crate::web::pages::preview_parts::{draw as draw_script, origin_badge};
use crate::web::pages::revisions::{Comparison, RestoreForm, RevisionRow, RevisionsPage};
use crate::web::pages::run_dialog::{Earlier, RunDialog};
use crate::web::pages::tree::Spot;

pub(super) fn overview(lang: Lang) -> OverviewPage {
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
            let origin = Origin::Group(GroupId(1), "数据平台".to_owned());
            origin_badge(&origin, None, key, lang)
        } else {
            origin_badge(&Origin::Job, None, key, lang)
        },
    };
    OverviewPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 0),
        description: "One row per station and day, from the validated observations.".into(),
        says: Says {
            at: Some("/hera/schedule/jobs/13/preview".into()),
            open: false,
            ..draw_script(&rendered(), SCRIPT, lang).says
        },
        facts: facts_of(
            &defs,
            &defs.jobs[&JobId(13)],
            &form_content(),
            "warehouse".into(),
            lang,
        ),
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
        calendar: Some(CalendarLink {
            name: "中国工作日".into(),
            href: Some("/hera/admin/calendars/1".into()),
            rule: lang.texts().job.rule_next,
        }),
        cron: Some("0 30 6 * * ?".into()),
        cron_words: cron_of(&defs.jobs[&JobId(11)]).map(|cron| lang.cron(&cron.words())),
        zone: "Asia/Shanghai".into(),
        fires: fires(&defs, defs.jobs[&JobId(11)].schedule(), times(lang), 5),
        graph: draw(&defs, JobId(13), &latest(), lang),
        upstreams: vec![link(&defs.jobs[&JobId(12)])],
        downstreams: vec![link(&defs.jobs[&JobId(14)]), link(&defs.jobs[&JobId(15)])],
    }
}

pub(super) fn edit(lang: Lang, stale: bool) -> EditPage {
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
        notice: errors.notice(FIELDS, lang),
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
        periods: periods("day", t),
        preview: Some("/hera/schedule/jobs/13/preview".into()),
        calendars: one(t.no_calendar),
        day_rules: one(t.rule_include),
        form,
    }
}

/// What the sample's script becomes with a parameter, and with what its groups give.
fn rendered() -> Result<Rendered, RenderError> {
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    };
    let (params, job) = (pairs(&[("limit", "500")]), pairs(&[("limit", "20")]));
    let group = pairs(&[
        ("sh.warehouse", "/data/sh"),
        ("warehouse", "/data/warehouse"),
        ("secret.archive_key", "hush"),
    ]);
    let levels = [
        (Origin::Job, &job),
        (Origin::Group(GroupId(1), "数据平台".to_owned()), &group),
    ];
    let config = EffectiveConfig::merge(levels, "sh");
    let script = format!("{SCRIPT}head -${{limit}} ${{file}}\nlogin ${{secret.archive_key}}\n");
    let context = Context {
        params: &params,
        config: &config,
        builtins: BTreeMap::new(),
        base: now(),
        tz: chrono_tz::Tz::Asia__Shanghai,
        now: now(),
    };
    render_keeping_secrets(&script, &context)
}

/// The preview of a script; `bad` = one that cannot be rendered, as it stands in the editor.
pub(super) fn preview(lang: Lang, bad: bool) -> PreviewPage {
    let broken = "day=1\necho ${zdt.adDay(-1)}\n";
    let made = match bad {
        true => Err(check(broken).expect_err("there is no such method")),
        false => rendered(),
    };
    let drawn = draw_script(&made, broken, lang);
    let near = |value: &str| {
        Some(Near {
            value: value.into(),
            word: "11-21 06:30".into(),
        })
    };
    let error = FieldError::new("at", lang.texts().run_dialog.bad_time);
    let param = ("limit".to_owned(), "500".to_owned());
    PreviewPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 3),
        ask: Ask {
            action: "/hera/schedule/jobs/13/preview".into(),
            draft: bad.then(|| Draft {
                script: broken.into(),
                config: "a=1\n".into(),
                timezone: "Asia/Shanghai".into(),
                cron_period: String::new(),
                cron_interval: String::new(),
            }),
            at: "2026-11-20T06:30:00".into(),
            ago: (!bad).then(|| times(lang).ago(now())),
            zone: "Asia/Shanghai".into(),
            earlier: near("2026-11-19T06:30:00"),
            later: near("2026-11-21T06:30:00"),
            params: if bad { Vec::new() } else { vec![param] },
            focus: (!bad).then(|| "limit".to_owned()),
            typed: String::new(),
            errors: Errors(if bad { vec![error] } else { Vec::new() }),
        },
        says: drawn.says,
        lines: drawn.lines,
        variables: drawn.variables,
        files: drawn.files,
        version: "202611200630000013".into(),
        batch_id: "2026-11-19".into(),
        environment: vec![("HERA_JOB_ID".into(), "13".into())],
    }
}

pub(super) fn versions(lang: Lang) -> VersionsPage {
    let date = now().date_naive();
    let row = |status, why: &str| VersionRow {
        id: "202611200630000013".into(),
        business_time: times(lang).at(now()),
        batch_id: "2026-11-19".into(),
        preview: "/hera/schedule/jobs/13/preview?at=2026-11-20T06:30:00".into(),
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
        batches: true,
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

pub(super) fn revisions(lang: Lang) -> RevisionsPage {
    RevisionsPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 4),
        here: "/hera/schedule/jobs/13/revisions".into(),
        older: None,
        rows: [(4, "later start"), (3, ""), (2, "one day only")]
            .into_iter()
            .map(|(n, comment)| RevisionRow {
                revision: n,
                at: times(lang).ago(now() - TimeDelta::hours(30 / n)),
                author: "lin".into(),
                comment: comment.into(),
                href: Some(format!(
                    "/hera/schedule/jobs/13/revisions?from={}&to={n}",
                    n - 1
                )),
                back: (n < 4).then(|| format!("/hera/schedule/jobs/13/revisions?from=4&to={n}")),
                current: n == 4,
                shown: n == 3,
            })
            .collect(),
        shown: Some(Comparison {
            before: vec![Choice::new("4", "4", true), Choice::new("3", "3", false)],
            after: vec![Choice::new("4", "4", false), Choice::new("3", "3", true)],
            changes: changes(lang),
            author: "lin".into(),
            at: times(lang).ago(now() - TimeDelta::hours(10)),
            comment: String::new(),
            restore: Some(RestoreForm {
                action: "/hera/schedule/jobs/13/revisions/3/restore".into(),
                revision: 3,
                newest: 4,
            }),
        }),
    }
}

pub(super) fn new_job(lang: Lang) -> NewJobPage {
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

pub(super) fn dialog(lang: Lang) -> RunDialog {
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
        earlier: Some(Earlier {
            id: 914,
            revision: 3,
            newest: 4,
            as_it_was: false,
        }),
    }
}

pub(super) fn job_runs(lang: Lang) -> JobRunsPage {
    JobRunsPage {
        frame: frame(lang, Section::Schedule),
        tree: tree(lang, Spot::Job(JobId(13))),
        side_first: false,
        head: head(lang, 2),
        rows: runs()
            .iter()
            .map(|r| RunLine::new(r, times(lang)))
            .collect(),
        older: None,
    }
}
