//! The editor of a calendar, as a browser without scripts uses it, and the API.

use hera_domain::calendar::{CalendarContent, CalendarDef, DayOfWeek};
use hera_domain::id::{CalendarId, Revision};
use serde_json::json;

use super::*;
use crate::master::Saved;

const EDIT: &str = "/hera/admin/calendars/1/edit";
const WORKWEEK: &str = "monday=on&tuesday=on&wednesday=on&thursday=on&friday=on";

impl App {
    /// An admin with a calendar of Monday to Friday.
    async fn with_calendar() -> Self {
        let app = Self::start().await;
        let calendar = Arc::new(CalendarDef {
            id: CalendarId(1),
            revision: Revision(1),
            content: CalendarContent {
                name: "workdays".to_owned(),
                weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
                ..CalendarContent::default()
            },
        });
        app.definitions.send_replace(Arc::new(Definitions {
            calendars: [(CalendarId(1), calendar)].into(),
            ..Definitions::default()
        }));
        app
    }

    async fn submit(&self, token: &str, path: &str, form: String) -> Reply {
        let request = request(Method::POST, path)
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(bearer(token));
        self.send(request.set_payload(form)).await
    }
}

/// What the leader is asked to save.
fn saved(app: &mut App) -> mpsc::UnboundedReceiver<CalendarContent> {
    let (seen, passed_on) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::SaveCalendar(_, id, _, content, _) = command else {
            panic!("only a calendar is sent here")
        };
        seen.send(content).unwrap();
        let saved = Saved {
            id: id.unwrap_or(CalendarId(2)),
            revision: Revision(2),
        };
        Ok(saved.into())
    });
    passed_on
}

/// The text of a field.
fn field(page: &str, id: &str) -> String {
    let field = page.split(&format!("id=\"{id}\"")).nth(1).unwrap();
    let text = field.split('>').nth(1).unwrap();
    text.split('<').next().unwrap().trim().to_owned()
}

#[actix_web::test]
async fn a_clicked_day_changes_the_form_and_nothing_else() {
    let mut app = App::with_calendar().await;
    let token = app.token(Role::Admin).await;
    let mut passed_on = saved(&mut app);
    let form = |more: &str| format!("base_revision=1&name=workdays&{WORKWEEK}&{more}");
    let off = form("toggle=2026-10-01&removed=2026-10-02+National+Day&added=");
    let page = app.submit(&token, EDIT, off).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let removed = field(&page.text(), "removed");
    assert_eq!(removed, "2026-10-01\n2026-10-02 National Day");
    let turned = app.submit(&token, EDIT, form("year=2026&turn=2027")).await;
    assert!(turned.text().contains("name=\"year\" value=\"2027\""));
    assert!(passed_on.try_recv().is_err(), "nothing was saved");

    let save = form("removed=2026-10-01..2026-10-02+x&added=2026-10-10");
    let done = app.submit(&token, EDIT, save).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let content = passed_on.recv().await.unwrap();
    assert_eq!((content.removed.len(), content.added.len()), (2, 1));
    assert_eq!(content.weekdays.len(), 5);
}

#[actix_web::test]
async fn a_line_that_cannot_be_read_stands_as_it_was_typed_with_its_number() {
    let mut app = App::with_calendar().await;
    app.lead(nobody);
    let token = app.token(Role::Admin).await;
    let form = format!("name=workdays&{WORKWEEK}&removed=2026-10-01%0Athe+2nd&added=");
    let refused = app.submit(&token, EDIT, form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text();
    assert_eq!(field(&page, "removed"), "2026-10-01\nthe 2nd");
    assert!(page.contains("line 2: &#34;the&#34; is no date"), "{page}");
}

#[actix_web::test]
async fn a_calendar_is_deleted_as_it_was_seen() {
    let mut app = App::with_calendar().await;
    let token = app.token(Role::Admin).await;
    let page = app.get(&token, "/hera/admin/calendars/1").await.text();
    let form = page.split("/delete\"").nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    assert!(
        form.contains("name=\"base_revision\" value=\"1\""),
        "{form}"
    );
    let (seen, mut bases) = mpsc::unbounded_channel();
    app.lead(move |command| {
        let Command::DeleteCalendar(_, _, base) = command else {
            panic!("only a deletion is sent here")
        };
        seen.send(base).unwrap();
        Ok(().into())
    });
    let form = "base_revision=1".to_owned();
    let gone = app
        .submit(&token, "/hera/admin/calendars/1/delete", form)
        .await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text());
    assert_eq!(bases.recv().await.unwrap(), Some(Revision(1)));
}

