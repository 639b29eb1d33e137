//! Finished runs with their versions and logs, oldest first; only when asked for.
//!
//! What has been read is remembered by the highest id, so that the next import goes on behind it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use chrono::{NaiveDateTime, TimeDelta, TimeZone as _};
use hera_domain::clock::Timestamp;
use hera_domain::engine::{Run, Version};
use hera_domain::id::{JobId, RunId, VersionKey};
use hera_domain::reason::Reason;
use hera_domain::status::{Origin, RunStatus, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;

use super::Importer;
use super::jobs::World;
use super::log_text::plain;
use super::report::{Fate, Kind, Severity};
use crate::store::LogTail;
use crate::store::legacy::{LegacyLog, LegacyRow as _, LegacyRun};

/// Runs read at once, and committed at once unless their logs are long.
const PAGE: i64 = 50;
/// Bytes of logs after which is committed: with one more log it is still a packet of MySQL's.
const LOGS: usize = 4 << 20;
/// How the highest id is remembered.
const HISTORY: &str = "history";
/// A run that has not ended for so long never will.
const STALE: TimeDelta = TimeDelta::days(2);

/// What a row of HERA's history is.
enum Past {
    /// The run without its ids, and the local business time.
    Finished(Box<Run>, NaiveDateTime, Timestamp),
    Unfinished,
    Refused(String),
}

/// The versions of a page: what the database expects, and the row as it shall be.
type Versions = BTreeMap<(JobId, Timestamp), (Option<VersionStatus>, Version)>;

impl Importer {
    pub(super) async fn import_history(&mut self, world: &World) -> anyhow::Result<()> {
        let known = self.marks.get(HISTORY, 0).map(|mark| mark.new_id);
        let mut after = known.unwrap_or(0);
        let mut refused: BTreeMap<String, u64> = BTreeMap::new();
        loop {
            let page: Vec<LegacyRun> = self.hera.page(after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            let is_end = self
                .import_runs(&page, world, &mut after, &mut refused)
                .await?;
            if is_end {
                let what = format!("the runs after {after} are not all finished in HERA");
                let todo = "import again later for the rest";
                self.notes(Kind::Run, 0, "")
                    .add(Severity::Note, "status", what, todo);
                break;
            }
        }
        for (why, count) in refused {
            let what = format!("{count} runs are left out: {why}");
            self.notes(Kind::Run, 0, "")
                .add(Severity::Refused, "", what, "");
        }
        Ok(())
    }

    /// Imports a page up to the first run that goes on in HERA, with which the next import begins;
    /// whether there is one.
    async fn import_runs(
        &mut self,
        page: &[LegacyRun],
        world: &World,
        after: &mut i64,
        refused: &mut BTreeMap<String, u64>,
    ) -> anyhow::Result<bool> {
        let mut logs = self.logs(page).await?;
        let mut versions = Versions::new();
        let mut bytes = 0;
        let mut is_end = false;
        for row in page {
            match past(row, world) {
                Past::Unfinished => {
                    is_end = true;
                    break;
                }
                Past::Refused(why) => {
                    *refused.entry(why).or_default() += 1;
                    self.report.count(Kind::Run, Fate::Refused);
                }
                Past::Finished(run, local, at) => {
                    let log = plain(&logs.remove(&row.id).unwrap_or_default());
                    bytes += log.len();
                    self.put_run(*run, local, at, log, &mut versions).await?;
                    self.report.count(Kind::Run, Fate::Imported);
                }
            }
            *after = row.id();
            if bytes > LOGS {
                bytes = 0;
                self.commit_runs(std::mem::take(&mut versions), *after)
                    .await?;
            }
        }
        self.commit_runs(versions, *after).await?;
        Ok(is_end)
    }

    async fn commit_runs(&mut self, versions: Versions, after: i64) -> anyhow::Result<()> {
        for (expect, version) in versions.into_values() {
            self.offline.put_version(expect, version);
        }
        let mark = self.marks.make(HISTORY, 0, after, String::new(), None);
        self.mark(mark);
        self.commit().await
    }

    async fn logs(&self, page: &[LegacyRun]) -> anyhow::Result<BTreeMap<i64, String>> {
        if self.options.dry_run {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<i64> = page.iter().map(|row| row.id).collect();
        let logs: Vec<LegacyLog> = self.hera.named(&ids).await?;
        let logs = logs.into_iter();
        Ok(logs.filter_map(|row| Some((row.id, row.log?))).collect())
    }

    async fn put_run(
        &mut self,
        mut run: Run,
        local: NaiveDateTime,
        at: Timestamp,
        log: String,
        versions: &mut Versions,
    ) -> anyhow::Result<()> {
        let (_, version) = match versions.entry((run.job, at)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let until = at + TimeDelta::milliseconds(1);
                let found = self.store.load_versions(run.job, at, until).await?;
                place.insert(match found.into_iter().next() {
                    Some(version) => (Some(version.status), version),
                    None => {
                        let key = self.offline.new_version_key();
                        (None, version(key, &run, local, at))
                    }
                })
            }
        };
        run.id = self.offline.new_run_id();
        run.version = version.key;
        // A version that was made here stays as it is.
        if matches!(version.reason, Some(Reason::RanInHera { .. })) {
            version.attempts += 1;
            run.attempt = version.attempts;
            fold(version, &run, self.offline.seq());
        }
        if !log.is_empty() {
            self.offline.put_log(LogTail {
                run: run.id,
                offset: 0,
                data: Bytes::from(log),
            });
        }
        self.offline.put_run(run);
        Ok(())
    }
}

/// The version's status follows its latest counting run, else its latest one.
fn fold(version: &mut Version, run: &Run, seq: hera_domain::id::CommitSeq) {
    version.last_run = Some(run.id);
    let counts = run.trigger.counts();
    if !counts && version.counting_run.is_some() {
        return;
    }
    let succeeded = run.status == RunStatus::Success;
    version.status = if succeeded {
        VersionStatus::Success
    } else {
        VersionStatus::Failed
    };
    version.changed_at = run.ended_at.unwrap_or(version.changed_at);
    if counts {
        version.origin = Origin::Planned;
        version.counting_run = Some(run.id);
        version.armed_seq = Some(seq);
        version.succeeded_seq = succeeded.then_some(seq);
    }
}

fn version(key: VersionKey, run: &Run, local: NaiveDateTime, at: Timestamp) -> Version {
    Version {
        key,
        id: VersionId::new(local, run.job, false, 0),
        job: run.job,
        business_time: at,
        due_at: at,
        origin: Origin::AdHoc,
        // Nothing of the past starts by itself.
        armed: false,
        frozen: false,
        status: VersionStatus::Failed,
        reason: Some(Reason::RanInHera {
            host: None,
            note: None,
        }),
        last_run: None,
        counting_run: None,
        attempts: 0,
        retry_at: None,
        armed_seq: None,
        succeeded_seq: None,
        alarmed: false,
        created_at: run.created_at,
        changed_at: run.created_at,
    }
}

fn past(row: &LegacyRun, world: &World) -> Past {
    let time = |text: &Option<String>| instant(text.as_deref()?, world);
    let (start, end) = (time(&row.start_time), time(&row.end_time));
    let created = time(&row.gmt_create).or(start).or(end);
    let status = match row.status.as_deref().unwrap_or_default() {
        "success" => RunStatus::Success,
        "failed" => RunStatus::Failed,
        _ if created.is_some_and(|at| at > world.now - STALE) => return Past::Unfinished,
        _ => return Past::Refused("they never ended in HERA".to_owned()),
    };
    let (Some(created), Some(id)) = (created, row.job_id) else {
        return Past::Refused("they have no time or no job".to_owned());
    };
    let Some(job) = world.jobs.get(&id).filter(|job| !job.deleted) else {
        return Past::Refused(format!("job {id} is missing or deleted"));
    };
    let digits = row.action_id.unwrap_or(0) / 1_000_000;
    let local = NaiveDateTime::parse_from_str(&digits.to_string(), "%Y%m%d%H%M").ok();
    let business = local.and_then(|local| Some((local, to_utc(local, world)?)));
    let Some((local, at)) = business else {
        return Past::Refused("their version names no time".to_owned());
    };
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let run = Run {
        id: RunId(0),
        version: VersionKey(0),
        job: job.new,
        trigger: trigger(row.trigger_type),
        status,
        attempt: 1,
        priority: 3,
        host_group: None,
        worker: None,
        nonce: None,
        revision: None,
        repeats: None,
        params: None,
        operator: row.operator.clone(),
        created_at: created,
        dispatched_at: start,
        started_at: start,
        ended_at: end.or(start).or(Some(created)),
        exit_code: None,
        signal: None,
        reason: Some(Reason::RanInHera {
            host: filled(&row.execute_host),
            note: filled(&row.illustrate),
        }),
        cancelled_by: None,
        kill_confirmed: None,
        fenced: false,
        unreachable: false,
        overdue: false,
        cpu_ms: None,
        peak_memory_kib: None,
    };
    Past::Finished(Box::new(run), local, at)
}

/// HERA's numbers are ours; none stands for the schedule.
fn trigger(code: Option<i64>) -> Trigger {
    match code {
        Some(2) => Trigger::Manual,
        Some(3) => Trigger::Recover,
        Some(4) => Trigger::Debug,
        Some(5) => Trigger::Rerun,
        Some(6) => Trigger::SuperRecover,
        Some(_) | None => Trigger::Schedule,
    }
}

fn instant(text: &str, world: &World) -> Option<Timestamp> {
    let local = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S%.f").ok()?;
    to_utc(local, world)
}

fn to_utc(local: NaiveDateTime, world: &World) -> Option<Timestamp> {
    let at = world.timezone.from_local_datetime(&local).earliest()?;
    Some(at.to_utc())
}
