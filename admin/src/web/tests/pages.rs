//! Pages as a browser without scripts uses them.

use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn submit(app: &App, path: &str, cookie: &str, body: &str) -> Reply {
    let request = request(Method::POST, path)
        .insert_header(FORM)
        .insert_header(("cookie", cookie.to_owned()))
        .set_payload(body.to_owned());
    app.send(request).await
}

async fn look(app: &App, path: &str, cookie: &str) -> Reply {
    let request = request(Method::GET, path).insert_header(("cookie", cookie.to_owned()));
    app.send(request).await
}

#[actix_web::test]
async fn a_person_logs_in_by_the_form_and_changes_things_with_its_token_only() {
    let mut app = App::start().await;
    app.lead(drop);
    app.user("lin", Role::Member).await;
    let wrong = submit(&app, "/hera/login", "", "name=lin&password=no").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text().contains("User name or password is not right"));

    let body = format!("name=lin&password={PASSWORD}&next=https%3A%2F%2Fevil.example");
    let entered = submit(&app, "/hera/login", "", &body).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text());
    assert_eq!(
        entered.header("location"),
        "/hera/",
        "never to another site"
    );
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let home = look(&app, "/hera/", &cookie).await;
    assert_eq!(home.status, StatusCode::OK, "{}", home.text());
    let page = home.text();
    let csrf = page.split("data-csrf=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap();
    assert!(!csrf.is_empty());

    let path = "/hera/runs/1/cancel";
    let forged = submit(&app, path, &cookie, "x=1").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    // Past the guard: nobody answers as the leader in this test.
    let sent = submit(&app, path, &cookie, &format!("csrf={csrf}")).await;
    assert_eq!(sent.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(sent.text().contains("Not possible at the moment"));
}

#[actix_web::test]
async fn the_switch_of_language_is_kept_in_a_cookie() {
    let app = App::start().await;
    let switched = submit(
        &app,
        "/hera/preferences",
        "",
        "lang=zh-CN&next=%2Fhera%2Flogin",
    )
    .await;
    assert_eq!(switched.header("location"), "/hera/login");
    assert!(switched.header("set-cookie").starts_with("hera_lang=zh-CN"));
    let page = look(&app, "/hera/login", "hera_lang=zh-CN").await;
    assert!(page.text().contains("<html lang=\"zh-CN\""));
    assert!(page.text().contains("用户名"));
}
