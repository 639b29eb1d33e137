//! Host groups by the API and by the page; runs that are given up; versions that differ.

use hera_domain::engine::HostGroup;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{HostGroupId, Revision};
use serde_json::json;

use super::*;
use crate::master::{Saved, WorkerView};

const PATH: &str = "/hera/api/v1/host-groups";

fn gpu() -> HostGroup {
    let content = HostGroupContent {
        name: "gpu".to_owned(),
        effective: true,
        members: ["label:gpu".to_owned()].into(),
        ..HostGroupContent::default()
    };
    content.of(HostGroupId(4), Revision(3))
}

fn worker(id: i64, label: &str, version: &str) -> WorkerView {
    WorkerView {
        id: hera_domain::id::WorkerId(id),
        name: format!("w{id}"),
        address: "127.0.0.1".to_owned(),
        version: version.to_owned(),
        labels: [label.to_owned()].into(),
        connected: true,
        accepting: true,
        load: hera_domain::engine::Load::default(),
        running: 0,
        slots: 1,
        last_seen: None,
    }
}

async fn with_group() -> App {
    let app = App::start().await;
    app.definitions.send_replace(Arc::new(Definitions {
        host_groups: [(HostGroupId(4), gpu())].into(),
        ..Definitions::default()
    }));
    let workers = vec![
        worker(1, "gpu", "0.0.1"),
        worker(2, "cpu", env!("CARGO_PKG_VERSION")),
    ];
    app.workers.send_replace(Arc::new(workers));
    app
}

/// What the leader is asked to save, with the base of the change.
fn saved(app: &mut App) -> mpsc::UnboundedReceiver<(HostGroupContent, Option<Revision>)> {
    let (seen, passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::SaveHostGroup(_, id, base, content, _) = command else {
            panic!("only a host group is sent here")
        };
        seen.send((content, base)).unwrap();
        let saved = Saved {
            id: id.unwrap_or(HostGroupId(5)),
            revision: Revision(4),
        };
        Ok(saved.into())
    });
    passed_on
}

#[actix_web::test]
async fn the_api_makes_shows_and_saves_host_groups() {
    let mut app = with_group().await;
    let token = app.token(Role::Admin).await;
    let mut passed_on = saved(&mut app);
    let shown = app.get(&token, &format!("{PATH}/4")).await;
    assert_eq!(shown.json()["workers"], json!([1]), "by its label");
    let list = app.get(&token, PATH).await.json();
    assert_eq!(list["items"][0], shown.json());

    let made = app.post(&token, PATH, &json!({"name": "big"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.json()["effective"], true);
    assert_eq!(passed_on.recv().await.unwrap().0.name, "big");

    let put = |path: String| {
        let request = request(Method::PUT, &path).insert_header(bearer(&token));
        app.send(request.set_payload(shown.json().to_string()))
    };
    let same = put(format!("{PATH}/4?if_changed=true")).await;
    assert_eq!(same.json()["revision"], 3, "what is read may be sent back");
    assert!(passed_on.try_recv().is_err());
    assert_eq!(put(format!("{PATH}/4")).await.json()["revision"], 4);
    assert_eq!(passed_on.recv().await.unwrap().1, Some(Revision(3)));
    assert_eq!(put(format!("{PATH}/9")).await.status, StatusCode::NOT_FOUND);

    let member = app.token(Role::Member).await;
    let refused = app.post(&member, PATH, &json!({"name": "x"})).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn the_page_saves_members_one_a_line_and_shows_who_belongs() {
    let mut app = with_group().await;
    let token = app.token(Role::Admin).await;
    let mut passed_on = saved(&mut app);
    let list = app.get(&token, "/hera/admin/host-groups").await.text();
    assert!(list.contains("label:gpu") && list.contains("w1") && !list.contains("w2"));
    let form = "base_revision=3&name=gpu&members=label:gpu%0D%0A+w2+%0D%0A%0D%0A";
    let request = request(Method::POST, "/hera/admin/host-groups/4/edit")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .insert_header(bearer(&token));
    let done = app.send(request.set_payload(form)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let (content, base) = passed_on.recv().await.unwrap();
    assert_eq!(base, Some(Revision(3)));
    assert!(!content.effective, "its box was not ticked");
    let members: Vec<_> = content.members.into_iter().collect();
    assert_eq!(members, ["label:gpu", "w2"]);

    let member = app.token(Role::Member).await;
    let list = app.get(&member, "/hera/admin/host-groups").await;
    assert!(
        !list.text().contains("/4/edit"),
        "what they may not is not offered"
    );
    let edit = app.get(&member, "/hera/admin/host-groups/4/edit").await;
    assert_eq!(edit.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn a_worker_of_another_version_is_marked_wherever_it_is_shown() {
    let app = with_group().await;
    let token = app.token(Role::Member).await;
    for path in ["/hera/api/v1/workers", "/hera/api/v1/members"] {
        let items = app.get(&token, path).await.json()["items"].clone();
        let of = |id: i64| {
            let mut items = items.as_array().unwrap().iter();
            items.find(|item| item["id"] == id).unwrap()["version_skew"].clone()
        };
        assert_eq!((of(1), of(2)), (json!(true), json!(false)), "{path}");
    }
    let page = app.get(&token, "/hera/machines").await.text();
    assert_eq!(
        page.matches("another version than this admin").count(),
        2,
        "text and title"
    );
}
