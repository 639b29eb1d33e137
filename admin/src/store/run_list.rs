//! Runs as pages and the API show them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::engine::Run;
use hera_domain::id::{JobId, RunId};
use hera_domain::reason::Reason;
use hera_domain::status::{RunStatus, Trigger};
use hera_domain::version_id::VersionId;

use super::dialect::{AnyConn, MultiBackend};
use super::instant::At;
use super::reasons::to_reason;
use super::runs::{RenderedRun, Row};
use super::schema::{hera_job, hera_run, hera_run_script, hera_version, hera_worker};
use super::{Page, Store, StoreError, from_json, word};

/// A run with the names that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    pub run: Run,
    pub version: VersionId,
    /// The instant that the version stands for.
    pub business_time: Timestamp,
    pub job_name: String,
    pub worker_name: Option<String>,
    /// How it ended after it had been given up.
    pub late_result: Option<Reason>,
}

/// Which runs; what is `None` or empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub job: Option<JobId>,
    pub version: Option<VersionId>,
    pub statuses: Vec<RunStatus>,
    pub trigger: Option<Trigger>,
    /// Created from here …
    pub from: Option<Timestamp>,
    /// … to before here.
    pub to: Option<Timestamp>,
}

/// How many runs of one trigger stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunCount {
    pub trigger: Trigger,
    pub status: RunStatus,
    pub count: i64,
}

type ViewRow = (Row, String, At, String, Option<String>, Option<String>);

impl TryFrom<ViewRow> for RunView {
    type Error = StoreError;

    fn try_from(
        (run, version, business_time, job_name, worker_name, late_result): ViewRow,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            run: run.try_into()?,
            version: VersionId(version),
            business_time: business_time.0,
            job_name,
            worker_name,
            late_result: late_result.as_deref().map(to_reason),
        })
    }
}

/// The runs with their names; a macro because the type of a joined query fills a page.
macro_rules! views {
    () => {
        hera_run::table
            .inner_join(hera_version::table.on(hera_version::id.eq(hera_run::version_key)))
            .inner_join(hera_job::table.on(hera_job::id.eq(hera_run::job_id)))
            .left_join(hera_worker::table.on(hera_worker::id.nullable().eq(hera_run::worker_id)))
            .select((
                Row::as_select(),
                hera_version::version,
                hera_version::business_time,
                hera_job::name,
                hera_worker::name.nullable(),
                hera_run::late_result,
            ))
    };
}

impl Store {
    /// Runs, newest first, from before `cursor` (an id) on.
    pub async fn runs(
        &self,
        filter: RunFilter,
        cursor: Option<i64>,
        limit: i64,
    ) -> Result<Page<RunView>, StoreError> {
        self.read(move |conn| {
            let rows = list(conn, &filter, cursor, limit)?;
            Ok(Page::cut(rows, limit, |view| view.run.id.0))
        })
        .await
    }

    /// One run.
    pub async fn run(&self, id: RunId) -> Result<Option<RunView>, StoreError> {
        self.read(move |conn| {
            views!()
                .filter(hera_run::id.eq(id.0))
                .first::<ViewRow>(conn)
                .optional()?
                .map(RunView::try_from)
                .transpose()
        })
        .await
    }

    /// What a run was given to execute; `None` before its dispatch.
    pub async fn run_script(&self, run: RunId) -> Result<Option<RenderedRun>, StoreError> {
        self.read(move |conn| {
            let row: Option<(String, String)> = hera_run_script::table
                .filter(hera_run_script::run_id.eq(run.0))
                .select((hera_run_script::script, hera_run_script::config))
                .first(conn)
                .optional()?;
            row.map(|(script, config)| {
                Ok(RenderedRun {
                    run,
                    script,
                    config: from_json(&config, "hera_run_script.config")?,
                })
            })
            .transpose()
        })
        .await
    }

    /// How many runs created in [from, to) stand where, by trigger.
    pub async fn count_runs(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RunCount>, StoreError> {
        self.read(move |conn| {
            let rows: Vec<(String, String, i64)> = hera_run::table
                .filter(hera_run::created_at.ge(At(from)))
                .filter(hera_run::created_at.lt(At(to)))
                .group_by((hera_run::trigger_type, hera_run::status))
                .select((
                    hera_run::trigger_type,
                    hera_run::status,
                    diesel::dsl::count_star(),
                ))
                .load(conn)?;
            rows.into_iter()
                .map(|(trigger, status, count)| {
                    Ok(RunCount {
                        trigger: word(&trigger, "hera_run.trigger_type")?,
                        status: word(&status, "hera_run.status")?,
                        count,
                    })
                })
                .collect()
        })
        .await
    }

    /// The latest run of each of these jobs.
    pub async fn latest_runs(
        &self,
        jobs: Vec<JobId>,
    ) -> Result<BTreeMap<JobId, RunView>, StoreError> {
        self.read(move |conn| {
            let ids: Vec<i64> = jobs.iter().map(|id| id.0).collect();
            let latest: Vec<Option<i64>> = hera_run::table
                .filter(hera_run::job_id.eq_any(ids))
                .group_by(hera_run::job_id)
                .select(diesel::dsl::max(hera_run::id))
                .load(conn)?;
            let latest: Vec<i64> = latest.into_iter().flatten().collect();
            let rows: Vec<ViewRow> = views!().filter(hera_run::id.eq_any(latest)).load(conn)?;
            rows.into_iter()
                .map(|row| RunView::try_from(row).map(|view| (view.run.job, view)))
                .collect()
        })
        .await
    }
}

fn list(
    conn: &mut AnyConn,
    filter: &RunFilter,
    cursor: Option<i64>,
    limit: i64,
) -> Result<Vec<RunView>, StoreError> {
    let mut query = views!()
        .order(hera_run::id.desc())
        .limit(limit + 1)
        .into_boxed::<MultiBackend>();
    if let Some(cursor) = cursor {
        query = query.filter(hera_run::id.lt(cursor));
    }
    if let Some(job) = filter.job {
        query = query.filter(hera_run::job_id.eq(job.0));
    }
    if let Some(version) = &filter.version {
        query = query.filter(hera_version::version.eq(version.as_str()));
    }
    if !filter.statuses.is_empty() {
        let words = filter.statuses.iter().map(|status| status.as_str());
        query = query.filter(hera_run::status.eq_any(words.collect::<Vec<_>>()));
    }
    if let Some(trigger) = filter.trigger {
        query = query.filter(hera_run::trigger_type.eq(trigger.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(hera_run::created_at.ge(At(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(hera_run::created_at.lt(At(to)));
    }
    let rows: Vec<ViewRow> = query.load(conn)?;
    rows.into_iter().map(RunView::try_from).collect()
}
