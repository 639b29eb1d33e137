//! Opening, closing and deleting a job.

use actix_web::{HttpResponse, web};
use hera_domain::id::JobId;
use hera_domain::status::Switch;
use serde::Deserialize;

use super::job::{find, overview_page};
use super::visit::{Refused, Visit, go_to, page_of, refusal};
use crate::master::{Chain, CommandError};
use crate::web::BASE;
use crate::web::error::{Error, Result};

#[derive(Deserialize)]
pub(super) struct SwitchForm {
    to: String,
}

/// `POST /schedule/jobs/{id}/switch`. A refusal is shown on the job's page.
pub(super) async fn switch(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<SwitchForm>,
) -> Result<HttpResponse> {
    let id = JobId(*id);
    let actor = visit.actor()?;
    let master = &visit.state.master;
    let (to, chain) = match form.to.as_str() {
        "open" => (Switch::Open, Chain::None),
        "open:upstream" => (Switch::Open, Chain::Upstream),
        "closed" => (Switch::Closed, Chain::None),
        "closed:downstream" => (Switch::Closed, Chain::Downstream),
        "invalid" => (Switch::Invalid, Chain::None),
        "deleted" => return delete(&visit, id).await,
        other => return Err(Error::Malformed(format!("\"{other}\" is no switch"))),
    };
    match master.switch(actor, id, to, chain).await {
        Ok(_changed) => Ok(go_to(&format!("{BASE}/schedule/jobs/{id}"))),
        Err(error) => refused(&visit, id, error).await,
    }
}

async fn delete(visit: &Visit, id: JobId) -> Result<HttpResponse> {
    let group = find(&visit.state.master.definitions(), id)?.group;
    let deleted = visit
        .state
        .master
        .delete_job(visit.actor()?, id, None)
        .await;
    match deleted {
        Ok(()) => Ok(go_to(&format!("{BASE}/schedule/groups/{group}"))),
        Err(error) => refused(visit, id, error).await,
    }
}

async fn refused(visit: &Visit, id: JobId, error: CommandError) -> Result<HttpResponse> {
    let reason = match refusal(error, visit.lang)? {
        Refused::Reason(reason) => reason,
        // The menu has no fields to show them beside.
        Refused::Fields(errors) => errors.sentence(),
    };
    let mut page = overview_page(visit, id).await?;
    page.head.notice = Some(format!("{}: {reason}", visit.t().job.refused));
    page_of(HttpResponse::Conflict(), &page)
}