#[actix_web::test]
async fn members_look_at_calendars_and_administrators_change_them() {
    let app = App::with_calendar().await;
    let member = app.token(Role::Member).await;
    for (path, status) in [
        ("/hera/admin/calendars", StatusCode::OK),
        ("/hera/admin/calendars/1?year=2030", StatusCode::OK),
        ("/hera/admin/calendars/7", StatusCode::NOT_FOUND),
        (EDIT, StatusCode::FORBIDDEN),
        ("/hera/admin/calendars/new", StatusCode::FORBIDDEN),
    ] {
        let reply = app.get(&member, path).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    let page = app.get(&member, "/hera/admin/calendars/1").await.text();
    assert!(!page.contains(EDIT), "what they may not is not offered");
}

#[actix_web::test]
async fn the_api_makes_shows_and_saves_calendars() {
    let mut app = App::with_calendar().await;
    let token = app.token(Role::Admin).await;
    let mut passed_on = saved(&mut app);
    let body = json!({"name": "holidays", "added": {"2026-10-01": "National Day"}});
    let made = app.post(&token, "/hera/api/v1/calendars", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.json()["added"]["2026-10-01"], "National Day");
    assert_eq!(passed_on.recv().await.unwrap().name, "holidays");

    let shown = app.get(&token, "/hera/api/v1/calendars/1").await.json();
    assert_eq!(shown["weekdays"][4], "friday");
    let list = app.get(&token, "/hera/api/v1/calendars").await.json();
    assert_eq!(list["items"][0], shown);
    let put = |path: &str| {
        let request = request(Method::PUT, path).insert_header(bearer(&token));
        app.send(request.set_payload(shown.to_string()))
    };
    let same = put("/hera/api/v1/calendars/1?if_changed=true").await;
    assert_eq!(same.json()["revision"], 1, "what is read may be sent back");
    assert!(passed_on.try_recv().is_err());
    let saved = put("/hera/api/v1/calendars/1").await;
    assert_eq!(saved.json()["revision"], 2, "{}", saved.text());
    let bad = json!({"name": "x", "added": {"2026-02-30": ""}});
    let bad = app.post(&token, "/hera/api/v1/calendars", &bad).await;
    assert_eq!(
        bad.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        bad.text()
    );
}

#[actix_web::test]
async fn fires_are_told_with_what_a_calendar_makes_of_them() {
    let app = App::with_calendar().await;
    let token = app.token(Role::Member).await;
    let path = "/hera/api/v1/cron/next?timezone=Asia/Shanghai&from=2026-11-20T00:00:00Z\
                &expr=0+30+6+*+*+?&count=3";
    let ask = async |more: &str| app.get(&token, &format!("{path}{more}")).await;
    let moved = ask("&calendar=workdays&rule=next").await.json();
    let words = json!({"en": "due on 2026-11-23", "zh": "改到 2026-11-23 执行"});
    let monday = "2026-11-22T22:30:00.000Z";
    assert_eq!(
        moved["changed"],
        json!([
            {"fire": "2026-11-20T22:30:00.000Z", "due_at": monday, "words": words},
            {"fire": "2026-11-21T22:30:00.000Z", "due_at": monday, "words": words},
        ])
    );
    assert_eq!(moved["fires"][2], monday);
    let skipped = ask("&calendar=workdays&rule=include").await.json();
    assert_eq!(skipped["changed"][1]["due_at"], Value::Null);
    assert_ne!(skipped["changed"][1]["words"]["zh"], "");
    assert_eq!(ask("").await.json().get("changed"), None);
    for (more, field) in [
        ("&calendar=workdays", "rule"),
        ("&rule=next", "calendar"),
        ("&rule=next&calendar=none", "calendar"),
        ("&rule=over&calendar=workdays", "rule"),
    ] {
        let refused = ask(more).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{more}");
        assert_eq!(refused.first_error().0, field, "{more}");
    }
}
