//! A job's script as a run would get it, for the API and the pages: nothing is run or stored.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::group::levels;
use hera_domain::id::{JobId, TeamId};
use hera_domain::job::{JobContent, Params};
use hera_domain::status::Trigger;
use hera_domain::vars::{self, Context, RenderError, Rendered, RunFacts};
use hera_domain::version_id::VersionId;
use hera_domain::zone;

use super::AppState;
use super::error::Result;
use crate::master::not_fetched;
use crate::store::StoredJob;

/// The run that is imagined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Imagined<'a> {
    pub job: JobId,
    /// The team that owns the job.
    pub owner: TeamId,
    pub content: &'a JobContent,
    pub at: Timestamp,
    pub params: &'a Params,
}

/// What its run would get.
#[derive(Debug)]
pub(super) struct Preview {
    /// Secrets are kept back.
    pub rendered: std::result::Result<Rendered, RenderError>,
    pub version: VersionId,
    pub batch_id: String,
    /// What is exported beside the script.
    pub environment: BTreeMap<String, String>,
}

/// Renders a job's script for a business time.
pub(super) async fn preview(state: &AppState, imagined: Imagined<'_>) -> Result<Preview> {
    let Imagined {
        job,
        owner,
        content,
        at,
        params,
    } = imagined;
    let tz = content.schedule.timezone;
    let version = version_of(at, tz, job);
    let batch_id = vars::batch_id(
        content.cron_period.as_deref(),
        content.cron_interval.unwrap_or(0),
        &version,
        at,
        tz,
    );
    let teams = state.store.teams().await?;
    let team = teams.iter().find(|team| team.id == owner);
    let facts = RunFacts {
        job,
        job_name: &content.name,
        run: None,
        version: &version,
        business_time: at,
        tz,
        attempt: 1,
        trigger: Trigger::Schedule,
        team: team.map_or("", |team| &team.name),
        area: &state.settings.area,
        batch_id: &batch_id,
    };
    let config = effective(state, content);
    let context = Context {
        params,
        config: &config,
        builtins: vars::builtins(&facts),
        base: at,
        tz,
        now: state.clock.now(),
    };
    Ok(Preview {
        rendered: vars::render_keeping_secrets(&content.script, &context),
        environment: vars::environment(&facts),
        version,
        batch_id,
    })
}

/// What of a saved script will stay as it is, or why it cannot run at all: it is saved all the
/// same, and the author shall know.
pub(super) async fn warnings(state: &AppState, job: &StoredJob) -> Result<Vec<String>> {
    let imagined = Imagined {
        job: job.def.id,
        owner: job.def.owner,
        content: &job.content,
        at: state.clock.now(),
        params: &Params::new(),
    };
    Ok(match preview(state, imagined).await?.rendered {
        Ok(rendered) => {
            let files = rendered.downloads.iter().take(1);
            let files = files.map(|file| format!("{}: {}", file.position, not_fetched(file)));
            let names = rendered.warnings.iter().map(ToString::to_string);
            files.chain(names).collect()
        }
        Err(error) => vec![error.to_string()],
    })
}

/// A job's config with all that it inherits.
pub(super) fn effective(state: &AppState, content: &JobContent) -> EffectiveConfig {
    let definitions = state.master.definitions();
    let own = [(Origin::Job, &content.config)];
    let inherited = levels(&definitions.groups, Some(content.group_id));
    EffectiveConfig::merge(own.into_iter().chain(inherited), &state.settings.area)
}

fn version_of(at: Timestamp, tz: Tz, job: JobId) -> VersionId {
    let local = zone::local_time(tz, at);
    VersionId::new(local, job, zone::is_second_pass(tz, at), 0)
}
