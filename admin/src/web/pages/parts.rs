//! Small pieces of pages that many screens show: statuses, times, people's words for triggers.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::engine::Run;
use hera_domain::id::Revision;
use hera_domain::job::FieldError;
use hera_domain::status::{RunStatus, Switch, Trigger, VersionStatus};
use serde::Deserialize;

use crate::store::RunView;
use crate::web::BASE;
use crate::web::i18n::Lang;

/// Beyond this the date says more than the number of days.
const FAR: TimeDelta = TimeDelta::days(60);

/// A status: colour, shape and word, always together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    source = r##"<span class="st st-{{ class }}"><svg class="i" aria-hidden="true"><use href="#i-{{ icon }}"/></svg>{{ word }}</span>"##,
    ext = "html"
)]
pub(super) struct Chip {
    pub class: &'static str,
    pub icon: &'static str,
    pub word: &'static str,
}

// The template above escapes its values; what it yields is markup.
impl HtmlSafe for Chip {}

impl Chip {
    pub(super) const fn run(status: RunStatus, lang: Lang) -> Self {
        let (class, icon) = match status {
            RunStatus::Queued => ("queued", "quarter"),
            RunStatus::Dispatched => ("dispatched", "quarter"),
            RunStatus::Running => ("running", "half"),
            RunStatus::Success => ("success", "circle-check-filled"),
            RunStatus::Failed => ("failed", "circle-x-filled"),
            RunStatus::Cancelled => ("cancelled", "ban"),
            RunStatus::Lost => ("lost", "circle-x-filled"),
        };
        let word = lang.run_status(status);
        Self { class, icon, word }
    }

    pub(super) const fn version(status: VersionStatus, frozen: bool, lang: Lang) -> Self {
        let t = &lang.texts().status;
        if frozen {
            return Self {
                class: "frozen",
                icon: "snowflake",
                word: t.frozen,
            };
        }
        let (class, icon, word) = match status {
            VersionStatus::Planned => ("planned", "circle-dashed", t.planned),
            VersionStatus::Waiting => ("waiting", "circle", t.waiting),
            VersionStatus::Queued => ("queued", "quarter", t.queued),
            VersionStatus::Running => ("running", "half", t.running),
            VersionStatus::RetryWait => ("retry", "refresh", t.retry_wait),
            VersionStatus::Success => ("success", "circle-check-filled", t.success),
            VersionStatus::Failed => ("failed", "circle-x-filled", t.failed),
            VersionStatus::Cancelled => ("cancelled", "ban", t.cancelled),
            VersionStatus::Lost => ("lost", "circle-x-filled", t.lost),
            VersionStatus::Skipped => ("skipped", "player-skip-forward", t.skipped),
            VersionStatus::Missed => ("missed", "backspace", t.missed),
        };
        Self { class, icon, word }
    }

    pub(super) const fn switch(switch: Switch, lang: Lang) -> Self {
        let t = &lang.texts().status;
        let (class, icon, word) = match switch {
            Switch::Open => ("open", "toggle-right", t.open),
            Switch::Closed => ("closed", "toggle-left", t.closed),
            Switch::Invalid => ("invalid", "ban", t.invalid),
        };
        Self { class, icon, word }
    }

    /// The job has no version on the day that is shown.
    pub(super) const fn none(lang: Lang) -> Self {
        Self {
            class: "none",
            icon: "circle-dashed",
            word: lang.texts().status.no_version,
        }
    }
}

/// The word for a trigger.
pub(super) const fn trigger_word(trigger: Trigger, lang: Lang) -> &'static str {
    let t = &lang.texts().status;
    match trigger {
        Trigger::Schedule => t.trigger_schedule,
        Trigger::Manual => t.trigger_manual,
        Trigger::Recover => t.trigger_recover,
        Trigger::Debug => t.trigger_debug,
        Trigger::Rerun => t.trigger_rerun,
        Trigger::SuperRecover => t.trigger_super_recover,
    }
}

