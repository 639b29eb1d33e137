//! A job's script as a run would get it, by the API and by the page.

use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{Revision, TeamId};
use serde_json::json;

use super::*;
use crate::store::JobEdit;

const SCRIPT: &str = "# ${dt}\nselect ${limit} from ${table} where d='${zdt.format(\"MMdd\")}'\nlogin ${secret.key} ${HOME:-/} ${table_2}\n";
const PAGE: &str = "/hera/schedule/jobs/1/preview";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl App {
    /// Job 1 in Shanghai with a script of every kind of variable, below a group with secrets.
    async fn with_script() -> Self {
        let mut app = Self::with_saved_script().await;
        // Nobody leads.
        app.lead(nobody);
        app
    }

    async fn with_saved_script() -> Self {
        let app = Self::start().await;
        let mut content = app.db.store.job(JobId(1)).await.unwrap().unwrap().content;
        content.script = SCRIPT.to_owned();
        content.schedule.timezone = chrono_tz::Asia::Shanghai;
        content.cron_period = Some("day".to_owned());
        content.cron_interval = Some(-1);
        content.config = [("limit".to_owned(), "10".to_owned())].into();
        let mut leader = Leader::of(&app.db);
        let batch = Batch {
            seq: CommitSeq(leader.seq.0 + 1),
            at: at(1),
            lease_ms: 60_000,
            job_edits: vec![JobEdit {
                id: JobId(1),
                owner: TeamId(1),
                revision: Revision(2),
                content,
                author: "lin".to_owned(),
                comment: String::new(),
            }],
            ..Batch::default()
        };
        leader.seq = leader.conn.commit(leader.epoch, &batch).unwrap();
        let def = Arc::new(app.db.store.job(JobId(1)).await.unwrap().unwrap().def);
        let config = [
            ("limit", "500"),
            ("all.table", "orders_all"),
            ("table", "orders"),
            ("dt", "${yesterday}"),
            ("secret.key", "s3cret"),
        ];
        let group = GroupDef {
            id: def.group,
            revision: Revision(1),
            content: GroupContent {
                parent_id: None,
                name: "orders <b>".to_owned(),
                big: false,
                description: String::new(),
                config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            },
        };
        app.definitions.send_replace(Arc::new(Definitions {
            jobs: [(def.id, def)].into(),
            groups: [(group.id, Arc::new(group))].into(),
            ..Definitions::default()
        }));
        app
    }

    async fn page(&self, token: &str, path: &str) -> (StatusCode, String) {
        let reply = self.get(token, path).await;
        (reply.status, reply.text())
    }
}

#[actix_web::test]
async fn the_api_tells_every_value_s_origin_and_what_it_hides() {
    let app = App::with_script().await;
    let token = app.token(Role::Viewer).await;
    let ask = json!({"business_time": "2026-11-19T22:30:00Z", "params": {"limit": "7"}});
    let path = "/hera/api/v1/jobs/1/preview";
    let told = app.post(&token, path, &ask).await.json();
    assert_eq!(
        told["script"],
        "# 20261119\nselect 7 from orders_all where d='1120'\nlogin ${secret.key} ${HOME:-/} ${table_2}\n"
    );
    assert_eq!(
        told["warnings"],
        json!(["line 3, column 32: ${table_2} is not known and stays as it is"])
    );
    let group = app.definitions.borrow().jobs[&JobId(1)].group;
    let group = format!("group {group} orders <b>");
    assert_eq!(
        told["variables"],
        json!([
            {"name": "dt", "value": "20261119", "origin": group, "written": "${yesterday}"},
            {"name": "limit", "value": "7", "origin": "run", "overrides": [
                {"value": "10", "origin": "job"}, {"value": "500", "origin": group}]},
            {"name": "table", "value": "orders_all", "origin": group, "key": "all.table",
                "overrides": [{"value": "orders", "origin": group}]},
            {"name": "secret.key", "value": "******", "origin": group},
            {"name": "zdt.format(\"MMdd\")", "value": "1120", "origin": "date"},
            {"name": "yesterday", "value": "20261119", "origin": "date"},
        ])
    );
    assert_eq!(told["batch_id"], "2026-11-19");
    assert_eq!(told["version"], "202611200630000001");
    assert_eq!(told["environment"]["HERA_AREA"], "all");
    assert_eq!(told["environment"]["HERA_RUN_KEY"], "202611200630000001");
    let bad = json!({"params": {"limit": "two\nlines", "dt": "${zdt.nope()}"}});
    let refused = app.post(&token, path, &bad).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.first_error().0, "params.dt");
}

