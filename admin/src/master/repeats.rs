//! Requests that are sent again: the key that came with the first one finds what it made.

use hera_domain::id::{CalendarId, GroupId, HostGroupId, JobId, Revision};
use hera_domain::job::FieldError;

use super::command::{Answer, Command, Reply};
use super::commands::Work;
use super::handle::{CommandError, Saved};
use crate::access::Actor;
use crate::store::{IdempotencyKey, KeyUse, Made, Store};

/// What a key has stood for since an earlier commit.
pub(super) async fn made_before(
    store: &Store,
    actor: &Actor,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Made>, CommandError> {
    let Some(key) = key else {
        return Ok(None);
    };
    let found = store.key_use(actor.user, key.key.clone()).await;
    let found = found.map_err(|error| CommandError::Store(error.to_string()))?;
    found.map(|used| same(&used, key)).transpose()
}

/// What a save is answered whose key has stood for something since an earlier commit.
pub(super) async fn saved_before(
    store: &Store,
    command: &Command,
) -> Result<Option<Reply>, CommandError> {
    let (Command::SaveJob(actor, _, key)
    | Command::SaveGroup(actor, _, _, _, key)
    | Command::SaveCalendar(actor, _, _, _, key)
    | Command::SaveHostGroup(actor, _, _, _, key)) = command
    else {
        return Ok(None);
    };
    let Some(made) = made_before(store, actor, key.as_ref()).await? else {
        return Ok(None);
    };
    Ok(Some(match (command, made) {
        (Command::SaveJob(..), Made::Job(id)) => first(id).into(),
        (Command::SaveGroup(..), Made::Group(id)) => first(id).into(),
        (Command::SaveCalendar(..), Made::Calendar(id)) => first(id).into(),
        (Command::SaveHostGroup(..), Made::HostGroup(id)) => first(id).into(),
        (_, made) => return Err(another(made)),
    }))
}

impl Work {
    /// What a key has come to stand for in this batch.
    pub(super) fn made_by(
        &self,
        actor: &Actor,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Made>, CommandError> {
        let Some(key) = key else {
            return Ok(None);
        };
        let mut uses = self.batch.idempotency.iter();
        let found = uses.find(|used| used.user == actor.user && used.key.key == key.key);
        found.map(|used| same(used, key)).transpose()
    }

    /// From this commit on the key stands for what was made.
    pub(super) fn remember(&mut self, actor: &Actor, key: Option<&IdempotencyKey>, made: Made) {
        self.batch.idempotency.extend(key.map(|key| KeyUse {
            user: actor.user,
            key: key.clone(),
            made,
        }));
    }
}

/// Saves what was not saved before in this batch for the same key.
pub(super) fn once<Id: SavedId>(
    actor: &Actor,
    key: Option<&IdempotencyKey>,
    work: &mut Work,
    save: impl FnOnce(&mut Work) -> Result<Saved<Id>, CommandError>,
) -> Answer
where
    Reply: From<Saved<Id>>,
{
    if let Some(made) = work.made_by(actor, key)? {
        let same = Id::of(made).map(first).map(Reply::from);
        return same.ok_or_else(|| another(made));
    }
    let made = save(work)?;
    work.remember(actor, key, made.id.made());
    Ok(made.into())
}

/// What was saved, as the first answer had it: new things have the first revision.
fn first<Id>(id: Id) -> Saved<Id> {
    let revision = Revision(1);
    Saved { id, revision }
}

/// The id of something that is saved under a key.
pub(super) trait SavedId: Copy {
    fn made(self) -> Made;
    fn of(made: Made) -> Option<Self>;
}

impl SavedId for JobId {
    fn made(self) -> Made {
        Made::Job(self)
    }

    fn of(made: Made) -> Option<Self> {
        match made {
            Made::Job(id) => Some(id),
            Made::Group(_) | Made::Calendar(_) | Made::HostGroup(_) | Made::Run(_) => None,
        }
    }
}

impl SavedId for GroupId {
    fn made(self) -> Made {
        Made::Group(self)
    }

    fn of(made: Made) -> Option<Self> {
        match made {
            Made::Group(id) => Some(id),
            Made::Job(_) | Made::Calendar(_) | Made::HostGroup(_) | Made::Run(_) => None,
        }
    }
}

impl SavedId for CalendarId {
    fn made(self) -> Made {
        Made::Calendar(self)
    }

    fn of(made: Made) -> Option<Self> {
        match made {
            Made::Calendar(id) => Some(id),
            Made::Job(_) | Made::Group(_) | Made::HostGroup(_) | Made::Run(_) => None,
        }
    }
}

impl SavedId for HostGroupId {
    fn made(self) -> Made {
        Made::HostGroup(self)
    }

    fn of(made: Made) -> Option<Self> {
        match made {
            Made::HostGroup(id) => Some(id),
            Made::Job(_) | Made::Group(_) | Made::Calendar(_) | Made::Run(_) => None,
        }
    }
}

/// A key is for one request only: the client has mixed two up.
fn same(first: &KeyUse, asked: &IdempotencyKey) -> Result<Made, CommandError> {
    if first.key.fingerprint == asked.fingerprint {
        return Ok(first.made);
    }
    Err(another(first.made))
}

fn another(made: Made) -> CommandError {
    let message = format!(
        "stands for another request already, which made {made}; use a new key for another request"
    );
    CommandError::Invalid(vec![FieldError::new("Idempotency-Key", message)])
}
