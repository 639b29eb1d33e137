//! The browser's session: begun by a password, ended by time or by hand, safe from other sites.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

const LOGIN: &str = "/hera/api/v1/login";

async fn log_in(app: &App, name: &str, password: &str) -> Reply {
    let body = json!({ "name": name, "password": password }).to_string();
    app.send(request(Method::POST, LOGIN).set_payload(body))
        .await
}

fn cookie_of(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie");
    cookie.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_session_opens_the_api_until_it_has_not_been_used_for_long() {
    let app = App::start().await;
    app.user("lin", Role::Member).await;
    let reply = log_in(&app, "lin", PASSWORD).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.json()["user"]["name"], "lin");
    let set = reply.header("set-cookie");
    for part in [
        "HttpOnly",
        "SameSite=Lax",
        "Path=/hera",
        "hera_session_8080=",
    ] {
        assert!(set.contains(part), "{part} is not in {set}");
    }
    let cookie = cookie_of(&reply);
    let look = || {
        app.send(
            request(Method::GET, "/hera/api/v1/jobs").insert_header(("cookie", cookie.clone())),
        )
    };
    let soon = look().await;
    assert_eq!(soon.status, StatusCode::OK);
    assert_eq!(soon.header("set-cookie"), "", "not with every request");
    let lasts = app.state.settings.session_lasts;
    for _use in 0..2 {
        app.clock.advance(lasts - TimeDelta::seconds(1));
        let late = look().await;
        assert_eq!(late.status, StatusCode::OK);
        assert_eq!(cookie_of(&late), cookie, "the browser keeps it as long");
    }
    app.clock.advance(lasts);
    assert_eq!(look().await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_change_by_session_needs_its_csrf_token() {
    let mut app = App::start().await;
    app.lead(nobody);
    app.user("lin", Role::Member).await;
    let reply = log_in(&app, "lin", PASSWORD).await;
    let cookie = cookie_of(&reply);
    let csrf = reply.json()["csrf_token"].as_str().unwrap().to_owned();
    let close = |token: Option<String>| {
        let mut request = request(Method::POST, "/hera/api/v1/jobs/1/close")
            .insert_header(("cookie", cookie.clone()));
        if let Some(token) = token {
            request = request.insert_header(("x-csrf-token", token));
        }
        app.send(request)
    };
    assert_eq!(close(None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        close(Some(secret::generate())).await.status,
        StatusCode::FORBIDDEN
    );
    // Past the guard: nobody leads in this test.
    assert_eq!(
        close(Some(csrf)).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[actix_web::test]
async fn logging_out_ends_the_session_for_good() {
    let app = App::start().await;
    app.user("lin", Role::Member).await;
    let cookie = cookie_of(&log_in(&app, "lin", PASSWORD).await);
    let session = |method| {
        app.send(request(method, "/hera/api/v1/session").insert_header(("cookie", cookie.clone())))
    };
    assert_eq!(session(Method::GET).await.json()["user"]["name"], "lin");
    // Also one whose session was due to be extended.
    app.clock.advance(TimeDelta::days(1));
    let out = session(Method::DELETE).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(cookie_of(&out).ends_with('='), "{}", cookie_of(&out));
    assert_eq!(session(Method::GET).await.json()["user"], Value::Null);
}

#[actix_web::test]
async fn wrong_passwords_are_refused_alike_and_then_slowed_down() {
    let app = App::start().await;
    app.user("lin", Role::Member).await;
    let unknown = log_in(&app, "nobody", PASSWORD).await;
    let mut last = log_in(&app, "lin", "wrong").await;
    assert_eq!(last.status, StatusCode::UNAUTHORIZED);
    assert_eq!(last.text(), unknown.text());
    for _ in 0..5 {
        last = log_in(&app, "lin", "wrong").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Even the right one has to wait, but not for ever.
    assert_eq!(
        log_in(&app, "lin", PASSWORD).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    app.clock.advance(TimeDelta::minutes(6));
    assert_eq!(log_in(&app, "lin", PASSWORD).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn another_site_cannot_log_a_browser_in() {
    let app = App::start().await;
    app.user("lin", Role::Member).await;
    let body = json!({ "name": "lin", "password": PASSWORD }).to_string();
    let forged = request(Method::POST, LOGIN)
        .insert_header(("origin", "http://evil.example"))
        .set_payload(body);
    assert_eq!(app.send(forged).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn an_inactive_user_gets_nowhere() {
    let app = App::start().await;
    let id = app.user("lin", Role::Member).await;
    let cookie = cookie_of(&log_in(&app, "lin", PASSWORD).await);
    let mut user = app.db.store.user(id).await.unwrap().unwrap();
    user.active = false;
    app.db.store.update_user(user).await.unwrap();
    assert_eq!(
        log_in(&app, "lin", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    let look = request(Method::GET, "/hera/api/v1/jobs").insert_header(("cookie", cookie));
    assert_eq!(app.send(look).await.status, StatusCode::UNAUTHORIZED);
}
