//! What the API hands to the leader, and how it shows what it has.

use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{GroupId, Revision};
use serde_json::json;

use super::*;
use crate::master::{Saved, Triggered};

#[actix_web::test]
async fn a_trigger_is_passed_on_with_its_key_and_answered_with_its_urls() {
    let mut app = App::start().await;
    let token = app.token(Role::Member).await;
    let (seen, mut passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::Trigger(_, run) = command else {
            panic!("only a trigger is sent here")
        };
        let made = Triggered {
            run: RunId(7),
            version: VersionId("202611200300000001".into()),
            status: RunStatus::Queued,
        };
        seen.send(run).unwrap();
        Ok(made.into())
    });
    let body = json!({ "trigger": "recover", "params": { "a": "1" } });
    let trigger = request(Method::POST, "/hera/api/v1/jobs/1/runs")
        .insert_header(bearer(&token))
        .insert_header(("idempotency-key", "night-1"))
        .set_payload(body.to_string());
    let reply = app.send(trigger).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text());
    let expected = json!({
        "run_id": 7, "version": "202611200300000001", "status": "queued",
        "url": "/hera/api/v1/runs/7", "log_url": "/hera/api/v1/runs/7/log",
    });
    assert_eq!(reply.json(), expected);
    let run = passed_on.recv().await.unwrap();
    assert_eq!(run.trigger, Trigger::Recover);
    assert_eq!(run.idempotency_key.unwrap().key, "night-1");
    assert_eq!(run.params["a"], "1");
}

#[actix_web::test]
async fn a_version_is_named_once_and_only_by_triggers_of_people() {
    let app = App::start().await;
    let token = app.token(Role::Member).await;
    for (body, field) in [
        (json!({ "trigger": "schedule" }), "trigger"),
        (json!({ "trigger": "nightly" }), "trigger"),
        (
            json!({ "trigger": "manual", "version": "1", "business_time": "2026-11-20T03:00:00Z" }),
            "business_time",
        ),
        (
            json!({ "trigger": "manual", "business_time": "noon" }),
            "business_time",
        ),
    ] {
        let reply = app.post(&token, "/hera/api/v1/jobs/1/runs", &body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(reply.first_error().0, field, "{body}");
    }
}

#[actix_web::test]
async fn a_job_can_be_read_changed_and_sent_back() {
    let mut app = App::start().await;
    let token = app.token(Role::Member).await;
    let (seen, mut passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::SaveJob(_, save, _) = command else {
            panic!("only a save is sent here")
        };
        seen.send(save).unwrap();
        let saved = Saved {
            id: JobId(1),
            revision: Revision(2),
        };
        Ok(saved.into())
    });
    let mut job = app.get(&token, "/hera/api/v1/jobs/1").await.json();
    assert_eq!(job["name"], "echoTest");
    assert_eq!(job["schedule"]["kind"], "cron");
    job["retries"] = json!(2);
    job["comment"] = json!("twice is enough");
    let put = request(Method::PUT, "/hera/api/v1/jobs/1").insert_header(bearer(&token));
    let reply = app.send(put.set_payload(job.to_string())).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let save = passed_on.recv().await.unwrap();
    assert_eq!(save.base_revision, Some(Revision(1)));
    assert_eq!(save.comment, "twice is enough");
    assert_eq!(save.content.retry.count, 2);
    let before = app.db.store.job(JobId(1)).await.unwrap().unwrap().content;
    assert_eq!(save.content.schedule, before.schedule);
    assert_eq!(save.content.script, before.script);
}

#[actix_web::test]
async fn lists_lead_from_page_to_page_and_secrets_stay_hidden() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    let mut definitions = Definitions::default();
    for id in 1..=3 {
        let content = GroupContent {
            parent_id: (id > 1).then_some(GroupId(1)),
            name: format!("g{id}"),
            big: true,
            description: String::new(),
            config: [("secret.key".to_owned(), "s3cret".to_owned())].into(),
        };
        let def = GroupDef {
            id: GroupId(id),
            revision: Revision(1),
            content,
        };
        definitions.groups.insert(GroupId(id), Arc::new(def));
    }
    app.definitions.send_replace(Arc::new(definitions));
    let first = app.get(&token, "/hera/api/v1/groups?limit=2").await.json();
    assert_eq!(first["items"][0]["parent_id"], Value::Null);
    assert_eq!(first["items"][1]["config"]["secret.key"], MASK);
    let next = first["next"].as_str().unwrap();
    let second = app
        .get(
            &token,
            &format!("/hera/api/v1/groups?limit=2&cursor={next}"),
        )
        .await;
    let second = second.json();
    assert_eq!(second["items"][0]["id"], 3);
    assert_eq!(second["next"], Value::Null);
}

