//! Becoming the leader, and becoming it again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hera_domain::check::ContentLimits;
use hera_domain::engine::Limits;
use rand::Rng;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::EngineClock;
use super::command::Request;
use super::committer::Committer;
use super::eligible::Eligibility;
use super::follow::{Follower, Link};
use super::handle::{CommandError, Definitions, Handle, LeaderView};
use super::inbox::Message;
use super::leader::{Leader, Stop};
use super::publish::Publisher;
use super::render::Renderer;
use super::sessions::Sessions;
use super::state::Loader;
use crate::grpc::{Leadership, Peers};
use crate::metrics::Metrics;
use crate::store::{Holder, LeaderConnection, Lease, Store, StoreError};

/// Commands and reports that may wait for the loop; senders beyond that wait.
pub(super) const INBOX: usize = 4096;
/// How soon a leader notices by itself that its lease has run out.
const NOTICED: Duration = Duration::from_secs(1);
/// Pause between two attempts to lead.
const PAUSE: Duration = Duration::from_millis(500);

/// What a candidate brings along.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    pub(crate) store: Store,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) candidate: Holder,
    pub(crate) eligibility: Eligibility,
    /// How other admins are reached.
    pub(crate) peers: Peers,
    pub(crate) limits: Limits,
    pub(crate) content_limits: ContentLimits,
    pub(crate) area: String,
    pub(crate) lease_for: Duration,
    pub(crate) renew_every: Duration,
}

/// A candidate: leads whenever it can, follows whoever leads, until the process ends.
pub(crate) struct Campaign {
    platform: Platform,
    inbox: CommandInbox,
    publisher: Publisher,
    leadership: watch::Sender<Option<Leadership>>,
    follower: Follower,
    stop: CancellationToken,
}

/// The commands of this process, while it does not lead.
struct CommandInbox {
    commands: mpsc::Receiver<Request>,
    /// The way to whoever leads.
    link: watch::Receiver<Option<Arc<Link>>>,
    stop: CancellationToken,
}

impl CommandInbox {
    /// Has commands carried out by the leader until `work` is done, or answers that there is
    /// none; `None` if the process is to stop.
    async fn serve_during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                done = &mut work => return Some(done),
                Some(request) = self.commands.recv() => match &*self.link.borrow() {
                    Some(link) => link.pass_on(request),
                    None => request.answer(Err(CommandError::NoLeader)),
                }
            }
        }
    }
}

impl Campaign {
    /// Makes a candidate, the handle to it, and the view of its leadership for worker sessions.
    pub(crate) fn new(
        platform: Platform,
        stop: CancellationToken,
    ) -> (Self, Handle, watch::Receiver<Option<Leadership>>) {
        let (to_commands, commands) = mpsc::channel(INBOX);
        let (definitions, definitions_seen) = watch::channel(Arc::new(Definitions::default()));
        let (leader, leader_seen) = watch::channel(LeaderView::default());
        let (workers, workers_seen) = watch::channel(Arc::new(Vec::new()));
        let (notices, _) = broadcast::channel(4096);
        let (leadership, leadership_seen) = watch::channel(None);
        let handle = Handle::new(
            to_commands,
            definitions_seen,
            leader_seen,
            workers_seen,
            notices.clone(),
        );
        let publisher = Publisher {
            definitions,
            leader,
            workers,
            notices,
            metrics: Arc::clone(&platform.metrics),
            me: platform.candidate.clone(),
        };
        let (follower, link) = Follower::new(platform.clone(), publisher.clone());
        let campaign = Self {
            platform,
            inbox: CommandInbox {
                commands,
                link,
                stop: stop.clone(),
            },
            publisher,
            leadership,
            follower,
            stop,
        };
        (campaign, handle, leadership_seen)
    }

    /// Campaigns, leads and follows until the process is asked to stop.
    pub(crate) async fn run(mut self) {
        let mut told = String::new();
        loop {
            if self.platform.store.is_shared() {
                let following = self.follower.follow();
                if self.inbox.serve_during(following).await.is_none() {
                    return;
                }
            }
            match self.lead_once().await {
                Ok(Stop::Asked) => return,
                Ok(Stop::Deposed | Stop::Reload | Stop::HandOver) => told.clear(),
                // Once: while the database is away every attempt fails alike.
                Err(error) if format!("{error:#}") == told => {}
                Err(error) => {
                    told = format!("{error:#}");
                    tracing::error!(
                        error = told,
                        "this admin could not take the lead; it tries on"
                    );
                }
            }
            self.publisher.step_down();
            self.leadership.send_replace(None);
            let pause = tokio::time::sleep(PAUSE);
            if self.inbox.serve_during(pause).await.is_none() {
                return;
            }
        }
    }