/// An instant: relative where it is read, absolute with its zone on hover.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ iso }}" title="{{ absolute }}"{% if counts %} data-relative{% endif %}>{{ relative }}</time>"#,
    ext = "html"
)]
pub(super) struct Ago {
    pub iso: String,
    pub absolute: String,
    pub relative: String,
    /// Near enough to be kept true by the page.
    pub counts: bool,
}

impl HtmlSafe for Ago {}

/// An instant as date and time in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ iso }}" title="{{ absolute }}">{{ short }}</time>"#,
    ext = "html"
)]
pub(super) struct At {
    pub iso: String,
    pub absolute: String,
    pub short: String,
}

impl HtmlSafe for At {}

/// What is needed to show times: the present, the zone, the language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub now: Timestamp,
    pub zone: Tz,
    pub lang: Lang,
}

impl Times {
    /// The same with another zone (a job's own).
    #[must_use]
    pub(super) fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    pub(super) fn ago(&self, at: Timestamp) -> Ago {
        let distance = at - self.now;
        let counts = distance.abs() < FAR;
        Ago {
            iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            absolute: self.absolute(at),
            relative: if counts {
                self.lang.relative(distance.num_milliseconds())
            } else {
                let local = at.with_timezone(&self.zone);
                local.format("%Y-%m-%d").to_string()
            },
            counts,
        }
    }

    /// `06:30` today, `11-20 06:30` this year, with the year otherwise.
    pub(super) fn at(&self, at: Timestamp) -> At {
        let local = at.with_timezone(&self.zone);
        let today = self.now.with_timezone(&self.zone);
        let format = if local.date_naive() == today.date_naive() {
            "%H:%M:%S"
        } else if local.format("%Y").to_string() == today.format("%Y").to_string() {
            "%m-%d %H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        At {
            iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            absolute: self.absolute(at),
            short: local.format(format).to_string(),
        }
    }

    /// Date, time and zone.
    pub(super) fn absolute(&self, at: Timestamp) -> String {
        let local = at.with_timezone(&self.zone);
        local.format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

/// Fields whose parts have no fields of their own: their errors stand beside the whole.
const WITH_PARTS: [&str; 2] = ["config", "params"];

/// What is wrong with a form, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Errors(pub Vec<FieldError>);

impl Errors {
    /// With its messages in the reader's language.
    pub(super) fn said_in(mut self, lang: Lang) -> Self {
        for error in &mut self.0 {
            error.message = lang.message(&error.message);
        }
        self
    }

    /// The first message for a field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        let found = self.0.iter().find(|error| error.field == field);
        found.map(|error| error.message.as_str())
    }

    /// The messages for the parts of a field, each with the part's name: those of `config.key`
    /// for `config`.
    pub(super) fn inside(&self, field: &str) -> Vec<String> {
        let part = |error: &FieldError| {
            let name = error.field.strip_prefix(field)?.strip_prefix('.')?;
            Some(format!("{name}: {}", error.message))
        };
        self.0.iter().filter_map(part).collect()
    }

    /// Whether a field or a part of it has an error.
    pub(super) fn touches(&self, field: &str) -> bool {
        self.has(field) || !self.inside(field).is_empty()
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.of(field).is_some()
    }

    /// All messages in one line.
    pub(super) fn sentence(&self) -> String {
        let messages: Vec<_> = self.0.iter().map(|error| error.message.as_str()).collect();
        messages.join("; ")
    }

    /// What stands at the top of the form: a general remark, and every error that none of the
    /// form's own fields can show.
    pub(super) fn notice(&self, shown: &[&str], lang: Lang) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut text = lang.texts().form.check_fields.to_owned();
        let is_shown = |field: &str| {
            let whole = field.split_once('.').map_or(field, |(whole, _)| whole);
            shown.contains(&field) || (WITH_PARTS.contains(&whole) && shown.contains(&whole))
        };
        for error in self.0.iter().filter(|e| !is_shown(&e.field)) {
            text.push_str(&format!(" {}: {}.", error.field, error.message));
        }
        Some(text)
    }
}

/// A step of the way to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crumb {
    pub name: String,
    pub href: String,
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub name: &'static str,
    pub value: String,
    pub href: Option<String>,
}