#[actix_web::test]
async fn runs_are_listed_newest_first_by_status() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    {
        let mut leader = Leader::of(&app.db);
        leader.write(1, None, RunStatus::Failed, Vec::new());
        leader.write(2, None, RunStatus::Queued, Vec::new());
        leader.write(3, None, RunStatus::Failed, Vec::new());
    }
    let page = app
        .get(&token, "/hera/api/v1/runs?status=failed,lost")
        .await
        .json();
    let ids: Vec<i64> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [3, 1]);
    let run = app.get(&token, "/hera/api/v1/runs/2").await.json();
    assert_eq!(run["job_name"], "echoTest");
    assert_eq!(run["created_at"], "2026-11-18T11:06:42.123Z");
    assert_eq!(
        app.get(&token, "/hera/api/v1/runs/9").await.status,
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn cron_and_templates_are_computed_in_their_zone() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    let path = "/hera/api/v1/cron/next?expr=0%200%203%20*%20*%20%3F&timezone=Asia/Shanghai\
                &from=2026-11-19T19:00:00Z&count=2";
    let next = app.get(&token, path).await.json();
    // `from` itself is not among them.
    assert_eq!(
        next["fires"],
        json!(["2026-11-20T19:00:00.000Z", "2026-11-21T19:00:00.000Z"])
    );
    assert_eq!(next["kind"], "quartz");
    assert_eq!(
        next["words"],
        json!({"en": "every day at 03:00", "zh": "每天 03:00"})
    );
    let body = json!({
        "template": "${dir}/${zdt.format(\"yyyy-MM-dd\")} $HOME ${what}",
        "version_time": "202611200030", "timezone": "Asia/Shanghai", "config": { "dir": "/data" },
    });
    let rendered = app.post(&token, "/hera/api/v1/render", &body).await.json();
    assert_eq!(rendered["rendered"], "/data/2026-11-20 $HOME ${what}");
    assert_eq!(rendered["warnings"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_group_sent_back_as_it_was_makes_no_revision_when_that_is_asked() {
    let mut app = App::start().await;
    let (saved, mut saves) = tokio::sync::mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::SaveGroup(_, id, _, content, _) = command else {
            panic!("unexpected {command:?}")
        };
        saved.send(content).unwrap();
        let id = id.unwrap();
        let revision = Revision(2);
        Ok(Saved { id, revision }.into())
    });
    let token = app.token(Role::Member).await;
    let content = GroupContent {
        parent_id: None,
        name: "root".to_owned(),
        big: true,
        description: String::new(),
        config: [("secret.key".to_owned(), "s3cret".to_owned())].into(),
    };
    let def = GroupDef {
        id: GroupId(1),
        revision: Revision(1),
        content,
    };
    let mut definitions = Definitions::default();
    definitions.groups.insert(GroupId(1), Arc::new(def));
    app.definitions.send_replace(Arc::new(definitions));

    let path = "/hera/api/v1/groups/1";
    let put = async |body: &Value| {
        let to = request(Method::PUT, &format!("{path}?if_changed=true"));
        let to = to.insert_header(bearer(&token));
        app.send(to.set_payload(body.to_string())).await.json()
    };
    let mut shown = app.get(&token, path).await.json();
    assert_eq!(put(&shown).await["revision"], 1);
    shown["config"]["secret.key"] = "s3cret".into();
    assert_eq!(put(&shown).await["revision"], 1, "the same secret");
    assert!(saves.try_recv().is_err());
    shown["config"]["secret.key"] = "new".into();
    assert_eq!(put(&shown).await["revision"], 2);
    assert_eq!(saves.try_recv().unwrap().config["secret.key"], "new");
}

#[actix_web::test]
async fn members_come_in_pages_from_the_leader_to_the_last_worker() {
    let app = App::start().await;
    let worker = |id: i64, connected| WorkerView {
        id: hera_domain::id::WorkerId(id),
        name: format!("w{id}"),
        address: "127.0.0.1".to_owned(),
        version: "0.1.0".to_owned(),
        labels: Default::default(),
        connected,
        accepting: true,
        load: hera_domain::engine::Load::default(),
        running: 0,
        slots: 1,
        last_seen: None,
    };
    let workers = [worker(9, true), worker(3, true), worker(5, false)];
    app.workers.send_replace(Arc::new(workers.into()));
    let token = app.token(Role::Member).await;
    let members = "/hera/api/v1/members";
    let whole = app.get(&token, members).await.json();
    let whole = whole["items"].as_array().unwrap().clone();
    let ids: Vec<_> = whole.iter().filter_map(|m| m["id"].as_i64()).collect();
    assert_eq!(ids, [3, 9]);
    assert_eq!(whole[0]["kind"], "admin");
    let mut read = Vec::new();
    let mut path = format!("{members}?limit=1");
    loop {
        let page = app.get(&token, &path).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        read.push(page["items"][0].clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{members}?limit=1&cursor={next}");
    }
    assert_eq!(read, whole);
}
