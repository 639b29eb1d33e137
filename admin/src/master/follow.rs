//! While another admin leads: its definitions and its workers are shown here as well, and commands
//! are passed on to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use hera_domain::id::{CommitSeq, Epoch};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::alive::ALIVE;
use super::campaign::Platform;
use super::command::{Command, Request};
use super::handle::{CommandError, Definitions, Notice};
use super::publish::Publisher;
use crate::grpc::{News, Peer};
use crate::store::{DefinitionChanges, Holder, LeaseView, StoreError};

/// How long an answer waits until this admin's own definitions hold what was changed.
const CATCH_UP: Duration = Duration::from_secs(2);
/// Between two attempts to watch the leader.
const PAUSE: Duration = Duration::from_millis(300);

/// The holder of a lease that ran out so long ago has gone.
const GONE: TimeDelta = TimeDelta::seconds(1);
/// How long the lead stays free for admins that shall have it.
const RESERVED: TimeDelta = TimeDelta::seconds(15);
/// How often a follower looks at the lease.
const LOOK: Duration = Duration::from_millis(250);

/// What an admin does while it does not lead.
pub(super) struct Follower {
    platform: Platform,
    publisher: Publisher,
    /// As of when this admin's definitions are; nothing before the first reading.
    known: Option<(Epoch, CommitSeq)>,
    link: watch::Sender<Option<Arc<Link>>>,
    /// Wakes it before its time: definitions may have changed.
    nudge: Arc<Notify>,
}

/// What a look at the lease says.
enum Seen {
    /// Another admin leads.
    Led(Holder),
    /// Nobody leads, and this admin may.
    Free,
    /// Nobody leads; another admin shall.
    Reserved,
}

impl Follower {
    /// With it comes the way to whoever leads, kept up to date while it follows.
    pub(super) fn new(
        platform: Platform,
        publisher: Publisher,
    ) -> (Self, watch::Receiver<Option<Arc<Link>>>) {
        let (link, linked) = watch::channel(None);
        let follower = Self {
            platform,
            publisher,
            known: None,
            link,
            nudge: Arc::default(),
        };
        (follower, linked)
    }

