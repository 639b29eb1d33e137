mod dates;
mod downloads;
mod facts;
mod names;
mod properties;

use chrono::NaiveDateTime;
use chrono_tz::{America, Asia, UTC};
use proptest::prelude::*;

use super::*;
use crate::id::{GroupId, JobId, RunId};
use crate::status::Trigger;
use crate::version_id::VersionId;
use crate::zone::instant_of;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M").unwrap()
}

/// Renders with a job's config at 2026-11-20 03:00 in Shanghai.
fn rendered(script: &str, config: &[(&str, &str)]) -> Result<Rendered, RenderError> {
    let job = map(config);
    let group = map(&[("from_group", "g"), ("secret.key", "hush")]);
    let levels = [
        (Origin::Job, &job),
        (Origin::Group(GroupId(7), "orders".to_owned()), &group),
    ];
    with_config(&EffectiveConfig::merge(levels, "all"), |context| {
        render(script, context)
    })
}

fn with_config<T>(config: &EffectiveConfig, act: impl FnOnce(&Context<'_>) -> T) -> T {
    let params = map(&[("day", "from the run")]);
    act(&Context {
        params: &params,
        config,
        builtins: map(&[("hera.job_id", "42")]),
        base: instant_of(Asia::Shanghai, local("202611200300")),
        tz: Asia::Shanghai,
        now: instant_of(Asia::Shanghai, local("202611210900")),
    })
}

fn script(text: &str, config: &[(&str, &str)]) -> String {
    rendered(text, config)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .script
}

/// What stays as it is, as people are told.
fn told(found: &Rendered) -> Vec<String> {
    found.warnings.iter().map(ToString::to_string).collect()
}

fn error(text: &str, config: &[(&str, &str)]) -> String {
    rendered(text, config).unwrap_err().to_string()
}
