//! Renders the scripts of dispatched runs: the step between deciding and committing.

use std::collections::BTreeMap;
use std::sync::Arc;

use hera_domain::config::{EffectiveConfig, Origin, is_secret, shown};
use hera_domain::engine::{Engine, Run, Version};
use hera_domain::group::{GroupDef, levels};
use hera_domain::id::{GroupId, JobId, Revision, RunId};
use hera_domain::job::{JobContent, JobDef, Params};
use hera_domain::vars::{self, Context, RunFacts};
use hera_proto::v1;

use super::commands::Work;
use super::state::State;
use crate::store::{RenderedRun, Store, StoreError};

/// Scripts kept in memory; the newest revision of a job replaces its older one.
const CACHED: usize = 4096;

/// A script with its config that is larger is not run: the database could not keep it.
const RECORDED_BYTES: usize = 6 << 20;

/// Reads and renders scripts.
#[derive(Debug)]
pub(super) struct Renderer {
    store: Store,
    pub(super) area: String,
    contents: BTreeMap<JobId, (Revision, Arc<JobContent>)>,
}

/// Why a script that names a file cannot run: the worker has no way to get it yet.
pub(crate) fn not_fetched(file: &vars::Download) -> String {
    let uri = &file.uri;
    format!("this release does not fetch files yet: {uri}; fetch it in the script itself")
}

/// The start messages of one turn.
#[derive(Debug, Default)]
pub(super) struct Rendering {
    starts: BTreeMap<RunId, v1::Start>,
}

/// Why a run has no start message.
#[derive(Debug)]
pub(super) enum Unrendered {
    /// It will not have one however often it is tried.
    Never(String),
    /// The database did not answer: nothing is known of the run's script.
    Store(StoreError),
}

impl Unrendered {
    fn never(why: impl std::fmt::Display) -> Self {
        Self::Never(why.to_string())
    }

    fn script(error: &vars::RenderError) -> Self {
        Self::never(format!("the script cannot be rendered: {error}"))
    }

    fn read(what: &str, error: StoreError) -> Self {
        if error.is_temporary() {
            Self::Store(error)
        } else {
            Self::Never(format!("{what} cannot be read: {error}"))
        }
    }
}

impl Rendering {
    pub(super) fn add(&mut self, run: RunId, start: v1::Start) {
        self.starts.insert(run, start);
    }

    pub(super) fn get(&self, run: RunId) -> Option<&v1::Start> {
        self.starts.get(&run)
    }
}

impl Renderer {
    pub(super) fn new(store: Store, area: String) -> Self {
        Self {
            store,
            area,
            contents: BTreeMap::new(),
        }
    }

    /// The start message of a run. A run dispatched in this batch is rendered and what came out is
    /// noted in `work`; one that was dispatched before is sent as it was recorded.
    pub(super) async fn render(
        &mut self,
        engine: &Engine,
        state: &State,
        id: RunId,
        work: &mut Work,
    ) -> Result<v1::Start, Unrendered> {
        let gone = || Unrendered::never(format!("run {id} is not in memory any more"));
        let run = engine.run(id).ok_or_else(gone)?;
        let version = engine.version_by_key(run.version).ok_or_else(gone)?;
        let def = engine.jobs().get(&run.job).ok_or_else(gone)?;
        let now = work.batch.at;
        let revision = run.revision.unwrap_or(def.revision);
        let content = self.content(run.job, revision, work).await?;
        let batch_id = batch_id(&content, version, def);
        let area = self.area.clone();
        let facts = facts(run, version, def, &batch_id, state, &area);
        let groups = &state.definitions.groups;
        let config = match run.repeats {
            None => effective(&content, def.group, groups, &self.area),
            Some(earlier) => {
                let newest = self.content(run.job, def.revision, work).await?;
                let today = effective(&newest, def.group, groups, &self.area);
                self.as_it_was(earlier, &today).await?
            }
        };
        let none = Params::new();
        let context = Context {
            params: run.params.as_deref().unwrap_or(&none),
            config: &config,
            builtins: vars::builtins(&facts),
            base: version.business_time,
            tz: facts.tz,
            now,
        };
        let decided = work.batch.decisions.runs.get(&id);
        let (script, secrets) = if decided
            .is_some_and(|change| change.row.dispatched_at == Some(now))
        {
            let kept = vars::render_keeping_secrets(&content.script, &context)
                .map_err(|error| Unrendered::script(&error))?;
            if let Some(file) = kept.downloads.first() {
                return Err(Unrendered::never(format!(
                    "{}: {}",
                    file.position,
                    not_fetched(file)
                )));
            }
            let kept = RenderedRun {
                run: id,
                script: kept.script,
                config: visible(&config),
            };
            let bytes = kept.bytes();
            if bytes > RECORDED_BYTES {
                return Err(Unrendered::never(format!(
                    "its script and config are {bytes} bytes, more than the {RECORDED_BYTES} that can be kept; use shorter values"
                )));
            }
            let full = vars::render(&content.script, &context)
                .map_err(|error| Unrendered::script(&error))?;
            let secrets = secrets(&kept.script, &context)?;
            work.batch.rendered.push(kept);
            (full.script, secrets)
        } else {
            self.recorded(id, &context).await?
        };
        let start = start(run, &facts, &content.run_type, script);
        Ok(v1::Start { secrets, ..start })
    }