    async fn lead_once(&mut self) -> anyhow::Result<Stop> {
        let taking = take_lead(self.platform.clone(), self.publisher.clone());
        let Some(taken) = self.inbox.serve_during(taking).await else {
            return Ok(Stop::Asked);
        };
        let Some(mut leader) = taken? else {
            return Ok(Stop::Deposed);
        };
        let (to_inbox, mut inbox) = mpsc::channel(INBOX);
        let (seen, mut later) = watch::channel(leader.committer.epoch());
        self.leadership.send_replace(Some(Leadership {
            epoch: leader.committer.epoch(),
            inbox: to_inbox.clone(),
            seen,
        }));
        let over = run_out(leader.committer.watch_end());
        tokio::pin!(over);
        let stop = self.stop.clone();
        let mut leading =
            tokio::spawn(async move { leader.run(&mut inbox, &mut later, &stop).await });
        // Commands outlive a leadership, reports do not: each leadership has an inbox of its own.
        loop {
            tokio::select! {
                ended = &mut leading => {
                    return ended.context("the leader's loop broke");
                }
                () = &mut over => {
                    // Its inbox closes with it, and so do the sessions of workers. No commit is
                    // under way, for none is waited for longer than the lease lasts.
                    leading.abort();
                    tracing::warn!("the lease ran out while the database was read; this admin steps down");
                    return Ok(Stop::Deposed);
                }
                Some(request) = self.inbox.commands.recv() => {
                    if let Err(refused) = to_inbox.send(Message::Command(request)).await
                        && let Message::Command(request) = refused.0
                    {
                        request.answer(Err(CommandError::NoLeader));
                    }
                }
            }
        }
    }
}

/// Returns when a lease has run out for so long that its leader must have noticed, or hangs.
async fn run_out(mut ends: watch::Receiver<Instant>) {
    loop {
        let end = *ends.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(end + NOTICED) => return,
            Ok(()) = ends.changed() => {}
        }
    }
}

/// Wins the lease and makes a leader from what the database holds; `None` while another leads.
async fn take_lead(platform: Platform, publisher: Publisher) -> anyhow::Result<Option<Leader>> {
    let Platform {
        store,
        metrics: _,
        candidate,
        eligibility,
        peers: _,
        limits,
        content_limits,
        area,
        lease_for,
        renew_every,
    } = platform;
    let asked_at = Instant::now();
    let Some((connection, lease)) = acquire(store.clone(), candidate, lease_for).await? else {
        return Ok(None);
    };
    tracing::info!(epoch = %lease.epoch, commit_seq = %lease.commit_seq, "this admin leads");
    let led_since = lease.now;
    let mut clock = EngineClock::new(lease.now);
    let mut committer = Committer::new(connection, lease, lease_for, renew_every, asked_at);
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    let loader = Loader {
        store: store.clone(),
        limits,
        salt,
    };
    let loading = loader.load();
    tokio::pin!(loading);
    let (engine, state) = loop {
        tokio::select! {
            loaded = &mut loading => break loaded?,
            () = tokio::time::sleep_until(committer.renewal_at()) => {
                clock.sample(committer.renew().await?);
            }
        }
    };
    let mut sessions = Sessions::default();
    for worker in store.workers().await? {
        sessions.register(worker);
    }
    Ok(Some(Leader {
        engine,
        clock,
        committer,
        state,
        loader: loader.clone(),
        eligibility,
        led_since,
        sessions,
        renderer: Renderer::new(store, area),
        publisher,
        content_limits,
    }))
}

/// Asks for the lease on a connection of its own; `None` while another admin holds it.
pub(super) async fn acquire(
    store: Store,
    candidate: Holder,
    lease_for: Duration,
) -> anyhow::Result<Option<(LeaderConnection, Lease)>> {
    let lease_ms = i64::try_from(lease_for.as_millis())?;
    let task = tokio::task::spawn_blocking(move || {
        let mut connection = store.leader_connection()?;
        let lease = connection.acquire(&candidate, lease_ms)?;
        Ok::<_, StoreError>(lease.map(|lease| (connection, lease)))
    });
    Ok(task.await??)
}
