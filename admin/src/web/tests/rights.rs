//! Every route of the table asks for its right, and nobody is told anything before.

use serde_json::json;

use super::*;
use crate::access::Right;
use crate::web::{API, Route, routes};

/// A path of a route, with ids that nothing has: one of the routes revokes tokens.
fn path_of(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| match part {
        part if part.starts_with('{') => "999999",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn ask(app: &App, route: &Route, token: Option<&str>) -> StatusCode {
    let mut request = request(route.method.clone(), &path_of(route));
    if let Some(token) = token {
        request = request.insert_header(bearer(token));
    }
    app.send(request).await.status
}

#[actix_web::test]
async fn every_route_refuses_who_lacks_its_right_and_nobody_else() {
    let mut app = App::start().await;
    app.lead(nobody);
    // Streams end at once: only whether they begin is of interest.
    app.state.stop.cancel();
    let viewer = app.token(Role::Viewer).await;
    let member = app.token(Role::Member).await;
    let admin = app.token(Role::Admin).await;
    for route in routes() {
        let (method, path, right) = (&route.method, route.path, route.right);
        let nobody = ask(&app, &route, None).await;
        let refused = |status| matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if right == Right::Public {
            continue;
        }
        let to_login = !path.starts_with(API) && nobody == StatusCode::SEE_OTHER;
        assert!(
            to_login || nobody == StatusCode::UNAUTHORIZED,
            "{method} {path}: {nobody}"
        );
        for (token, may) in [
            (&viewer, right == Right::Read),
            (&member, right != Right::Administer),
            (&admin, true),
        ] {
            let status = ask(&app, &route, Some(token)).await;
            if may {
                assert!(!refused(status), "{method} {path} for {right:?}: {status}");
            } else {
                assert_eq!(
                    status,
                    StatusCode::FORBIDDEN,
                    "{method} {path} for {right:?}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_stranger_learns_nothing_of_paths_methods_and_formats() {
    let app = App::start().await;
    for (method, path) in [
        (Method::GET, "/hera/api/v1/jobs/1"),
        (Method::GET, "/hera/api/v1/no/such/path"),
        (Method::PATCH, "/hera/api/v1/jobs"),
        (Method::GET, "/hera/api/v1/jobs?limit=x"),
        (Method::GET, "/hera/api/v1"),
    ] {
        let reply = app
            .send(request(method, path).set_payload("{ no json"))
            .await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
}

#[actix_web::test]
async fn a_foreign_token_is_refused_with_the_remedy_and_never_throttled() {
    let app = App::start().await;
    for _ in 0..60 {
        let reply = app.get(&secret::generate(), "/hera/api/v1/jobs").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(reply.text().contains("hera-admin token create"));
    }
}

#[actix_web::test]
async fn a_person_without_session_is_led_to_the_login_and_back() {
    let app = App::start().await;
    let Some(page) = routes()
        .into_iter()
        .find(|r| !r.path.starts_with(API) && r.right == Right::Read && r.method == Method::GET)
    else {
        return;
    };
    let path = path_of(&page);
    let reply = app.send(request(Method::GET, &path)).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(reply.header("location"), format!("/hera/login?next={path}"));
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_named_to_who_may_know() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    let reply = app.get(&token, "/hera/api/v1/no/such").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(reply.text().contains("/hera/api/v1/no/such"));
    let request = request(Method::PATCH, "/hera/api/v1/jobs").insert_header(bearer(&token));
    let reply = app.send(request).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.header("allow"), "GET, POST");
}

#[actix_web::test]
async fn every_answer_forbids_what_no_page_of_ours_does() {
    let app = App::start().await;
    for path in [
        "/hera/login",
        "/hera/api/v1/jobs",
        "/hera/healthz",
        "/hera/nothing",
    ] {
        let reply = app.send(request(Method::GET, path)).await;
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
    }
}

#[actix_web::test]
async fn readiness_needs_a_leader_and_metrics_name_the_workers() {
    let mut app = App::start().await;
    app.lead(|command| {
        assert!(matches!(command, Command::Inquire(Inquiry::Ping)));
        Ok(().into())
    });
    let ready = || app.send(request(Method::GET, "/hera/readyz"));
    assert_eq!(ready().await.status, StatusCode::SERVICE_UNAVAILABLE);
    let lead = LeaderView {
        is_self: true,
        ..LeaderView::default()
    };
    app.leader.send_replace(lead);
    let reply = ready().await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.json()["leading"], json!(true));
    app.workers.send_replace(Arc::new(Vec::new()));
    let page = app.send(request(Method::GET, "/hera/metrics")).await;
    assert!(page.text().contains("hera_workers 0"));
}

#[actix_web::test]
async fn a_strained_leader_starts_nothing_by_hand_and_says_why_and_when() {
    let mut app = App::start().await;
    app.lead(|command| panic!("{command:?} reached the leader"));
    let strain = crate::master::Strain::Inbox { waiting: 4000 };
    app.leader.send_replace(LeaderView {
        is_self: true,
        strain: Some(strain),
        ..LeaderView::default()
    });
    let token = app.token(Role::Member).await;
    let run = json!({"trigger": "manual"});
    let refused = app.post(&token, "/hera/api/v1/jobs/1/runs", &run).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "3");
    assert!(
        refused.text().contains("4000 messages"),
        "{}",
        refused.text()
    );
    let status = app.get(&token, "/hera/api/v1/status").await.json();
    assert_eq!(status["strain"], "4000 messages wait for it");
}

#[actix_web::test]
async fn a_leader_that_answers_nothing_is_not_ready() {
    let mut app = App::start().await;
    app.lead(nobody);
    let lead = LeaderView {
        is_self: true,
        ..LeaderView::default()
    };
    app.leader.send_replace(lead);
    let reply = app.send(request(Method::GET, "/hera/readyz")).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.json()["leading"], json!(false));
    assert_eq!(reply.json()["database"], "ok");
}

#[actix_web::test]
async fn the_user_that_hera_admin_names_is_an_admin_in_any_role() {
    let mut app = App::start().await;
    app.lead(nobody);
    app.state.stop.cancel();
    let (named, other) = (app.token(Role::Viewer).await, app.token(Role::Viewer).await);
    let settings = WebSettings {
        admin_user: format!("viewer-{named}"),
        ..WebSettings::default()
    };
    app.state.settings = std::sync::Arc::new(settings);
    let closed = routes()
        .into_iter()
        .find(|route| route.right == Right::Administer);
    let closed = closed.expect("some routes are for admins only");
    assert_ne!(
        ask(&app, &closed, Some(&named)).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        ask(&app, &closed, Some(&other)).await,
        StatusCode::FORBIDDEN
    );
}
