//! The history of a job: who changed what, when and why, and the way back.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::id::{JobId, Revision};
use serde::Deserialize;

use super::changes::{Changes, between};
use super::frame::{Frame, Section};
use super::job::{Head, Tab, find, head};
use super::parts::{Ago, Choice};
use super::schedule::tree_at;
use super::tree::Tree;
use super::visit::{Visit, go_to, html, page_of};
use crate::access::Right;
use crate::web::BASE;
use crate::web::error::{Error, Result};
use crate::web::history::{self, Restore};

/// Revisions listed at once.
const LISTED: i64 = 50;

/// The tab.
#[derive(Debug, Template)]
#[template(path = "job/revisions.html")]
pub(super) struct RevisionsPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub head: Head,
    pub here: String,
    pub rows: Vec<RevisionRow>,
    pub older: Option<String>,
    pub shown: Option<Comparison>,
}

#[derive(Debug)]
pub(super) struct RevisionRow {
    pub revision: i64,
    pub at: Ago,
    pub author: String,
    pub comment: String,
    /// What it changed; the first one changed nothing.
    pub href: Option<String>,
    /// What restoring it would change.
    pub back: Option<String>,
    pub current: bool,
    pub shown: bool,
}

/// Two revisions side by side.
#[derive(Debug)]
pub(super) struct Comparison {
    pub before: Vec<Choice>,
    pub after: Vec<Choice>,
    pub changes: Changes,
    pub author: String,
    pub at: Ago,
    pub comment: String,
    pub restore: Option<RestoreForm>,
}

/// Shown where the right side is a former revision and the left side the newest one.
#[derive(Debug)]
pub(super) struct RestoreForm {
    pub action: String,
    pub revision: i64,
    pub newest: i64,
}

#[derive(Deserialize)]
pub(super) struct Which {
    from: Option<i64>,
    to: Option<i64>,
    before: Option<i64>,
}

/// `GET /schedule/jobs/{id}/revisions?from=&to=`.
pub(super) async fn show(
    visit: Visit,
    id: web::Path<i64>,
    query: web::Query<Which>,
) -> Result<HttpResponse> {
    html(&page(&visit, JobId(*id), &query).await?)
}

async fn page(visit: &Visit, id: JobId, which: &Which) -> Result<RevisionsPage> {
    let defs = visit.state.master.definitions();
    let job = find(&defs, id)?;
    let here = format!("{BASE}/schedule/jobs/{id}/revisions");
    let found = visit.state.store.job_revisions(id, which.before, LISTED);
    let found = found.await?;
    let newest = job.revision;
    let shown = match (which.from, which.to) {
        (Some(from), Some(to)) => {
            let listed = found.items.iter().map(|head| head.revision).collect();
            let pair = (Revision(from), Revision(to));
            Some(compare(visit, id, pair, newest, listed).await?)
        }
        (_, None) | (None, _) => None,
    };
    let times = visit.times();
    let (can_edit, to) = (visit.may(Right::Edit), which.to);
    let href = |from: i64, to: i64| format!("{here}?from={from}&to={to}");
    Ok(RevisionsPage {
        frame: visit.frame(Section::Schedule),
        tree: tree_at(visit, id).await?,
        side_first: false,
        head: head(visit, &defs, job, Tab::Revisions).await,
        older: found.next.map(|next| format!("{here}?before={next}")),
        rows: found
            .items
            .into_iter()
            .map(|found| {
                let Revision(n) = found.revision;
                let current = found.revision == newest;
                RevisionRow {
                    revision: n,
                    at: times.ago(found.created_at),
                    author: found.author,
                    comment: found.comment,
                    href: (n > 1).then(|| href(n - 1, n)),
                    back: (can_edit && !current).then(|| href(newest.0, n)),
                    current,
                    shown: to == Some(n),
                }
            })
            .collect(),
        here,
        shown,
    })
}

async fn compare(
    visit: &Visit,
    job: JobId,
    (from, to): (Revision, Revision),
    newest: Revision,
    mut listed: Vec<Revision>,
) -> Result<Comparison> {
    let before = history::revision(&visit.state, job, from).await?;
    let after = history::revision(&visit.state, job, to).await?;
    listed.extend([from, to]);
    listed.sort_unstable_by(|a, b| b.cmp(a));
    listed.dedup();
    let choices = |chosen: Revision| {
        let choice = |r: &Revision| Choice::new(r.to_string(), r.to_string(), *r == chosen);
        listed.iter().map(choice).collect()
    };
    let back = from == newest && to != newest && visit.may(Right::Edit);
    Ok(Comparison {
        before: choices(from),
        after: choices(to),
        changes: between(&before.content, &after.content, &visit.t().job),
        at: visit.times().ago(after.created_at),
        author: after.author,
        comment: after.comment,
        restore: back.then(|| RestoreForm {
            action: format!("{BASE}/schedule/jobs/{job}/revisions/{to}/restore"),
            revision: to.0,
            newest: newest.0,
        }),
    })
}

#[derive(Deserialize)]
pub(super) struct RestoreFields {
    newest: i64,
    #[serde(default)]
    comment: String,
}

/// `POST /schedule/jobs/{id}/revisions/{revision}/restore`.
pub(super) async fn restore(
    visit: Visit,
    path: web::Path<(i64, i64)>,
    form: web::Form<RestoreFields>,
) -> Result<HttpResponse> {
    let (job, revision) = path.into_inner();
    let RestoreFields { newest, comment } = form.into_inner();
    let restore = Restore {
        job: JobId(job),
        revision: Revision(revision),
        newest: Revision(newest),
        comment,
    };
    let refused = match history::restore(&visit.state, visit.actor()?, restore).await {
        Ok(_saved) => return Ok(go_to(&format!("{BASE}/schedule/jobs/{job}"))),
        Err(error @ (Error::Stale(_) | Error::Conflict(_) | Error::Invalid(_))) => error,
        Err(other) => return Err(other),
    };
    // Compared anew: what the person saw may not be the newest any more.
    let newest = find(&visit.state.master.definitions(), JobId(job))?.revision;
    let which = Which {
        from: Some(newest.0),
        to: Some(revision),
        before: None,
    };
    let mut page = page(&visit, JobId(job), &which).await?;
    page.head.notice = Some(visit.lang.message(&refused.to_string()));
    page_of(HttpResponse::build(refused.status()), &page)
}
