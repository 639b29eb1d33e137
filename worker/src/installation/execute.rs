//! A run from its Start to its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_domain::id::RunId;
use hera_proto::v1;

use super::adopt::Left;
use super::{Context, Installation};
use crate::cgroup::Cgroup;
use crate::disk;
use crate::kill::Killed;
use crate::limits::Limits;
use crate::process;
use crate::run::{self, Over, Phase, Run, Runner, Started, StopReason};
use crate::rundir::{Claim, RunDir, Spec};
use crate::script::{self, ScriptError};
use crate::tenant::Tenant;

/// How long an end may wait for its confirmation before it is made durable here.
const SOON: Duration = Duration::from_secs(1);

impl Installation {
    /// A run from its spec to its end.
    pub(super) async fn execute(self: &Arc<Self>, run: &Arc<Run>, start: v1::Start) {
        let (context, of) = (Arc::clone(&self.context), Arc::clone(run));
        let prepared =
            tokio::task::spawn_blocking(move || prepare(&context, of.key.run, &of.dir, start));
        let prepared = prepared.await;
        let spec = match prepared {
            Ok(Ok(spec)) => spec,
            Ok(Err(error)) => return self.refuse(run, error.to_string()),
            Err(error) => return self.refuse(run, error.to_string()),
        };
        self.set(run, Phase::Accepted);
        if run.stop_requested().is_some() {
            let _ = run.dir.claim(&Claim::Denied);
            let _ = run.dir.mark_cancelled();
            return self.ended(run, None, &spec, Killed::Confirmed.into()).await;
        }
        match Runner::spawn(&self.context.settings, &run.dir) {
            Ok(runner) => self.follow(run, runner, &spec).await,
            Err(error) => {
                let program = self.context.settings.runner.display();
                self.unspawned(run, format!("this worker cannot start {program}: {error}"));
            }
        }
    }

    /// A runner may have been born although something failed after that. Whoever claims the run
    /// first, has it: as with one that an earlier worker left.
    fn unspawned(self: &Arc<Self>, run: &Arc<Run>, reason: String) {
        match self.take_in(&run.key, &run.dir) {
            Ok(Left::Nothing) => self.refuse(run, reason),
            Ok(Left::Run) => {
                tracing::warn!(run.id = %run.key.run, "{reason}; it has begun all the same");
                self.notify();
            }
            Err(error) => {
                let unread = self.leave_unread(run.key.clone(), run.dir.clone(), &error);
                tokio::spawn(Arc::clone(self).read_again(vec![unread]));
            }
        }
    }

    fn refuse(&self, run: &Run, reason: String) {
        tracing::warn!(run.id = %run.key.run, "cannot start a run: {reason}");
        if let Err(error) = std::fs::remove_dir_all(run.dir.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("cannot remove {}: {error}", run.dir.path().display());
        }
        self.set(run, Phase::Refused(reason));
    }

    pub(super) async fn follow(self: &Arc<Self>, run: &Arc<Run>, runner: Runner, spec: &Spec) {
        let mut started = match run.phase() {
            Phase::Started(started) => Some(started),
            Phase::Unread
            | Phase::Preparing
            | Phase::Accepted
            | Phase::Ended(..)
            | Phase::Refused(_) => None,
        };
        let patience = self.context.settings.kill;
        let over = run::watch(run, runner, spec, patience, |pid| {
            let now = Started {
                pid,
                at_unix_ms: self.context.now_ms(),
            };
            started = Some(now);
            self.set(run, Phase::Started(now));
        })
        .await;
        self.ended(run, started, spec, over).await;
    }

    pub(super) async fn ended(
        self: &Arc<Self>,
        run: &Run,
        started: Option<Started>,
        spec: &Spec,
        over: Over,
    ) {
        let now = self.context.now_ms();
        let patience = self.context.settings.kill;
        let mut ending = run::conclude(run, spec, over, patience, now).await;
        let most = self.context.settings.disk.max_log_mib;
        if disk::has_gap(&run.dir, most << 20) {
            run::add_note(
                &mut ending.ended,
                format!(
                    "the middle of its log was given up on the worker's disk (hera.worker.maxLog: {most} MiB)"
                ),
            );
        }
        if let Some(group) = &spec.cgroup {
            group.remove();
        }
        run.set_phase(Phase::Ended(started, ending));
        if run.stop_requested() == Some(StopReason::Discarded) {
            self.forget(run);
        }
        self.notify();
        self.secure_end(run.key.clone());
    }

    /// Makes an end durable, unless the admin confirms it soon: then its database has it, and a
    /// busy worker's disk is spared.
    pub(super) fn secure_end(self: &Arc<Self>, key: RunRef) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(SOON).await;
            let Some(run) = this.run(&key) else { return };
            let synced = tokio::task::spawn_blocking(move || run.dir.sync_end()).await;
            if let Ok(Err(error)) = synced
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::error!(run.id = %key.run, "the end of a run is not safe from a power failure: {error}");
            }
        });
    }
}

/// Writes everything that the runner needs.
fn prepare(
    context: &Context,
    run: RunId,
    dir: &RunDir,
    start: v1::Start,
) -> Result<Spec, ScriptError> {
    let script_type = script::script_type(&context.settings, &start.run_type)?;
    let settings = &context.settings;
    let tenant = if settings.sudo {
        Tenant::of_team(&start.team, &settings.runner)?
    } else {
        None
    };
    let env_files = script::env_files(settings, &start.team);
    if tenant.is_none() {
        script::check_env_files(&env_files)?;
    }
    dir.create(tenant.as_ref())?;
    dir.write_masks(&start.secrets)?;
    let command = script::materialise(dir, script_type, &start.script, tenant.is_some())?;
    let (cgroup, limits) = confine(context, run);
    let spec = Spec {
        job_id: start.job_id,
        job_name: start.job_name,
        version: start.version,
        trigger: start.trigger,
        attempt: start.attempt,
        command: script::sourced(settings, &env_files, command),
        env: start.env.into_iter().collect(),
        token: format!("{:032x}", rand::random::<u128>()),
        boot_id: process::boot_id()?,
        self_fence: start.self_fence,
        fence: start.self_fence.then(|| context.contact.fence_of_run()),
        cgroup,
        limits,
        env_files,
        tenant,
    };
    dir.write_spec(&spec)?;
    Ok(spec)
}

/// The run's control group, if it can have one, and what is left for its processes to limit.
fn confine(context: &Context, run: RunId) -> (Option<Cgroup>, Limits) {
    let limits = &context.settings.limits;
    let alone = (None, limits.clone());
    let Some(groups) = &context.groups else {
        return alone;
    };
    match groups.create(run, limits) {
        Ok(group) => {
            let enforced = groups.controllers;
            let rest = limits.without_groups(enforced.memory, enforced.pids);
            (Some(group), rest)
        }
        Err(error) => {
            tracing::warn!(run.id = %run, "a run gets no control group: {error}");
            alone
        }
    }
}
