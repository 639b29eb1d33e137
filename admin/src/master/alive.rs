//! Telling the other admins that this one is alive.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{AdminSeen, Store, StoreError};

/// An admin that has not been seen for so long does not count.
pub(crate) const ALIVE: TimeDelta = TimeDelta::seconds(10);
const TELL_EVERY: Duration = Duration::from_secs(2);
const FORGET: TimeDelta = TimeDelta::days(1);

/// Notes in a shared database that this admin is alive, until it stops, and shows which others are.
pub(crate) async fn tell_alive(
    store: Store,
    me: AdminSeen,
    seen: watch::Sender<Vec<AdminSeen>>,
    stop: CancellationToken,
) {
    if !store.is_shared() {
        return;
    }
    loop {
        match meet(&store, &me).await {
            Ok(admins) => drop(seen.send_if_modified(|known| replace(known, admins))),
            // The leader's loop complains of a database that is away.
            Err(error) => tracing::debug!(%error, "the other admins could not be met"),
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(TELL_EVERY))
            .await
            .is_none()
        {
            break;
        }
    }
    if let Err(error) = store.admin_has_left(me.at.name).await {
        tracing::debug!(%error, "the others could not be told that this admin leaves");
    }
}

/// Says that this admin is alive; answers which ones are, itself first.
async fn meet(store: &Store, me: &AdminSeen) -> Result<Vec<AdminSeen>, StoreError> {
    store.admin_is_alive(me.clone(), FORGET).await?;
    let mut admins = store.admins(ALIVE).await?;
    admins.sort_by_key(|admin| admin.at.name != me.at.name);
    Ok(admins)
}

fn replace(known: &mut Vec<AdminSeen>, admins: Vec<AdminSeen>) -> bool {
    let same = *known == admins;
    *known = admins;
    !same
}
