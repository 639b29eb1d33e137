//! Runs asked for by hand: which version is meant, and whether it was asked for before.

use std::sync::Arc;

use hera_domain::check::check_values;
use hera_domain::engine::{At, Event, Outcome, Recall, Repeated, Tick, TriggerRequest, Version};
use hera_domain::id::{JobId, RunId};
use hera_domain::status::RunStatus;
use hera_domain::version_id::VersionId;

use super::command::Reply;
use super::commands::Work;
use super::handle::{CommandError, TriggerRun, Triggered};
use super::leader::Leader;
use super::repeats::made_before;
use crate::access::Actor;
use crate::store::{Made, RunView, Store, Subject};

/// What became of a request before the engine saw it.
pub(super) enum Ready {
    /// A trigger with what was read.
    Go(Option<Box<Asked>>),
    /// The same request was carried out before.
    Done(Reply),
}

/// A request with what the database had to say of it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    request: TriggerRequest,
    /// Older versions that the engine must know for it.
    recalled: Vec<Version>,
}

impl Leader {
    /// Reads what a request needs of the database.
    pub(super) async fn prepare_trigger(
        &mut self,
        actor: &Actor,
        run: &TriggerRun,
    ) -> Result<Ready, CommandError> {
        let wrong = check_values("params", &run.params);
        if !wrong.is_empty() {
            return Err(CommandError::Invalid(wrong));
        }
        let store = self.loader.store.clone();
        let failed = |error: crate::store::StoreError| CommandError::Store(error.to_string());
        let key = run.idempotency_key.as_ref();
        if let Some(Made::Run(id)) = made_before(&store, actor, key).await? {
            return triggered_before(&store, id)
                .await
                .map(|done| Ready::Done(done.into()));
        }
        let repeated = match run.repeats {
            Some(id) => Some(repeated(&store, run.job, id).await?),
            None => None,
        };
        let version = run.version.as_ref();
        let at = match (version, run.business_time) {
            (Some(id), _) => {
                let known = match self.engine.version(id) {
                    Some(version) => Some(version.clone()),
                    None => store.version(id.clone()).await.map_err(failed)?,
                };
                match known.filter(|version| version.job == run.job) {
                    Some(version) => At::Business(version.business_time),
                    None => self.planned_time(run.job, id)?,
                }
            }
            (None, Some(time)) => At::Business(time),
            (None, None) => match &repeated {
                Some(earlier) => At::Business(earlier.business_time),
                None => At::Latest,
            },
        };
        let params = match &repeated {
            Some(earlier) if run.params.is_empty() => earlier.run.params.clone(),
            Some(_) | None => (!run.params.is_empty()).then(|| Arc::new(run.params.clone())),
        };
        let request = TriggerRequest {
            job: run.job,
            trigger: run.trigger,
            at,
            params,
            repeats: repeated.as_ref().and_then(|earlier| {
                let (run, revision) = (earlier.run.id, earlier.run.revision?);
                Some(Repeated { run, revision })
            }),
            operator: Some(actor.name.clone()),
        };
        let mut recalled = Vec::new();
        for Recall { job, from, until } in self
            .engine
            .recall_needed(&request, self.clock.last())
            .unwrap_or_default()
        {
            recalled.extend(
                store
                    .load_versions(job, from, until)
                    .await
                    .map_err(failed)?,
            );
        }
        Ok(Ready::Go(Some(Box::new(Asked { request, recalled }))))
    }

    /// The business time of a version that has no row yet, read off its id.
    fn planned_time(&mut self, job: JobId, id: &VersionId) -> Result<At, CommandError> {
        let unknown = || CommandError::NotFound(format!("version {id} of job {job}"));
        let day = id.local_day().ok_or_else(unknown)?;
        let found = self
            .engine
            .versions_on(job, day)
            .into_iter()
            .find(|v| v.id == *id);
        found
            .map(|version| At::Business(version.business_time))
            .ok_or_else(unknown)
    }

    pub(super) fn trigger(
        &mut self,
        actor: &Actor,
        run: &TriggerRun,
        Asked { request, recalled }: Asked,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Triggered, CommandError> {
        let key = run.idempotency_key.as_ref();
        if let Some(Made::Run(earlier)) = work.made_by(actor, key)?
            && let Some(earlier) = triggered_in(work, earlier)
        {
            return Ok(earlier);
        }
        if !recalled.is_empty() {
            self.step(Event::Recall(recalled), tick, work)?;
        }
        let outcome = self.step(Event::Trigger(request), tick, work)?;
        let Outcome::Triggered { run: id, version } = outcome else {
            return Err(CommandError::Conflict("the trigger made no run".into()));
        };
        work.remember(actor, key, Made::Run(id));
        work.record(
            actor,
            run.trigger.as_str(),
            (Subject::Run, id.0),
            format!("version {version}"),
        );
        Ok(Triggered {
            run: id,
            version,
            status: RunStatus::Queued,
        })
    }
}

/// What an earlier request of the same turn has led to.
fn triggered_in(work: &Work, run: RunId) -> Option<Triggered> {
    let decisions = &work.batch.decisions;
    let row = &decisions.runs.get(&run)?.row;
    let version = decisions.versions.get(&row.version)?.row.id.clone();
    let status = RunStatus::Queued;
    Some(Triggered {
        run,
        version,
        status,
    })
}

/// What an earlier request has led to, and how far that is.
async fn triggered_before(store: &Store, run: RunId) -> Result<Triggered, CommandError> {
    let found = store
        .run(run)
        .await
        .map_err(|error| CommandError::Store(error.to_string()))?;
    let view = found.ok_or_else(|| CommandError::NotFound(format!("run {run}")))?;
    Ok(Triggered {
        run,
        version: view.version,
        status: view.run.status,
    })
}

/// The run that is to be repeated, if what it ran is still known.
async fn repeated(store: &Store, job: JobId, run: RunId) -> Result<RunView, CommandError> {
    let failed = |error: crate::store::StoreError| CommandError::Store(error.to_string());
    let found = store.run(run).await.map_err(failed)?;
    let found = found.filter(|view| view.run.job == job);
    let view = found.ok_or_else(|| CommandError::NotFound(format!("run {run} of job {job}")))?;
    let kept = store.run_script(run).await.map_err(failed)?;
    if kept.is_none() || view.run.revision.is_none() {
        return Err(CommandError::Conflict(format!(
            "run {run} cannot be repeated as it was: what it ran was never recorded or is not kept any more; start one with today's script"
        )));
    }
    Ok(view)
}