    /// The script of a run that was dispatched before, with its secrets put in again, and they.
    async fn recorded(
        &self,
        id: RunId,
        context: &Context<'_>,
    ) -> Result<(String, Vec<String>), Unrendered> {
        let what = format!("the rendered script of run {id}");
        let found = self.store.run_script(id).await;
        let found = found.map_err(|error| Unrendered::read(&what, error))?;
        let kept = found.ok_or_else(|| Unrendered::never(format!("{what} is missing")))?;
        let hidden = |values: &mut dyn Iterator<Item = (String, String)>| -> Params {
            values.filter(|(key, _)| is_secret(key)).collect()
        };
        let level = hidden(
            &mut context
                .config
                .iter()
                .map(|(key, v)| (key.to_owned(), v.value.clone())),
        );
        let params = hidden(
            &mut context
                .params
                .iter()
                .map(|(key, v)| (key.clone(), v.clone())),
        );
        let config = EffectiveConfig::merge([(Origin::Job, &level)], &self.area);
        let only = Context {
            params: &params,
            config: &config,
            builtins: BTreeMap::new(),
            ..context.clone()
        };
        let script = vars::put_secrets_back(&kept.script, &only)
            .map_err(|error| Unrendered::script(&error))?;
        Ok((script, secrets(&kept.script, &only)?))
    }

    /// The config that an earlier run had. Its secrets were not kept: they are today's.
    async fn as_it_was(
        &self,
        earlier: RunId,
        today: &EffectiveConfig,
    ) -> Result<EffectiveConfig, Unrendered> {
        let what = format!("the config of run {earlier}");
        let found = self.store.run_script(earlier).await;
        let found = found.map_err(|error| Unrendered::read(&what, error))?;
        let kept =
            found.ok_or_else(|| Unrendered::never(format!("{what} is not kept any more")))?;
        let level = kept
            .config
            .into_iter()
            .filter_map(|(key, value)| {
                let value = match is_secret(&key) {
                    true => today.get(&key)?.value.clone(),
                    false => value,
                };
                Some((key, value))
            })
            .collect();
        Ok(EffectiveConfig::merge([(Origin::Job, &level)], &self.area))
    }

    /// A revision's content, from this batch, from memory or from the database.
    async fn content(
        &mut self,
        job: JobId,
        revision: Revision,
        work: &Work,
    ) -> Result<Arc<JobContent>, Unrendered> {
        let edits = &work.batch.job_edits;
        if let Some(edit) = edits.iter().find(|e| e.id == job && e.revision == revision) {
            return Ok(Arc::new(edit.content.clone()));
        }
        if let Some((cached, content)) = self.contents.get(&job)
            && *cached == revision
        {
            return Ok(Arc::clone(content));
        }
        let what = format!("revision {revision} of job {job}");
        let found = self.store.job_revision(job, revision).await;
        let found = found.map_err(|error| Unrendered::read(&what, error))?;
        let row = found.ok_or_else(|| Unrendered::never(format!("{what} is missing")))?;
        let content = Arc::new(row.content);
        if self
            .contents
            .get(&job)
            .is_some_and(|(newer, _)| *newer > revision)
        {
            // An earlier run is repeated as it was.
            return Ok(content);
        }
        if self.contents.len() >= CACHED {
            self.contents.pop_first();
        }
        self.contents.insert(job, (revision, Arc::clone(&content)));
        Ok(content)
    }
}

/// The config of a job with all that it inherits, nearest first.
pub(crate) fn effective(
    content: &JobContent,
    group: GroupId,
    groups: &BTreeMap<GroupId, Arc<GroupDef>>,
    area: &str,
) -> EffectiveConfig {
    let own = (Origin::Job, &content.config);
    EffectiveConfig::merge([own].into_iter().chain(levels(groups, Some(group))), area)
}

/// What the run of a script, as it is kept, is given and must not tell.
fn secrets(kept: &str, context: &Context<'_>) -> Result<Vec<String>, Unrendered> {
    let secrets = vars::secrets_in(kept, context).map_err(|error| Unrendered::script(&error))?;
    Ok(secrets.into_iter().collect())
}

/// The config as it may be kept and shown.
fn visible(config: &EffectiveConfig) -> BTreeMap<String, String> {
    config
        .iter()
        .map(|(key, v)| (key.to_owned(), shown(key, &v.value).to_owned()))
        .collect()
}

/// What the script of a run may ask for.
fn facts<'a>(
    run: &Run,
    version: &'a Version,
    def: &'a JobDef,
    batch_id: &'a str,
    state: &'a State,
    area: &'a str,
) -> RunFacts<'a> {
    RunFacts {
        job: def.id,
        job_name: &def.name,
        run: Some(run.id),
        version: &version.id,
        business_time: version.business_time,
        tz: def.schedule().timezone,
        attempt: run.attempt,
        trigger: run.trigger,
        team: state.teams.get(&def.owner).map_or("", String::as_str),
        area,
        batch_id,
    }
}

fn batch_id(content: &JobContent, version: &Version, def: &JobDef) -> String {
    vars::batch_id(
        content.cron_period.as_deref(),
        content.cron_interval.unwrap_or(0),
        &version.id,
        version.business_time,
        def.schedule().timezone,
    )
}

fn start(run: &Run, facts: &RunFacts<'_>, run_type: &str, script: String) -> v1::Start {
    let nonce = run.nonce.clone().unwrap_or_default();
    v1::Start {
        run: Some(v1::RunRef {
            run_id: run.id.0,
            nonce,
        }),
        // The session that sends it knows the epoch.
        epoch: 0,
        job_id: facts.job.0,
        job_name: facts.job_name.to_owned(),
        version: facts.version.to_string(),
        trigger: run.trigger.to_string(),
        attempt: run.attempt,
        run_type: run_type.to_owned(),
        script,
        env: vars::environment(facts).into_iter().collect(),
        secrets: Vec::new(),
        team: facts.team.to_owned(),
        self_fence: run.fenced,
    }
}
