//! Pages as a browser without scripts uses them.

use hera_domain::engine::Refusal;

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
    app.lead(nobody);
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

#[actix_web::test]
async fn what_the_leader_refuses_stands_beside_its_field_and_nothing_typed_is_lost() {
    let mut app = App::start().await;
    let token = app.token(Role::Member).await;
    app.lead(|command| {
        let Command::SaveJob(..) = command else {
            panic!("only saves are sent here")
        };
        let cycle = Refusal::Cycle {
            job: JobId(1),
            name: "a".into(),
            cycle: vec![(JobId(1), "a".into()), (JobId(1), "a".into())],
        };
        Err(cycle.into())
    });
    let form = "base_revision=1&name=a&run_type=shell&script=echo+mine&dependencies=1&cron=\
                &timezone=&config=&description=&host_group_id=&priority=3&retries=0\
                &retry_wait_minutes=0&overlap=wait&misfire=run_all&on_lost=ask&must_end_minutes=\
                &comment=";
    let request = request(Method::POST, "/hera/schedule/jobs/1/edit")
        .insert_header(FORM)
        .insert_header(bearer(&token))
        .set_payload(form);
    let refused = app.send(request).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text();
    assert!(page.contains("echo mine"), "{page}");
    let field = page.split("id=\"dependencies\"").nth(1).unwrap();
    let field = field.split("</div>").next().unwrap();
    assert!(field.contains("aria-invalid=\"true\""), "{field}");
    assert!(field.contains("form a cycle"), "{field}");
}

#[actix_web::test]
async fn what_is_wrong_is_said_in_the_reader_s_language() {
    let mut app = App::start().await;
    let token = app.token(Role::Member).await;
    app.lead(|command| {
        let Command::SaveJob(..) = command else {
            panic!("only saves are sent here")
        };
        let (job, upstream) = (JobId(1), JobId(2));
        Err(Refusal::NoSuchUpstream { job, upstream }.into())
    });
    let asked = |method, path: &str| {
        request(method, path)
            .insert_header(FORM)
            .insert_header(bearer(&token))
            .insert_header(("cookie", "hera_lang=zh-CN"))
    };
    for (config, says) in [
        ("a%3D1%0Ab", "第 2 行：缺少“=”，请写成 键=值"),
        ("a%3D1", "任务 1 不能依赖任务 2：该任务不存在"),
    ] {
        let form = format!(
            "base_revision=1&name=a&run_type=shell&script=&dependencies=2&cron=&timezone=\
             &config={config}&description=&host_group_id=&priority=3&retries=0\
             &retry_wait_minutes=0&overlap=wait&misfire=run_all&on_lost=ask&must_end_minutes=\
             &comment="
        );
        let edit = asked(Method::POST, "/hera/schedule/jobs/1/edit").set_payload(form);
        let page = app.send(edit).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(says), "{}", page.text());
    }
    let page = app.send(asked(Method::GET, "/hera/schedule/jobs/99")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "{}", page.text());
    assert!(page.text().contains("任务 99 不存在"), "{}", page.text());
}

#[actix_web::test]
async fn who_must_change_the_password_is_told_so_on_every_page_and_may_work() {
    let app = App::start().await;
    let user = app.user("lin", Role::Member).await;
    let hash = crate::web::password::hash(PASSWORD).unwrap();
    app.db.store.set_password(user, hash, true).await.unwrap();
    let body = format!("name=lin&password={PASSWORD}");
    let entered = submit(&app, "/hera/login", "", &body).await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap();
    for path in ["/hera/", "/hera/runs", "/hera/machines"] {
        let page = look(&app, path, cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text().contains("href=\"/hera/profile#password\""));
    }
    let profile = look(&app, "/hera/profile", cookie).await;
    assert!(profile.text().contains("Choose one of your own"));
}
