//! The list of runs, filtered by chips whose state is the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::id::JobId;
use hera_domain::status::{RunStatus, Trigger};
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::{Chip, Crumb, RunLine, trigger_word};
use super::visit::{Visit, html};
use crate::store::RunFilter;
use crate::web::BASE;
use crate::web::error::{Error, Result};

/// The list.
#[derive(Debug, Template)]
#[template(path = "runs/page.html")]
pub(super) struct RunsPage {
    pub frame: Frame,
    pub statuses_all: bool,
    pub all_href: String,
    pub statuses: Vec<StatusChip>,
    pub triggers: Vec<TriggerChip>,
    /// The job that the list is narrowed to, and the way back to all.
    pub job: Option<Crumb>,
    pub rows: Vec<RunLine>,
    pub older: Option<String>,
    pub filtered: bool,
}

#[derive(Debug)]
pub(super) struct StatusChip {
    pub status: Chip,
    pub href: String,
    pub on: bool,
}

#[derive(Debug)]
pub(super) struct TriggerChip {
    pub word: &'static str,
    pub href: String,
    pub on: bool,
}

/// The filter as the address says it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Filter {
    /// Statuses with commas between.
    #[serde(default)]
    status: String,
    #[serde(default)]
    trigger: String,
    job: Option<i64>,
    before: Option<i64>,
    /// `today` = created since midnight in the installation's zone.
    #[serde(default)]
    since: String,
}

impl Filter {
    fn statuses(&self) -> Result<Vec<RunStatus>> {
        self.status
            .split(',')
            .filter(|word| !word.is_empty())
            .map(|word| {
                word.parse()
                    .map_err(|e| Error::Malformed(format!("status: {e}")))
            })
            .collect()
    }

    fn href(&self) -> String {
        let mut pairs = Vec::new();
        let mut pair = |name: &str, value: &str| {
            if !value.is_empty() {
                pairs.push(format!("{name}={value}"));
            }
        };
        pair("status", &self.status);
        pair("trigger", &self.trigger);
        pair("since", &self.since);
        pair(
            "job",
            &self.job.map(|id| id.to_string()).unwrap_or_default(),
        );
        pair(
            "before",
            &self.before.map(|id| id.to_string()).unwrap_or_default(),
        );
        if pairs.is_empty() {
            format!("{BASE}/runs")
        } else {
            format!("{BASE}/runs?{}", pairs.join("&"))
        }
    }
}

/// `GET /runs`.
pub(super) async fn list(visit: Visit, query: web::Query<Filter>) -> Result<HttpResponse> {
    let filter = query.into_inner();
    let chosen = filter.statuses()?;
    let trigger = match filter.trigger.as_str() {
        "" => None,
        word => Some(
            word.parse::<Trigger>()
                .map_err(|e| Error::Malformed(e.to_string()))?,
        ),
    };
    let wanted = RunFilter {
        job: filter.job.map(JobId),
        statuses: chosen.clone(),
        trigger,
        from: (filter.since == "today").then(|| visit.today_start()),
        ..RunFilter::default()
    };
    let page = visit.state.store.runs(wanted, filter.before, 50).await?;
    let times = visit.times();
    let first = Filter {
        before: None,
        ..filter.clone()
    };
    html(&RunsPage {
        frame: visit.frame(Section::Runs),
        statuses_all: chosen.is_empty(),
        all_href: Filter {
            status: String::new(),
            ..first.clone()
        }
        .href(),
        statuses: status_chips(&visit, &first, &chosen),
        triggers: trigger_chips(&visit, &first, trigger),
        job: filter.job.map(|id| Crumb {
            name: visit
                .state
                .master
                .definitions()
                .jobs
                .get(&JobId(id))
                .map_or_else(|| id.to_string(), |job| job.name.clone()),
            href: Filter {
                job: None,
                ..first.clone()
            }
            .href(),
        }),
        rows: page
            .items
            .iter()
            .map(|run| RunLine::new(run, times))
            .collect(),
        older: page.next.map(|next| {
            Filter {
                before: Some(next),
                ..filter.clone()
            }
            .href()
        }),
        filtered: first.href() != Filter::default().href(),
    })
}

/// One chip per status; a click adds it to the chosen ones or takes it away.
fn status_chips(visit: &Visit, filter: &Filter, chosen: &[RunStatus]) -> Vec<StatusChip> {
    RunStatus::ALL
        .iter()
        .map(|status| {
            let on = chosen.contains(status);
            let kept = chosen.iter().filter(|other| *other != status).copied();
            let next: Vec<_> = kept
                .chain((!on).then_some(*status))
                .map(RunStatus::as_str)
                .collect();
            StatusChip {
                status: Chip::run(*status, visit.lang),
                href: Filter {
                    status: next.join(","),
                    ..filter.clone()
                }
                .href(),
                on,
            }
        })
        .collect()
}

fn trigger_chips(visit: &Visit, filter: &Filter, chosen: Option<Trigger>) -> Vec<TriggerChip> {
    [Trigger::Schedule, Trigger::Manual, Trigger::Recover]
        .into_iter()
        .map(|trigger| {
            let on = chosen == Some(trigger);
            let next = if on { "" } else { trigger.as_str() };
            TriggerChip {
                word: trigger_word(trigger, visit.lang),
                href: Filter {
                    trigger: next.to_owned(),
                    ..filter.clone()
                }
                .href(),
                on,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_filter() {
        let filter = Filter {
            status: "failed,lost".into(),
            job: Some(7),
            ..Filter::default()
        };
        assert_eq!(filter.href(), "/hera/runs?status=failed,lost&job=7");
        assert_eq!(
            filter.statuses().unwrap(),
            [RunStatus::Failed, RunStatus::Lost]
        );
        assert_eq!(Filter::default().href(), "/hera/runs");
        assert!(
            Filter {
                status: "green".into(),
                ..Filter::default()
            }
            .statuses()
            .is_err()
        );
    }
}