impl Fact {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
            href: None,
        }
    }

    #[must_use]
    pub(super) fn link(mut self, href: String) -> Self {
        self.href = Some(href);
        self
    }
}

/// An entry of a select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub value: String,
    pub word: String,
    pub chosen: bool,
}

impl Choice {
    pub(super) fn new(value: impl Into<String>, word: impl Into<String>, chosen: bool) -> Self {
        Self {
            value: value.into(),
            word: word.into(),
            chosen,
        }
    }
}

/// How full something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meter {
    /// 0 to 100.
    pub percent: u8,
    pub class: &'static str,
    pub word: String,
}

impl Meter {
    /// `rate` 1 = full; `word` is what is read.
    pub(super) fn new(rate: f64, word: String) -> Self {
        let percent = percent(rate);
        let class = match percent {
            0..75 => "calm",
            75..90 => "high",
            _ => "full",
        };
        Self {
            percent,
            class,
            word,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=100 before the cast"
)]
fn percent(rate: f64) -> u8 {
    (rate.clamp(0.0, 1.0) * 100.0).round() as u8
}

/// A run as a line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunLine {
    pub id: i64,
    pub href: String,
    pub job_id: i64,
    pub job_name: String,
    pub job_href: String,
    pub status: Chip,
    pub unreachable: bool,
    /// It failed or was lost.
    pub bad: bool,
    pub version: String,
    pub trigger: &'static str,
    pub attempt: u32,
    pub worker: String,
    pub started: Option<Ago>,
    pub took: String,
    /// While it runs: since when, for the running clock.
    pub running_since: Option<String>,
    pub why: String,
    pub ago: Ago,
}

impl RunLine {
    pub(super) fn new(view: &RunView, times: Times) -> Self {
        let run = &view.run;
        let lang = times.lang;
        let running = run.status == RunStatus::Running;
        let took = match (run.started_at, run.ended_at) {
            (Some(start), Some(end)) => lang.duration((end - start).num_milliseconds()),
            (Some(start), None) if running => lang.duration((times.now - start).num_milliseconds()),
            (Some(_) | None, _) => "–".to_owned(),
        };
        let bad = matches!(run.status, RunStatus::Failed | RunStatus::Lost);
        Self {
            id: run.id.0,
            href: format!("{BASE}/runs/{}", run.id),
            job_id: run.job.0,
            job_name: view.job_name.clone(),
            job_href: format!("{BASE}/schedule/jobs/{}", run.job),
            status: Chip::run(run.status, lang),
            unreachable: run.unreachable,
            bad,
            version: view.version.to_string(),
            trigger: trigger_word(run.trigger, lang),
            attempt: run.attempt,
            worker: view.worker_name.clone().unwrap_or_default(),
            started: run.started_at.map(|at| times.ago(at)),
            took,
            running_since: run.started_at.filter(|_| running).map(iso),
            why: why(run, lang),
            ago: times.ago(run.ended_at.or(run.started_at).unwrap_or(run.created_at)),
        }
    }
}

/// Why a run ended or waits, in one sentence.
pub(super) fn why(run: &Run, lang: Lang) -> String {
    let mut parts = Vec::new();
    let told = run.status == RunStatus::Cancelled && run.reason.is_some();
    match (run.exit_code, run.signal) {
        // The signal is only how it was cancelled.
        _signal if told => {}
        (Some(0) | None, None) => {}
        (Some(code), None) => parts.push(lang.exit_code(code)),
        (_, Some(signal)) => parts.push(lang.signal(signal)),
    }
    parts.extend(run.reason.as_ref().map(|reason| lang.reason(reason)));
    parts.join(" · ")
}

/// An instant for scripts.
pub(super) fn iso(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The form behind a button that deletes.
#[derive(Debug, Deserialize)]
pub(super) struct Deletion {
    base_revision: Option<i64>,
}

impl Deletion {
    /// What was seen of the thing: it is not deleted if it was changed since.
    pub(super) fn base(&self) -> Option<Revision> {
        self.base_revision.map(Revision)
    }
}
