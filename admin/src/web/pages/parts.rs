//! Small pieces of pages that many screens show: statuses, times, people's words for triggers.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::SecondsFormat;
use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::status::{RunStatus, Switch, Trigger, VersionStatus};

use crate::web::i18n::Lang;

/// A status: colour, shape and word, always together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    source = r##"<span class="st st-{{ class }}"><svg class="i" aria-hidden="true"><use href="#i-{{ icon }}"/></svg>{{ word }}</span>"##,
    ext = "html"
)]
pub struct Chip {
    pub class: &'static str,
    pub icon: &'static str,
    pub word: &'static str,
}

// The template above escapes its values; what it yields is markup.
impl HtmlSafe for Chip {}

impl Chip {
    pub const fn run(status: RunStatus, lang: Lang) -> Self {
        let t = &lang.texts().status;
        let (class, icon, word) = match status {
            RunStatus::Queued => ("queued", "quarter", t.queued),
            RunStatus::Dispatched => ("dispatched", "quarter", t.dispatched),
            RunStatus::Running => ("running", "half", t.running),
            RunStatus::Success => ("success", "circle-check-filled", t.success),
            RunStatus::Failed => ("failed", "circle-x-filled", t.failed),
            RunStatus::Cancelled => ("cancelled", "ban", t.cancelled),
            RunStatus::Lost => ("lost", "circle-x-filled", t.lost),
        };
        Self { class, icon, word }
    }

    pub const fn version(status: VersionStatus, frozen: bool, lang: Lang) -> Self {
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

    pub const fn switch(switch: Switch, lang: Lang) -> Self {
        let t = &lang.texts().status;
        let (class, icon, word) = match switch {
            Switch::Open => ("open", "toggle-right", t.open),
            Switch::Closed => ("closed", "toggle-left", t.closed),
            Switch::Invalid => ("invalid", "ban", t.invalid),
        };
        Self { class, icon, word }
    }

    /// The job has no version on the day that is shown.
    pub const fn none(lang: Lang) -> Self {
        Self {
            class: "none",
            icon: "circle-dashed",
            word: lang.texts().status.no_version,
        }
    }
}

/// The word for a trigger.
pub const fn trigger_word(trigger: Trigger, lang: Lang) -> &'static str {
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
    source = r#"<time datetime="{{ iso }}" title="{{ absolute }}" data-relative>{{ relative }}</time>"#,
    ext = "html"
)]
pub struct Ago {
    pub iso: String,
    pub absolute: String,
    pub relative: String,
}

impl HtmlSafe for Ago {}

/// An instant as date and time in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ iso }}" title="{{ absolute }}">{{ short }}</time>"#,
    ext = "html"
)]
pub struct At {
    pub iso: String,
    pub absolute: String,
    pub short: String,
}

impl HtmlSafe for At {}

/// What is needed to show times: the present, the zone, the language.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub now: Timestamp,
    pub zone: Tz,
    pub lang: Lang,
}

impl Times {
    /// The same with another zone (a job's own).
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    pub fn ago(&self, at: Timestamp) -> Ago {
        Ago {
            iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            absolute: self.absolute(at),
            relative: self.lang.relative((at - self.now).num_milliseconds()),
        }
    }

    /// `06:30` today, `11-20 06:30` this year, with the year otherwise.
    pub fn at(&self, at: Timestamp) -> At {
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
    pub fn absolute(&self, at: Timestamp) -> String {
        let local = at.with_timezone(&self.zone);
        local.format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}
