//! Passwords: argon2id, a bounded number of hashings at once, and patience with wrong ones.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use hera_domain::clock::Timestamp;
use hera_settings::{Secret, Settings};
use tokio::sync::Semaphore;

use super::error::{Error, Result};
use crate::store::Store;

/// The password of the first login, as in HERA. It is good on loopback only.
pub const FIRST_PASSWORD: &str = "biadmin";
/// The name of the first login.
pub const FIRST_USER: &str = "hera";

/// Hashings at the same time; each takes 19 MiB and some 30 ms of a core.
const AT_ONCE: usize = 2;
/// Wrong passwords for one name from one address before the wait begins.
const FREE_PER_NAME: u32 = 5;
/// Wrong passwords from one address, for any names.
const FREE_PER_ADDRESS: u32 = 50;
/// The longest wait after a wrong password, and for how long failures are remembered.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const REMEMBERED: chrono::TimeDelta = chrono::TimeDelta::minutes(30);
/// Keys remembered at most; the oldest are forgotten first.
const MAX_KEYS: usize = 10_000;

/// Hashes a password for storing. Slow by design: never call it on an async thread.
///
/// # Errors
/// When the system has no randomness or memory.
pub fn hash(password: &str) -> anyhow::Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| anyhow::anyhow!("hashing a password: {e}"))
}

/// Whether `password` is the one that was hashed. Slow by design.
pub fn verify(password: &str, hashed: &str) -> bool {
    PasswordHash::new(hashed).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// What is wrong with a new password, if anything.
pub fn check_new(password: &str) -> std::result::Result<(), String> {
    match password.chars().count() {
        0..8 => Err("must have at least 8 characters".to_owned()),
        8..=256 => Ok(()),
        _ => Err("must have at most 256 characters".to_owned()),
    }
}

/// Verifies passwords for the login.
#[derive(Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    throttle: Mutex<Throttle>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            throttle: Mutex::default(),
        }
    }
}

impl Passwords {
    /// Whether `password` fits `hashed`; without a hash (no such user) it takes as long and is
    /// false. Wrong answers are counted for the name and the address.
    pub async fn check(
        &self,
        attempt: Attempt,
        password: String,
        hashed: Option<String>,
        now: Timestamp,
    ) -> Result<bool> {
        self.throttle(|t| t.admit(&attempt, now))?;
        let permits = self.permits.clone().acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(Duration::from_secs(10), permits).await else {
            return Err(Error::Unavailable("too many people log in at once".into()));
        };
        let right = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            match hashed {
                Some(hashed) => verify(&password, &hashed),
                // The same work, so that the time does not tell which names exist.
                None => hash(&password).is_err(),
            }
        })
        .await
        .map_err(|e| Error::Internal(e.into()))?;
        self.throttle(|t| t.record(&attempt, right, now));
        Ok(right)
    }

    fn throttle<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        act(&mut self.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Who tries to log in, and from where.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub name: String,
    pub address: Option<IpAddr>,
}

/// Counts wrong passwords and says when the next try is due.
#[derive(Debug, Default)]
struct Throttle {
    failures: HashMap<Key, Failures>,
}

/// An address, alone or with a name.
type Key = (Option<IpAddr>, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    fn keys(attempt: &Attempt) -> [(Key, u32); 2] {
        let name = attempt.name.to_lowercase();
        [
            ((attempt.address, Some(name)), FREE_PER_NAME),
            ((attempt.address, None), FREE_PER_ADDRESS),
        ]
    }

    fn admit(&self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        for (key, free) in Self::keys(attempt) {
            let Some(failed) = self.failures.get(&key) else {
                continue;
            };
            if failed.count < free {
                continue;
            }
            let doubled = Duration::from_secs(1 << (failed.count - free).min(16));
            let wait = doubled.min(LONGEST_WAIT);
            let passed = (now - failed.last).to_std().unwrap_or_default();
            if passed < wait {
                return Err(Error::Throttled(wait - passed));
            }
        }
        Ok(())
    }

    fn record(&mut self, attempt: &Attempt, right: bool, now: Timestamp) {
        for (key, _) in Self::keys(attempt) {
            if right {
                // A right password forgives the name, not the address: one account of one's own
                // must not buy endless guesses at others.
                if key.1.is_some() {
                    self.failures.remove(&key);
                }
                continue;
            }
            let failed = self.failures.entry(key).or_insert(Failures {
                count: 0,
                last: now,
            });
            failed.count += 1;
            failed.last = now;
        }
        if self.failures.len() > MAX_KEYS {
            self.forget(now);
        }
    }

    fn forget(&mut self, now: Timestamp) {
        self.failures.retain(|_, f| now - f.last < REMEMBERED);
        if self.failures.len() > MAX_KEYS {
            let mut times: Vec<_> = self.failures.values().map(|f| f.last).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.failures.retain(|_, f| f.last > middle);
        }
    }
}

