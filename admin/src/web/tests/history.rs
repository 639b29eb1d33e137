//! Former revisions of a job, and the way back to one.

use hera_domain::id::{Revision, TeamId};
use hera_domain::job::JobContent;
use serde_json::json;

use super::*;
use crate::master::{CommandError, SaveJob, Saved};
use crate::store::JobEdit;

const REVISIONS: &str = "/hera/api/v1/jobs/1/revisions";

impl App {
    /// Job 1 with two revisions more: the second says "echo two" and knows a secret.
    async fn with_history() -> (Self, JobContent) {
        let app = Self::start().await;
        let first = app.db.store.job(JobId(1)).await.unwrap().unwrap();
        let mut leader = Leader::of(&app.db);
        for (revision, script, secret) in [(2, "echo two", "old"), (3, "echo three", "new")] {
            let mut content = first.content.clone();
            content.script = script.to_owned();
            content
                .config
                .insert("secret.key".to_owned(), secret.to_owned());
            let edit = JobEdit {
                id: JobId(1),
                owner: TeamId(1),
                revision: Revision(revision),
                content,
                author: "lin".to_owned(),
                comment: format!("number {revision}"),
            };
            let batch = Batch {
                seq: CommitSeq(leader.seq.0 + 1),
                at: at(revision),
                lease_ms: 60_000,
                job_edits: vec![edit],
                ..Batch::default()
            };
            leader.seq = leader.conn.commit(leader.epoch, &batch).unwrap();
        }
        let job = app.db.store.job(JobId(1)).await.unwrap().unwrap();
        let def = Arc::new(job.def);
        app.definitions.send_replace(Arc::new(Definitions {
            jobs: [(def.id, def)].into(),
            ..Definitions::default()
        }));
        (app, first.content)
    }
}

#[actix_web::test]
async fn a_job_s_history_is_listed_newest_first_and_each_revision_is_shown() {
    let (app, first) = App::with_history().await;
    let token = app.token(Role::Viewer).await;
    let newest = app.get(&token, &format!("{REVISIONS}?limit=2")).await;
    let newest = newest.json();
    assert_eq!(newest["items"][0]["comment"], "number 3");
    assert_eq!(newest["items"][1]["author"], "lin");
    let next = newest["next"].as_str().unwrap();
    let oldest = app.get(&token, &format!("{REVISIONS}?cursor={next}")).await;
    assert_eq!(oldest.json()["items"][0]["revision"], 1);
    assert_eq!(oldest.json()["next"], Value::Null);

    let second = app.get(&token, &format!("{REVISIONS}/2")).await.json();
    assert_eq!(second["script"], "echo two");
    assert_eq!(second["config"]["secret.key"], MASK);
    let one = app.get(&token, &format!("{REVISIONS}/1")).await.json();
    assert_eq!(one["script"], first.script);
    for missing in [
        "/hera/api/v1/jobs/1/revisions/9",
        "/hera/api/v1/jobs/9/revisions",
    ] {
        let reply = app.get(&token, missing).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
    }
}

/// What a leader that takes every save is asked to save.
fn taken(app: &mut App) -> mpsc::UnboundedReceiver<Box<SaveJob>> {
    let (seen, passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::SaveJob(_, save, _) = command else {
            panic!("only a save is sent here")
        };
        seen.send(save).unwrap();
        let saved = Saved {
            id: JobId(1),
            revision: Revision(4),
        };
        Ok(saved.into())
    });
    passed_on
}

#[actix_web::test]
async fn a_restored_revision_becomes_the_newest_with_today_s_secrets() {
    let (mut app, first) = App::with_history().await;
    let token = app.token(Role::Member).await;
    let mut passed_on = taken(&mut app);
    let path = format!("{REVISIONS}/2/restore");
    let reply = app.post(&token, &path, &json!({"revision": 3})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let save = passed_on.recv().await.unwrap();
    assert_eq!(save.base_revision, Some(Revision(3)));
    assert_eq!(save.comment, "revision 2 restored");
    assert_eq!(save.content.script, "echo two");
    assert_eq!(save.content.config["secret.key"], "new");
    assert_eq!(save.content.schedule, first.schedule);
}

#[actix_web::test]
async fn the_page_compares_two_revisions_and_offers_the_way_back() {
    let (mut app, _) = App::with_history().await;
    app.lead(nobody);
    let token = app.token(Role::Member).await;
    let path = "/hera/schedule/jobs/1/revisions?from=3&to=2";
    let page = app.get(&token, path).await.text();
    assert!(page.contains("<del>three</del>"), "{page}");
    assert!(page.contains("<ins>two</ins>"), "{page}");
    assert!(
        page.contains("action=\"/hera/schedule/jobs/1/revisions/2/restore\""),
        "{page}"
    );
    // What a former revision changed is no way back, and a reader is offered none.
    let page = app.get(&token, "/hera/schedule/jobs/1/revisions?from=1&to=2");
    assert!(!page.await.text().contains("/restore\""));
    let reader = app.token(Role::Viewer).await;
    assert!(!app.get(&reader, path).await.text().contains("/restore\""));
}

#[actix_web::test]
async fn a_way_back_that_is_stale_is_shown_again_with_the_reason() {
    let (mut app, _) = App::with_history().await;
    let token = app.token(Role::Member).await;
    app.lead(|command| {
        let Command::SaveJob(..) = command else {
            panic!("only a save is sent here")
        };
        let stale = CommandError::Stale {
            base: Revision(2),
            newest: Revision(3),
        };
        Err(stale)
    });
    let request = request(Method::POST, "/hera/schedule/jobs/1/revisions/1/restore")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .insert_header(bearer(&token))
        .set_payload("newest=2&comment=back");
    let reply = app.send(request).await;
    assert_eq!(reply.status, StatusCode::PRECONDITION_FAILED);
    let page = reply.text();
    assert!(page.contains("the newest revision is 3"), "{page}");
    assert!(page.contains("name=\"newest\" value=\"3\""), "{page}");
}

#[actix_web::test]
async fn the_dialog_of_an_earlier_run_asks_for_it_as_it_was_or_with_today_s_script() {
    let (mut app, _) = App::with_history().await;
    app.write_run(5, None, RunStatus::Failed);
    let token = app.token(Role::Member).await;
    let (seen, mut passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        // The page that shows the refusal asks for versions: nobody answers.
        if let Command::Trigger(_, run) = command {
            seen.send(run).unwrap();
        }
        Err(CommandError::NoLeader)
    });
    for (script, repeats) in [("was", Some(RunId(5))), ("", None)] {
        let form = format!("trigger=manual&from=5&script={script}");
        let request = request(Method::POST, "/hera/schedule/jobs/1/run")
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(bearer(&token))
            .set_payload(form);
        app.send(request).await;
        assert_eq!(passed_on.recv().await.unwrap().repeats, repeats);
    }
}
