//! Requests sent again, and requests that depend on what is there.

use hera_domain::calendar::{CalendarContent, CalendarDef};
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{CalendarId, GroupId, HostGroupId, Revision};
use serde_json::json;

use super::*;
use crate::master::{CommandError, Saved};
use crate::store::IdempotencyKey;

const JOB: &str = "/hera/api/v1/jobs/1";

impl App {
    async fn ask(&self, method: Method, path: &str, header: (&str, &str), body: &str) -> Reply {
        let token = self.token(Role::Admin).await;
        let request = request(method, path)
            .insert_header(bearer(&token))
            .insert_header((header.0.to_owned(), header.1.to_owned()));
        self.send(request.set_payload(body.to_owned())).await
    }
}

/// A leader that makes job 1 of whatever it is sent, and says with which key.
fn keys(app: &mut App) -> mpsc::UnboundedReceiver<Option<IdempotencyKey>> {
    let (seen, keys) = mpsc::unbounded_channel();
    app.lead(move |command| match command {
        Command::SaveJob(_, _, key) => {
            seen.send(key).unwrap();
            let (id, revision) = (JobId(1), Revision(1));
            Ok(Saved { id, revision }.into())
        }
        Command::SaveGroup(_, _, _, _, key) => {
            seen.send(key).unwrap();
            let (id, revision) = (GroupId(7), Revision(1));
            Ok(Saved { id, revision }.into())
        }
        Command::SaveCalendar(_, _, _, _, key) => {
            seen.send(key).unwrap();
            let (id, revision) = (CalendarId(2), Revision(1));
            Ok(Saved { id, revision }.into())
        }
        Command::SaveHostGroup(_, _, _, _, key) => {
            seen.send(key).unwrap();
            let (id, revision) = (HostGroupId(3), Revision(1));
            Ok(Saved { id, revision }.into())
        }
        other @ (Command::DeleteJob(..)
        | Command::DeleteGroup(..)
        | Command::DeleteCalendar(..)
        | Command::DeleteHostGroup(..)
        | Command::Switch(..)
        | Command::Trigger(..)
        | Command::Cancel(..)
        | Command::DeclareLost(..)
        | Command::CancelAll(..)
        | Command::ChangeWorker(..)
        | Command::Inquire(..)) => panic!("unexpected {other:?}"),
    });
    keys
}

#[actix_web::test]
async fn a_key_goes_to_the_leader_with_what_tells_its_request_from_another() {
    let mut app = App::start().await;
    let mut keys = keys(&mut app);
    let job = |name: &str| {
        json!({"group_id": 2, "name": name, "run_type": "shell", "schedule": {"kind": "manual"}})
            .to_string()
    };
    let group = json!({"parent_id": 1, "name": "g", "kind": "big"}).to_string();
    let calendar = json!({"name": "c"}).to_string();
    let (jobs, groups) = ("/hera/api/v1/jobs", "/hera/api/v1/groups");
    let calendars = "/hera/api/v1/calendars";
    let copy = format!("{JOB}/copy");
    let mut fingerprints = std::collections::BTreeSet::new();
    for (path, body) in [
        (jobs, job("a")),
        (jobs, job("b")),
        (groups, group),
        (calendars, calendar.clone()),
        ("/hera/api/v1/host-groups", calendar),
        (&copy, String::new()),
    ] {
        let mut answers = Vec::new();
        for _ in 0..2 {
            let reply = app
                .ask(Method::POST, path, ("idempotency-key", "k"), &body)
                .await;
            assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text());
            assert!(reply.header("location").starts_with("/hera/api/v1/"));
            let key = keys.recv().await.unwrap().unwrap();
            assert_eq!(key.key, "k");
            answers.push((key.fingerprint, reply.header("etag").to_owned(), reply.body));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        fingerprints.insert(answers.remove(0).0);
    }
    assert_eq!(fingerprints.len(), 6, "each request has its own");
    let none = app.ask(Method::POST, jobs, ("x", "y"), &job("a")).await;
    assert_eq!(none.status, StatusCode::CREATED);
    assert_eq!(keys.recv().await.unwrap(), None);
    let long = "k".repeat(191);
    let refused = app
        .ask(Method::POST, jobs, ("idempotency-key", &long), &job("a"))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.first_error().0, "Idempotency-Key");
}

#[actix_web::test]
async fn a_repeat_is_answered_as_the_first_request_whatever_came_after() {
    let mut app = App::start().await;
    let mut keys = keys(&mut app);
    let first = app.db.store.job(JobId(1)).await.unwrap().unwrap();
    {
        let mut leader = Leader::of(&app.db);
        let mut content = first.content.clone();
        content.script = "echo edited since".to_owned();
        let batch = Batch {
            seq: CommitSeq(leader.seq.0 + 1),
            at: at(1),
            lease_ms: 60_000,
            job_edits: vec![crate::store::JobEdit {
                id: JobId(1),
                owner: hera_domain::id::TeamId(1),
                revision: Revision(2),
                content,
                author: "lin".to_owned(),
                comment: String::new(),
            }],
            ..Batch::default()
        };
        leader.seq = leader.conn.commit(leader.epoch, &batch).unwrap();
    }
    let copy = format!("{JOB}/copy");
    let reply = app
        .ask(Method::POST, &copy, ("idempotency-key", "k"), "{}")
        .await;
    keys.recv().await.unwrap();
    let shown = reply.json();
    assert_eq!(shown["revision"], 1);
    assert_eq!(shown["script"], first.content.script);
    assert_eq!(shown["switch"], "closed");
    assert_eq!(shown["first_opened_at"], Value::Null);
    assert_eq!(reply.header("etag"), "\"1-closed\"");
}

