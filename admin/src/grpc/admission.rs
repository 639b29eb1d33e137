//! Who may open a session: a machine that shows the join token is given a token of its own, and a
//! worker that shows its own comes in as itself.

use std::sync::Arc;

use hera_domain::clock::Clock;
use hera_domain::id::WorkerId;
use hera_proto::{NODE_TOKEN_HEADER, v1};
use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::join;
use crate::secret;
use crate::store::{Credential, Store, StoreError, Stranger, WorkerSeen};

/// How many are looked up at the same time.
const AT_ONCE: usize = 2;

/// What a stream has shown before its first message is read.
#[derive(Debug)]
pub(super) enum Shown {
    /// The hash of a token that a worker holds.
    OwnToken(String),
    JoinToken,
}

/// How a stream goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// With the hash of its token.
    Worker(WorkerId, String),
    /// It has joined and shall come again with this token.
    Joined(WorkerId, String),
}

/// Lets workers in.
#[derive(Clone)]
pub(crate) struct Gate {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Strangers wait for each other, and leave the database to others.
    turns: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Sends strangers away.
    pub(super) async fn look<T>(&self, request: &Request<T>) -> Result<Shown, Status> {
        let turn = self.turns.acquire().await;
        let shown = self.shown(request.metadata()).await;
        drop(turn);
        match shown.map_err(|error| unanswered(&error))? {
            Some(shown) => Ok(shown),
            None => {
                let from = request.remote_addr().map(|peer| peer.to_string());
                tracing::warn!(
                    peer = from.unwrap_or_default(),
                    "a worker came with a wrong token and was sent away"
                );
                Err(Status::unauthenticated(
                    "neither its own token nor its join token is known here; set HERA_JOIN_TOKEN to what `hera-admin token join` prints",
                ))
            }
        }
    }

    async fn shown(&self, metadata: &MetadataMap) -> Result<Option<Shown>, StoreError> {
        let text = |name| metadata.get(name).and_then(|value| value.to_str().ok());
        if let Some(own) = text(NODE_TOKEN_HEADER) {
            let hash = secret::digest(own);
            if self.store.knows_worker_token(hash.clone()).await? {
                return Ok(Some(Shown::OwnToken(hash)));
            }
        }
        let join = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if let Some(join) = join
            && join::admits(&self.store, join).await?
        {
            return Ok(Some(Shown::JoinToken));
        }
        Ok(None)
    }

    /// Registers who has said hello, if it is whom it has shown to be.
    pub(super) async fn admit(
        &self,
        shown: Shown,
        hello: &v1::Hello,
        address: &str,
    ) -> Result<Admitted, Status> {
        let seen = WorkerSeen {
            node_id: hello.node_id.clone(),
            name: hello.name.clone(),
            address: address.to_owned(),
            version: hello.version.clone(),
            labels: super::session::labels(hello),
            at: self.clock.now(),
        };
        let admit = async |by: Credential| {
            let admitted = self.store.admit_worker(seen, by).await;
            let admitted = admitted.map_err(|error| unanswered(&error))?;
            admitted.map_err(|stranger| refused(stranger, hello, address))
        };
        match shown {
            Shown::OwnToken(hash) => {
                let worker = admit(Credential::Token { hash: hash.clone() }).await?;
                Ok(Admitted::Worker(worker, hash))
            }
            Shown::JoinToken => {
                let token = secret::generate();
                let offered = secret::digest(&token);
                let worker = admit(Credential::Join { offered }).await?;
                Ok(Admitted::Joined(worker, token))
            }
        }
    }
}

fn unanswered(error: &StoreError) -> Status {
    tracing::error!(%error, "a worker could not be looked up");
    Status::unavailable("the database does not say who this is; try again")
}

fn refused(stranger: Stranger, hello: &v1::Hello, address: &str) -> Status {
    let (name, node) = (&hello.name, &hello.node_id);
    let text = match stranger {
        Stranger::UnknownToken => {
            "its token has just been taken away; it comes again by the join token".to_owned()
        }
        Stranger::AnothersToken => format!(
            "its token is that of another worker than {node}; give each worker a data folder of its own"
        ),
        Stranger::WithoutItsToken => format!(
            "the worker {node} has a token of its own and did not show it; if its worker.json was lost or is an old copy, `hera-admin workers rotate-token {name}` lets it join anew"
        ),
    };
    tracing::warn!(
        worker.name = name,
        worker.address = address,
        "a worker was sent away: {text}"
    );
    Status::unauthenticated(text)
}
