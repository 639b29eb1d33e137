//! What the idempotency keys of users stand for. A key is written in the commit that makes what it
//! stands for, so that there is never one without the other.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::{CalendarId, GroupId, HostGroupId, JobId, RunId, UserId};

use super::dialect::AnyConn;
use super::instant::At;
use super::schema::hera_idempotency;
use super::{CommitError, Store, StoreError, corrupt};

/// A key that a client sends with a request, so that the request sent again is not carried out again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdempotencyKey {
    pub key: String,
    /// A digest of the request: another request may not have the same key.
    pub fingerprint: String,
}

/// What a request made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Run(RunId),
    Job(JobId),
    Group(GroupId),
    Calendar(CalendarId),
    HostGroup(HostGroupId),
}

/// A user's key and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    pub user: UserId,
    pub key: IdempotencyKey,
    pub made: Made,
}

impl Made {
    /// Its word and its number in the database.
    fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Run(id) => ("run", id.0),
            Self::Job(id) => ("job", id.0),
            Self::Group(id) => ("group", id.0),
            Self::Calendar(id) => ("calendar", id.0),
            Self::HostGroup(id) => ("host_group", id.0),
        }
    }

    fn from_parts(word: &str, id: i64) -> Result<Self, StoreError> {
        match word {
            "run" => Ok(Self::Run(RunId(id))),
            "job" => Ok(Self::Job(JobId(id))),
            "group" => Ok(Self::Group(GroupId(id))),
            "calendar" => Ok(Self::Calendar(CalendarId(id))),
            "host_group" => Ok(Self::HostGroup(HostGroupId(id))),
            unknown => Err(corrupt(
                "hera_idempotency.made",
                unknown,
                &"a newer program wrote it",
            )),
        }
    }
}

impl std::fmt::Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (word, id) = self.parts();
        write!(f, "{word} {id}")
    }
}

/// Writes the keys of a commit. One that stands for something already is refused.
pub(super) fn write(conn: &mut AnyConn, at: Timestamp, uses: &[KeyUse]) -> Result<(), CommitError> {
    for used in uses {
        let (word, id) = used.made.parts();
        diesel::insert_into(hera_idempotency::table)
            .values((
                hera_idempotency::user_id.eq(used.user.0),
                hera_idempotency::idempotency_key.eq(&used.key.key),
                hera_idempotency::fingerprint.eq(&used.key.fingerprint),
                hera_idempotency::made.eq(word),
                hera_idempotency::made_id.eq(id),
                hera_idempotency::created_at.eq(At(at)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

impl Store {
    /// The first use of a user's key.
    pub async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>, StoreError> {
        self.read(move |conn| {
            let found: Option<(String, String, i64)> = hera_idempotency::table
                .filter(hera_idempotency::user_id.eq(user.0))
                .filter(hera_idempotency::idempotency_key.eq(&key))
                .select((
                    hera_idempotency::fingerprint,
                    hera_idempotency::made,
                    hera_idempotency::made_id,
                ))
                .first(conn)
                .optional()?;
            let used = found.map(|(fingerprint, word, id)| {
                let key = IdempotencyKey { key, fingerprint };
                let made = Made::from_parts(&word, id)?;
                Ok(KeyUse { user, key, made })
            });
            used.transpose()
        })
        .await
    }
}