#[actix_web::test]
async fn what_is_known_is_not_sent_and_what_has_changed_is() {
    let app = App::start().await;
    let shown = app.ask(Method::GET, JOB, ("x", "y"), "").await;
    let tag = shown.header("etag").to_owned();
    let switch = shown.json()["switch"].as_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"1-{switch}\""));
    let known = app.ask(Method::GET, JOB, ("if-none-match", &tag), "").await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert_eq!(known.header("etag"), tag);
    assert!(known.body.is_empty());
    let older = app
        .ask(Method::GET, JOB, ("if-none-match", "\"0\""), "")
        .await;
    assert_eq!(older.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_change_by_header_is_based_on_the_revision_that_it_names() {
    let mut app = App::start().await;
    let (seen, mut bases) = mpsc::unbounded_channel();
    // The leader holds the base against what it knows: 9 was never a revision.
    let judge = move |base: Option<Revision>| {
        seen.send(base).unwrap();
        match base {
            Some(base) if base.0 == 9 => Err(CommandError::Stale {
                base,
                newest: Revision(1),
            }),
            Some(_) | None => Ok(()),
        }
    };
    app.lead(move |command| match command {
        Command::SaveJob(_, save, _) => {
            let (id, revision) = (JobId(1), Revision(2));
            let done = judge(save.base_revision).map(|()| Saved { id, revision });
            done.map(Into::into)
        }
        Command::DeleteJob(_, _, base)
        | Command::DeleteGroup(_, _, base)
        | Command::DeleteCalendar(_, _, base)
        | Command::DeleteHostGroup(_, _, base) => judge(base).map(Into::into),
        Command::SaveCalendar(_, id, base, _, _) => {
            let (id, revision) = (id.unwrap(), Revision(3));
            judge(base).map(|()| Saved { id, revision }.into())
        }
        Command::SaveGroup(_, id, base, _, _) => {
            let (id, revision) = (id.unwrap(), Revision(4));
            judge(base).map(|()| Saved { id, revision }.into())
        }
        Command::SaveHostGroup(_, id, base, _, _) => {
            let (id, revision) = (id.unwrap(), Revision(5));
            judge(base).map(|()| Saved { id, revision }.into())
        }
        other @ (Command::Switch(..)
        | Command::Trigger(..)
        | Command::Cancel(..)
        | Command::DeclareLost(..)
        | Command::CancelAll(..)
        | Command::ChangeWorker(..)
        | Command::Inquire(..)) => panic!("unexpected {other:?}"),
    });
    let group = GroupDef {
        id: GroupId(7),
        revision: Revision(3),
        content: GroupContent {
            parent_id: Some(GroupId(1)),
            name: "g".to_owned(),
            big: true,
            description: String::new(),
            config: std::collections::BTreeMap::new(),
        },
    };
    let calendar = CalendarDef {
        id: CalendarId(1),
        revision: Revision(2),
        content: CalendarContent::default(),
    };
    app.definitions.send_replace(Arc::new(Definitions {
        groups: [(group.id, Arc::new(group))].into(),
        calendars: [(calendar.id, Arc::new(calendar))].into(),
        host_groups: [(
            HostGroupId(3),
            HostGroupContent::default().of(HostGroupId(3), Revision(4)),
        )]
        .into(),
        ..Definitions::default()
    }));
    let mut body = app.ask(Method::GET, JOB, ("x", "y"), "").await.json();
    body.as_object_mut().unwrap().remove("revision");
    let job = body.to_string();
    let group = json!({"parent_id": 1, "name": "g", "kind": "big"}).to_string();
    let (groups, id) = ("/hera/api/v1/groups/7", "if-match");
    let hosts = "/hera/api/v1/host-groups/3";
    let (calendars, calendar) = ("/hera/api/v1/calendars/1", json!({"name": "c"}).to_string());
    for (method, path, tag, body, base) in [
        (Method::PUT, JOB, "\"1-open\"", &job, Some(1)),
        (Method::DELETE, JOB, "\"1\"", &String::new(), Some(1)),
        (Method::PUT, groups, "\"3\"", &group, Some(3)),
        (Method::DELETE, groups, "*", &String::new(), Some(3)),
        (Method::PUT, calendars, "\"2\"", &calendar, Some(2)),
        (Method::PUT, hosts, "\"4\"", &calendar, Some(4)),
        (Method::DELETE, hosts, "\"4\"", &String::new(), Some(4)),
        (
            Method::DELETE,
            calendars,
            "W/\"2\"",
            &String::new(),
            Some(2),
        ),
    ] {
        let done = app.ask(method.clone(), path, (id, tag), body).await;
        assert!(done.status.is_success(), "{method} {path}: {}", done.text());
        assert_eq!(
            bases.recv().await.unwrap(),
            base.map(Revision),
            "{method} {path}"
        );
        let stale = app.ask(method.clone(), path, (id, "\"9\""), body).await;
        assert_eq!(
            stale.status,
            StatusCode::PRECONDITION_FAILED,
            "{method} {path}"
        );
        assert_eq!(bases.recv().await.unwrap(), Some(Revision(9)));
    }
    let neither = app.ask(Method::PUT, JOB, ("x", "y"), &job).await;
    assert_eq!(neither.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(neither.first_error().0, "revision");
    body["revision"] = json!(9);
    let both = app
        .ask(Method::PUT, JOB, (id, "\"1\""), &body.to_string())
        .await;
    assert_eq!(both.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(bases.recv().await.unwrap(), Some(Revision(9)));
}
