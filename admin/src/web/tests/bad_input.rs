//! Bad input is answered by what is wrong with which thing, and what to do.

use hera_domain::engine::Refusal;
use hera_domain::id::{JobId, Revision};
use hera_domain::job::FieldError;
use serde_json::json;

use super::*;
use crate::master::CommandError;

const JOBS: &str = "/hera/api/v1/jobs";

fn job() -> Value {
    json!({
        "group_id": 2, "name": "a", "run_type": "shell", "script": "true",
        "schedule": { "kind": "manual" },
    })
}

async fn app_and_token() -> (App, String) {
    let app = App::start().await;
    let token = app.token(Role::Member).await;
    (app, token)
}

#[actix_web::test]
async fn a_field_that_nobody_knows_is_named() {
    let (app, token) = app_and_token().await;
    let mut body = job();
    body["retrys"] = json!(3);
    let reply = app.post(&token, JOBS, &body).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (field, message) = reply.first_error();
    assert_eq!(field, "retrys");
    assert!(message.contains("`retries`"), "{message}");
}

#[actix_web::test]
async fn a_value_of_the_wrong_kind_is_named_by_its_path() {
    let (app, token) = app_and_token().await;
    let mut body = job();
    body["schedule"] = json!({ "kind": "dependent", "dependencies": [{ "job_id": "x" }] });
    let reply = app.post(&token, JOBS, &body).await;
    assert_eq!(reply.first_error().0, "schedule.dependencies[0].job_id");
}

#[actix_web::test]
async fn bytes_that_are_no_utf_8_and_text_that_is_no_json_are_malformed() {
    let (app, token) = app_and_token().await;
    for (body, says) in [
        (&b"{\"name\":\"\xff\"}"[..], "not valid UTF-8"),
        (&b"{\"name\":"[..], "not valid JSON"),
    ] {
        let request = request(Method::POST, JOBS).insert_header(bearer(&token));
        let reply = app.send(request.set_payload(body)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(reply.text().contains(says), "{}", reply.text());
    }
}

#[actix_web::test]
async fn a_list_is_no_body() {
    let (app, token) = app_and_token().await;
    let path = "/hera/api/v1/jobs/1/copy";
    let reply = app.post(&token, path, &json!(["name", 2])).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.first_error().0, "body");
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused_with_the_limit() {
    let (app, token) = app_and_token().await;
    let mut body = job();
    body["script"] = "x".repeat(70_000).into();
    let reply = app.post(&token, JOBS, &body).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(reply.text().contains("65536"), "{}", reply.text());
}

#[actix_web::test]
async fn a_wrong_cron_is_answered_by_its_position() {
    let (app, token) = app_and_token().await;
    let reply = app
        .get(
            &token,
            "/hera/api/v1/cron/next?expr=0%200%2025%20*%20*%20%3F",
        )
        .await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (field, message) = reply.first_error();
    assert_eq!(field, "expr");
    assert!(message.contains("(at character 5)"), "{message}");
}

#[actix_web::test]
async fn a_malformed_date_expression_is_answered_by_its_place() {
    let (app, token) = app_and_token().await;
    let body = json!({ "template": "echo ${zdt.addDay(x}", "version_time": "202611200300" });
    let reply = app.post(&token, "/hera/api/v1/render", &body).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (field, message) = reply.first_error();
    assert_eq!(field, "template");
    assert!(message.contains("line 1, column"), "{message}");
}

#[actix_web::test]
async fn bytes_of_a_query_that_are_no_utf_8_are_malformed() {
    let (app, token) = app_and_token().await;
    let reply = app.get(&token, "/hera/api/v1/runs?version=%ff").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.text().contains("UTF-8"), "{}", reply.text());
}

#[actix_web::test]
async fn limits_cursors_and_parameters_are_checked() {
    let (app, token) = app_and_token().await;
    for (query, field) in [
        ("limit=1001", "limit"),
        ("limit=0", "limit"),
        ("cursor=17", "cursor"),
        ("stauts=failed", "stauts"),
        ("status=done", "status"),
        ("from=yesterday", "from"),
    ] {
        let reply = app.get(&token, &format!("/hera/api/v1/runs?{query}")).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(reply.first_error().0, field, "{query}");
    }
}

#[actix_web::test]
async fn an_edit_without_its_revision_is_refused_before_the_leader_sees_it() {
    let (app, token) = app_and_token().await;
    let request = request(Method::PUT, "/hera/api/v1/jobs/1").insert_header(bearer(&token));
    let reply = app.send(request.set_payload(job().to_string())).await;
    assert_eq!(reply.first_error().0, "revision");
}

#[actix_web::test]
async fn what_the_leader_refuses_becomes_the_status_that_says_so() {
    let (mut app, token) = app_and_token().await;
    let mut errors = refusals().into_iter().map(|(error, _, _)| error);
    app.lead(move |command| {
        let Command::Switch(..) = command else {
            panic!("only switches are sent here")
        };
        Err(errors.next().unwrap())
    });
    for (error, status, says) in refusals() {
        let reply = app
            .post(&token, "/hera/api/v1/jobs/1/close", &json!({}))
            .await;
        assert_eq!(reply.status, status, "{error}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert!(reply.text().contains(says), "{error}: {}", reply.text());
        let asks_to_wait = status == StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(!reply.header("retry-after").is_empty(), asks_to_wait);
    }
}

fn refusals() -> Vec<(CommandError, StatusCode, &'static str)> {
    let cycle = Refusal::Cycle {
        job: JobId(1),
        name: "a".into(),
        cycle: vec![
            (JobId(1), "a".into()),
            (JobId(2), "b".into()),
            (JobId(1), "a".into()),
        ],
    };
    let in_the_way = Refusal::OpenDependents {
        job: JobId(1),
        in_the_way: vec![(JobId(2), "b".into())],
    };
    let stale = CommandError::Stale {
        base: Revision(1),
        newest: Revision(3),
    };
    let forbidden = CommandError::Forbidden {
        name: "lin".into(),
        right: crate::access::Right::Edit,
    };
    let invalid = CommandError::Invalid(vec![FieldError::new("script", "is over the limit")]);
    vec![
        (
            cycle.into(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "1 a → 2 b → 1 a",
        ),
        (in_the_way.into(), StatusCode::CONFLICT, "2 b"),
        (
            Refusal::NoSuchJob(JobId(9)).into(),
            StatusCode::NOT_FOUND,
            "job 9",
        ),
        (
            stale,
            StatusCode::PRECONDITION_FAILED,
            "newest revision is 3",
        ),
        (forbidden, StatusCode::FORBIDDEN, "lin"),
        (
            invalid,
            StatusCode::UNPROCESSABLE_ENTITY,
            "is over the limit",
        ),
        (
            CommandError::NotFound("group 7".into()),
            StatusCode::NOT_FOUND,
            "group 7",
        ),
        (
            CommandError::Conflict("not now".into()),
            StatusCode::CONFLICT,
            "not now",
        ),
        (
            CommandError::NoLeader,
            StatusCode::SERVICE_UNAVAILABLE,
            "no admin leads",
        ),
        (
            CommandError::Strained("4000 messages wait for it".into()),
            StatusCode::SERVICE_UNAVAILABLE,
            "4000 messages",
        ),
        (
            CommandError::Store("disk full".into()),
            StatusCode::SERVICE_UNAVAILABLE,
            "disk full",
        ),
    ]
}
