//! Former revisions of a job, and the way back to one.

use std::collections::BTreeMap;

use hera_domain::config;
use hera_domain::id::{JobId, Revision};

use crate::access::Actor;
use crate::master::{SaveJob, Saved};
use crate::store::JobRevision;
use crate::web::AppState;
use crate::web::error::{Error, Result};

type Config = BTreeMap<String, String>;

/// A wish to have a former revision again.
#[derive(Debug)]
pub(super) struct Restore {
    pub(super) job: JobId,
    pub(super) revision: Revision,
    /// The newest revision, as the person has seen it.
    pub(super) newest: Revision,
    pub(super) comment: String,
}

/// A revision of a job that is not deleted.
pub(super) async fn revision(
    state: &AppState,
    job: JobId,
    revision: Revision,
) -> Result<JobRevision> {
    let missing = || Error::NotFound(format!("revision {revision} of job {job}"));
    state.store.job(job).await?.ok_or_else(missing)?;
    let found = state.store.job_revision(job, revision).await?;
    found.ok_or_else(missing)
}

/// Saves a former revision as the newest one. The job stays where it is in the tree, and secrets
/// keep today's values: a password that was changed since is not wanted back.
pub(super) async fn restore(
    state: &AppState,
    actor: &Actor,
    restore: Restore,
) -> Result<Saved<JobId>> {
    let Restore {
        job,
        revision: wanted,
        newest,
        comment,
    } = restore;
    let former = revision(state, job, wanted).await?;
    let current = state.store.job(job).await?;
    let current = current.ok_or_else(|| Error::NotFound(format!("job {job}")))?;
    let mut content = former.content;
    content.group_id = current.content.group_id;
    keep_secrets(&mut content.config, &current.content.config);
    let comment = match comment.trim() {
        "" => format!("revision {wanted} restored"),
        comment => comment.to_owned(),
    };
    let save = SaveJob {
        id: Some(job),
        base_revision: Some(newest),
        content,
        comment,
    };
    Ok(state.master.save_job(actor, save).await?)
}

fn keep_secrets(restored: &mut Config, current: &Config) {
    for (key, value) in restored {
        if let Some(today) = current.get(key).filter(|_| config::is_secret(key)) {
            value.clone_from(today);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_secret_is_not_brought_back_and_a_removed_one_is() {
        let config = |pairs: &[(&str, &str)]| -> Config {
            let owned = pairs.iter();
            owned
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let mut restored = config(&[("secret.a", "old"), ("secret.b", "old"), ("c", "old")]);
        keep_secrets(&mut restored, &config(&[("secret.a", "new"), ("c", "new")]));
        let expected = config(&[("secret.a", "new"), ("secret.b", "old"), ("c", "old")]);
        assert_eq!(restored, expected);
    }
}