/// What a start needs to know of the first login: gives it its password if it has none yet, and
/// refuses to open the password everybody knows to others.
///
/// # Errors
/// When the database does not answer, or the first password would be exposed.
pub async fn first_start(store: &Store, settings: &Settings) -> anyhow::Result<()> {
    let Some(user) = store.user_by_name(FIRST_USER.to_owned()).await? else {
        return Ok(());
    };
    let given = settings.web.first_password.as_ref().map(Secret::reveal);
    let password = given.unwrap_or(FIRST_PASSWORD).to_owned();
    let bind = settings.web.bind;
    let hashed = tokio::task::spawn_blocking(move || {
        let hashed = match user.password_hash {
            Some(hashed) => hashed,
            None => hash(&password)?,
        };
        refuse_exposed_first_password(bind, Some(&hashed))?;
        anyhow::Ok(hashed)
    })
    .await??;
    // Only a user without one gets it: two admins may start at the same time.
    store
        .set_first_password(user.id, hashed, given.is_none())
        .await?;
    Ok(())
}

/// Refuses what [`first_start`] will refuse in an empty database, before there is one.
///
/// # Errors
/// With the one-line remedy, when the first user would have the password everybody knows where
/// others can try it.
pub fn refuse_exposed_start(settings: &Settings) -> std::result::Result<(), ExposedFirstPassword> {
    let bind = settings.web.bind;
    let given = settings.web.first_password.as_ref().map(Secret::reveal);
    if bind.is_loopback() || given.is_some_and(|given| given != FIRST_PASSWORD) {
        Ok(())
    } else {
        Err(ExposedFirstPassword { bind })
    }
}

/// Refuses to bind the first password to an address that others can reach.
///
/// # Errors
/// With the one-line remedy, when `bind` is not loopback and the first user's password is still
/// the one everybody knows.
pub fn refuse_exposed_first_password(
    bind: IpAddr,
    first_user_hash: Option<&str>,
) -> std::result::Result<(), ExposedFirstPassword> {
    let exposed =
        !bind.is_loopback() && first_user_hash.is_some_and(|hashed| verify(FIRST_PASSWORD, hashed));
    if exposed {
        Err(ExposedFirstPassword { bind })
    } else {
        Ok(())
    }
}

/// The first password would be open to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "user {FIRST_USER} still has the first password, which is good on 127.0.0.1 only, and the address is {bind}: change it with `hera-admin user passwd {FIRST_USER}`, or set HERA_ADMIN_PASSWORD at the first start"
)]
pub struct ExposedFirstPassword {
    bind: IpAddr,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hera_domain::clock::from_millis;

    fn attempt(name: &str) -> Attempt {
        Attempt {
            name: name.into(),
            address: "10.1.2.3".parse().ok(),
        }
    }

    #[test]
    fn a_hash_is_argon2id_and_fits_its_password_only() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$"));
        assert!(verify("correct horse", &hashed));
        assert!(!verify("correct hors", &hashed));
        assert!(!verify("correct horse", "not a hash"));
    }

    #[test]
    fn the_sixth_wrong_password_waits_and_a_right_one_forgives() {
        let mut throttle = Throttle::default();
        let lin = attempt("lin");
        let start = from_millis(0);
        for _ in 0..FREE_PER_NAME {
            assert!(throttle.admit(&lin, start).is_ok());
            throttle.record(&lin, false, start);
        }
        assert!(matches!(
            throttle.admit(&attempt("LIN"), start),
            Err(Error::Throttled(_))
        ));
        assert!(
            throttle.admit(&attempt("mei"), start).is_ok(),
            "another name"
        );
        let later = from_millis(1_000);
        assert!(throttle.admit(&lin, later).is_ok());
        throttle.record(&lin, true, later);
        assert!(throttle.admit(&lin, later).is_ok());
    }

    #[test]
    fn one_address_cannot_try_name_after_name_for_ever() {
        let mut throttle = Throttle::default();
        for i in 0..FREE_PER_ADDRESS {
            throttle.record(&attempt(&format!("user{i}")), false, from_millis(0));
        }
        assert!(throttle.admit(&attempt("new"), from_millis(0)).is_err());
    }

    #[test]
    fn failures_are_forgotten_when_there_are_too_many_to_keep() {
        let mut throttle = Throttle::default();
        for i in 0..20_000_u32 {
            let now = from_millis(i64::from(i));
            throttle.record(&attempt(&format!("user{i}")), false, now);
        }
        assert!(throttle.failures.len() <= MAX_KEYS);
    }

    #[test]
    fn the_first_password_is_refused_off_loopback() {
        let first = hash(FIRST_PASSWORD).unwrap();
        let other = hash("another one").unwrap();
        let everywhere = "0.0.0.0".parse().unwrap();
        let error = refuse_exposed_first_password(everywhere, Some(&first)).unwrap_err();
        assert!(error.to_string().contains("hera-admin user passwd hera"));
        assert!(refuse_exposed_first_password(everywhere, Some(&other)).is_ok());
        assert!(refuse_exposed_first_password("::1".parse().unwrap(), Some(&first)).is_ok());
    }
}
