//! Accounts in memory, until the database is here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hera_domain::clock::Timestamp;
use hera_domain::id::{TeamId, UserId};

use crate::access::Role;

#[derive(Debug, thiserror::Error)]
#[error("the database does not answer")]
pub struct StoreError;

#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub team: TeamId,
    pub role: Role,
    pub active: bool,
    pub password_hash: String,
}

#[derive(Debug, Clone)]
pub struct NewSession {
    pub id_hash: String,
    pub csrf: String,
    pub user: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct StoredSession {
    pub csrf: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    users: Vec<User>,
    sessions: HashMap<String, NewSession>,
    tokens: HashMap<String, (UserId, Option<Timestamp>)>,
}

type Result<T> = std::result::Result<T, StoreError>;

#[expect(
    clippy::unused_async,
    clippy::unwrap_used,
    reason = "as the database will be"
)]
impl Store {
    pub async fn token_owner(&self, hash: String) -> Result<Option<(User, Option<Timestamp>)>> {
        let inner = self.inner.lock().unwrap();
        Ok(inner.tokens.get(&hash).and_then(|(id, end)| {
            let user = inner.users.iter().find(|u| u.id == *id)?;
            Some((user.clone(), *end))
        }))
    }

    pub async fn user_by_name(&self, name: String) -> Result<Option<User>> {
        let inner = self.inner.lock().unwrap();
        Ok(inner.users.iter().find(|u| u.name == name).cloned())
    }

    pub async fn session(&self, hash: String) -> Result<Option<(StoredSession, User)>> {
        let inner = self.inner.lock().unwrap();
        Ok(inner.sessions.get(&hash).and_then(|s| {
            let user = inner.users.iter().find(|u| u.id == s.user)?;
            let expires_at = s.expires_at;
            let csrf = s.csrf.clone();
            Some((StoredSession { csrf, expires_at }, user.clone()))
        }))
    }

    pub async fn insert_session(&self, session: NewSession) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        inner.sessions.insert(session.id_hash.clone(), session);
        Ok(())
    }

    pub async fn extend_session(&self, hash: String, expires_at: Timestamp) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        if let Some(session) = inner.sessions.get_mut(&hash) {
            session.expires_at = expires_at;
        }
        Ok(())
    }

    pub async fn delete_session(&self, hash: String) -> Result<()> {
        self.inner.lock().unwrap().sessions.remove(&hash);
        Ok(())
    }

    pub async fn ping(&self) -> Result<()> {
        Ok(())
    }
}