#[actix_web::test]
async fn the_page_shows_the_script_at_its_address_without_a_leader_and_no_secret() {
    let app = App::with_script().await;
    let token = app.token(Role::Viewer).await;
    let path = format!("{PAGE}?at=2026-11-20T06:30&param.limit=7&set=day%3Dx");
    let (status, page) = app.page(&token, &path).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    for part in [
        "<span class=\"l\" id=\"L1\"># <a class=\"fill from-group\" href=\"#v0\"",
        ">20261119</a>",
        "select <a class=\"fill from-param\" href=\"#v1\" title=\"limit = 7 · parameter\">7</a>",
        "area all",
        "<del class=\"mono\">500</del>",
        "<a href=\"#L3\">line 3</a>: ${table_2} is not known",
        "name=\"param.day\" value=\"x\"",
        "orders &#60;b&#62;",
        "202611200630000001",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("s3cret"));
    let (status, page) = app.page(&token, &format!("{PAGE}?at=soon")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("is no date and time"));
    let (status, _) = app.page(&token, "/hera/schedule/jobs/99/preview").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_button_takes_a_value_over_as_a_parameter_or_away() {
    let app = App::with_script().await;
    let token = app.token(Role::Viewer).await;
    let (_, page) = app.page(&token, &format!("{PAGE}?override=limit")).await;
    assert!(page.contains("name=\"param.limit\" value=\"10\" autofocus"));
    let without = format!("{PAGE}?param.limit=7&without=limit");
    let (_, page) = app.page(&token, &without).await;
    assert!(!page.contains("name=\"param.limit\""));
    // A secret cannot be taken over: its value would stand in the address.
    assert!(!page.contains("name=\"override\" value=\"secret.key\""));
    let asked = request(
        Method::GET,
        &format!("{PAGE}?at=2026-11-20T06:30&override=limit"),
    )
    .insert_header(bearer(&token))
    .insert_header(("hx-request", "true"));
    let address = app.send(asked).await.header("hx-push-url").to_owned();
    assert_eq!(
        address,
        format!("{PAGE}?at=2026-11-20T06%3A30&param.limit=10")
    );
}

#[actix_web::test]
async fn the_text_of_the_editor_is_previewed_unsaved_and_told_what_is_wrong() {
    let app = App::with_script().await;
    let token = app.token(Role::Member).await;
    let send = async |body: &str, to_editor: bool| {
        let mut request = request(Method::POST, PAGE)
            .insert_header(FORM)
            .insert_header(bearer(&token));
        if to_editor {
            request = request.insert_header(("hx-request", "true"));
        }
        app.send(request.set_payload(body.to_owned())).await.text()
    };
    let draft = "name=x&script=a%0D%0Ab+%24%7Bq%7D+%24%7Bnew%7D&config=q%3D1%0Asecret.key%3D******";
    let page = send(&format!("{draft}&at=2026-11-20T06%3A30"), false).await;
    assert!(page.contains("not saved yet"), "{page}");
    assert!(page.contains("title=\"q = 1 · own\">1</a>"), "{page}");
    let saved = app.db.store.job(JobId(1)).await.unwrap().unwrap();
    assert_eq!(saved.content.script, SCRIPT);

    let remarks = send(draft, true).await;
    assert!(remarks.contains("line 2: ${new} is not known"), "{remarks}");
    assert!(!remarks.contains("<html"), "only the remarks");
    let broken = send("script=%24%7Bzdt.nope()%7D&config=", true).await;
    assert!(broken.contains("line 1, column 7: in this"), "{broken}");
    let circle = send("script=%24%7Ba%7D&config=a%3D%24%7Ba%7D", true).await;
    assert!(circle.contains("a (job) → a"), "{circle}");
    let viewer = app.token(Role::Viewer).await;
    let request = request(Method::POST, PAGE)
        .insert_header(FORM)
        .insert_header(bearer(&viewer))
        .set_payload(draft);
    assert_eq!(app.send(request).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn a_saved_job_s_page_and_answer_tell_the_names_that_nobody_knows() {
    let mut app = App::with_saved_script().await;
    app.lead(|command| {
        let Command::SaveJob(_, save, _) = command else {
            return nobody(command);
        };
        let saved = crate::master::Saved {
            id: save.id.unwrap(),
            revision: Revision(2),
        };
        Ok(saved.into())
    });
    let token = app.token(Role::Member).await;
    let job = app.get(&token, "/hera/api/v1/jobs/1").await.json();
    let put = async |body: &Value| {
        let put = request(Method::PUT, "/hera/api/v1/jobs/1").insert_header(bearer(&token));
        app.send(put.set_payload(body.to_string())).await.json()
    };
    let saved = put(&job).await;
    let warning = "line 3, column 32: ${table_2} is not known and stays as it is";
    assert_eq!(saved["warnings"], json!([warning]));
    assert_eq!(put(&saved).await["warnings"], json!([warning]), "sent back");
    let (_, page) = app.page(&token, "/hera/schedule/jobs/1").await;
    assert!(page.contains("1 name is not filled in"), "{page}");
    assert!(page.contains(&format!("href=\"{PAGE}#L3\"")), "{page}");
}