    /// Follows whoever leads; returns when this admin may try to lead.
    pub(super) async fn follow(&mut self) {
        // A leadership of our own may have changed everything.
        self.known = None;
        let mut away = false;
        loop {
            match self.look().await {
                Ok(Seen::Free) => {
                    self.link.send_replace(None);
                    return;
                }
                Ok(Seen::Led(leader)) => {
                    away = false;
                    self.follow_to(&leader);
                }
                Ok(Seen::Reserved) => {
                    away = false;
                    self.link.send_replace(None);
                }
                Err(error) => {
                    self.link.send_replace(None);
                    self.publisher.step_down();
                    if !std::mem::replace(&mut away, true) {
                        tracing::error!(%error, "the database cannot be read; this admin tries on");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.nudge.notified() => {}
            }
        }
    }

    /// Reads who leads and what that admin has changed.
    async fn look(&mut self) -> Result<Seen, StoreError> {
        let lease = self.platform.store.lease().await?;
        self.refresh(&lease).await?;
        if lease.is_live()
            && let Some(leader) = lease.holder
        {
            self.publisher.follow(leader.clone(), lease.epoch);
            return Ok(Seen::Led(leader));
        }
        self.publisher.step_down();
        let mut alive = self.platform.store.admins(ALIVE).await?;
        let free_for = lease.now - lease.expires_at;
        if free_for > GONE {
            // A leader that goes on takes its lease again sooner.
            let former = lease.holder.map(|holder| holder.name);
            alive.retain(|admin| Some(&admin.at.name) != former.as_ref());
        }
        let eligibility = &self.platform.eligibility;
        if free_for > RESERVED {
            eligibility.pass_over(&alive);
        }
        let definitions = self.publisher.definitions.borrow().clone();
        let may = eligibility.among(&alive, &definitions.host_groups);
        Ok(if may { Seen::Free } else { Seen::Reserved })
    }

    /// Reads the definitions that were committed since the last time.
    async fn refresh(&mut self, lease: &LeaseView) -> Result<(), StoreError> {
        // Another epoch may stand on a restored backup, where numbers have begun again.
        let known = self.known.filter(|(epoch, _)| *epoch == lease.epoch);
        let known = known.map(|(_, seq)| seq);
        if known.is_some_and(|seq| lease.definitions_seq <= seq) {
            return Ok(());
        }
        let changes = self.platform.store.definitions_after(known).await?;
        self.known = Some((lease.epoch, changes.seq));
        let shown = &self.publisher.definitions;
        let (mut definitions, told) = match known {
            Some(_) => (Definitions::clone(&shown.borrow()), notices(&changes)),
            None => (Definitions::default(), vec![Notice::Missed]),
        };
        definitions.take(changes);
        shown.send_replace(Arc::new(definitions));
        for notice in told {
            // Nobody listening is no error.
            drop(self.publisher.notices.send(notice));
        }
        Ok(())
    }

    fn follow_to(&self, leader: &Holder) {
        let same = |link: &Arc<Link>| link.address == leader.connect;
        if self.link.borrow().as_ref().is_some_and(same) {
            return;
        }
        tracing::info!(leader = leader.name, "another admin leads; following it");
        match self.platform.peers.at(&leader.connect) {
            Ok(peer) => {
                let link = Link::new(&leader.connect, peer, &self.publisher, &self.nudge);
                self.link.send_replace(Some(Arc::new(link)));
            }
            Err(error) => {
                tracing::error!(
                    address = leader.connect,
                    %error,
                    "the leading admin has no usable address; set its HERA_ADVERTISE"
                );
                self.link.send_replace(None);
            }
        }
    }
}

impl Definitions {
    fn take(&mut self, changes: DefinitionChanges) {
        let DefinitionChanges {
            seq,
            jobs,
            groups,
            host_groups,
            calendars,
        } = changes;
        self.seq = seq;
        for (id, def) in jobs {
            match def {
                Some(def) => drop(self.jobs.insert(id, def)),
                None => drop(self.jobs.remove(&id)),
            }
        }
        for (id, def) in groups {
            match def {
                Some(def) => drop(self.groups.insert(id, def)),
                None => drop(self.groups.remove(&id)),
            }
        }
        self.host_groups = host_groups;
        self.calendars = calendars.into_iter().map(|c| (c.id, c)).collect();
    }
}

fn notices(changes: &DefinitionChanges) -> Vec<Notice> {
    let jobs = changes.jobs.iter();
    let jobs = jobs.map(|(job, _)| Notice::Job { job: *job });
    let groups = changes.groups.iter();
    let groups = groups.map(|(group, _)| Notice::Group { group: *group });
    jobs.chain(groups).collect()
}

/// The way to the leader, watched for what changes there.
pub(super) struct Link {
    address: String,
    peer: Peer,
    definitions: watch::Sender<Arc<Definitions>>,
    nudge: Arc<Notify>,
    _watching: AbortOnDropHandle<()>,
}

impl Link {
    fn new(address: &str, peer: Peer, publisher: &Publisher, nudge: &Arc<Notify>) -> Self {
        let watching = watch_leader(peer.clone(), publisher.clone(), Arc::clone(nudge));
        Self {
            address: address.to_owned(),
            peer,
            definitions: publisher.definitions.clone(),
            nudge: Arc::clone(nudge),
            _watching: AbortOnDropHandle::new(tokio::spawn(watching)),
        }
    }

    /// Passes a command on; its sender gets the leader's answer once the definitions of this
    /// admin hold what it changed.
    pub(super) fn pass_on(&self, request: Request) {
        let peer = self.peer.clone();
        let mut definitions = self.definitions.subscribe();
        let nudge = Arc::clone(&self.nudge);
        tokio::spawn(async move {
            if let Command::CancelAll(_) = request.command {
                return request.answer(Err(CommandError::NoLeader));
            }
            match peer.ask(&request.command).await {
                Ok((answer, seq)) => {
                    let behind = definitions.borrow().seq < seq;
                    if behind {
                        nudge.notify_one();
                        let caught_up = definitions.wait_for(|known| known.seq >= seq);
                        // Late is better than never: the change is made.
                        drop(tokio::time::timeout(CATCH_UP, caught_up).await);
                    }
                    request.answer(answer);
                }
                Err(error) => request.answer(Err(error)),
            }
        });
    }
}

/// Shows what the leader tells, and connects again for as long as it leads.
async fn watch_leader(peer: Peer, publisher: Publisher, nudge: Arc<Notify>) {
    let mut complaint = String::new();
    loop {
        match peer.watch().await {
            Ok(mut stream) => {
                complaint.clear();
                // It tells of a strain that it has, not of one that is over.
                publisher.strain_there(None);
                drop(publisher.notices.send(Notice::Missed));
                while let Some(Ok(news)) = stream.next().await {
                    show(news, &publisher, &nudge);
                }
            }
            Err(status) if status.message() == complaint => {}
            Err(status) => {
                tracing::warn!(%status, "the leading admin cannot be reached from here; it is tried again");
                status.message().clone_into(&mut complaint);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn show(news: News, publisher: &Publisher, nudge: &Notify) {
    match news {
        News::Workers(workers) => {
            publisher.workers.send_replace(Arc::new(workers));
            drop(publisher.notices.send(Notice::Workers));
        }
        News::Strain(strain) => publisher.strain_there(strain),
        // Told when they have been read here, lest a page reads the old ones.
        News::Notice(Notice::Job { .. } | Notice::Group { .. }) => nudge.notify_one(),
        News::Notice(
            notice @ (Notice::Run { .. }
            | Notice::Version { .. }
            | Notice::Workers
            | Notice::Missed),
        ) => drop(publisher.notices.send(notice)),
    }
}
