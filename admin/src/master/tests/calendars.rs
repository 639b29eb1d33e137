//! Calendars through the leader: who uses them, and that a new leader knows them.

use hera_domain::calendar::{CalendarContent, CalendarRule, DayOfWeek, DayRule, DayVerdict};
use hera_domain::engine::VersionView;
use hera_domain::id::CalendarId;

use super::*;
use crate::master::Saved;

pub(super) fn workdays() -> CalendarContent {
    CalendarContent {
        name: "workdays".into(),
        weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
        ..CalendarContent::default()
    }
}

fn by_calendar(rule: DayRule) -> JobContent {
    let mut content = content("daily", "true", &[]);
    content.schedule.calendar = Some(CalendarRule {
        name: "workdays".into(),
        rule,
    });
    content
}

fn save(content: JobContent) -> SaveJob {
    SaveJob {
        id: None,
        base_revision: None,
        content,
        comment: String::new(),
    }
}

async fn saturday(admin: &Admin, job: JobId) -> VersionView {
    let day = "2026-11-21".parse().unwrap();
    let versions = admin.handle.versions(job, day).await.unwrap();
    versions.into_iter().next().unwrap()
}

impl Admin {
    async fn save_calendar(
        &self,
        calendar: Option<CalendarId>,
        base: Option<Revision>,
        content: CalendarContent,
    ) -> Result<Saved<CalendarId>, CommandError> {
        let lin = person();
        let saved = self.handle.save_calendar(&lin, calendar, base, content);
        saved.await
    }
}

#[tokio::test]
async fn a_job_names_a_calendar_that_there_is_and_the_next_leader_knows_it() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let early = save(by_calendar(DayRule::Next));
    let early = admin.handle.save_job(&person(), early).await;
    let Err(CommandError::Invalid(fields)) = early else {
        panic!("there is no calendar yet: {early:?}")
    };
    assert_eq!(fields[0].field, "schedule.calendar");

    let made = admin.save_calendar(None, None, workdays()).await.unwrap();
    let id = job(&admin, by_calendar(DayRule::Next)).await;
    admin.stop().await;

    let admin = Admin::start(&db.store).await;
    let version = saturday(&admin, id).await;
    assert!(matches!(version.day, DayVerdict::Moved(_)), "{version:?}");
    assert_eq!(version.due_at.to_rfc3339(), "2026-11-23T03:00:00+00:00");

    let mut six_days = workdays();
    six_days.weekdays.insert(DayOfWeek::Saturday);
    let (calendar, base) = (Some(made.id), Some(made.revision));
    let saved = admin.save_calendar(calendar, base, six_days.clone()).await;
    assert_eq!(saved.unwrap().revision, Revision(2));
    assert_eq!(saturday(&admin, id).await.day, DayVerdict::AsPlanned);
    let stale = admin.save_calendar(calendar, base, six_days).await;
    assert!(matches!(stale, Err(CommandError::Stale { .. })));
    let stale = admin.handle.delete_calendar(&person(), made.id, base).await;
    assert!(matches!(stale, Err(CommandError::Stale { .. })));
    admin.stop().await;
}

#[tokio::test]
async fn a_calendar_in_use_keeps_its_name_and_stays() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let made = admin.save_calendar(None, None, workdays()).await.unwrap();
    let calendar = Some(made.id);
    let twin = admin.save_calendar(None, None, workdays()).await;
    assert!(
        matches!(twin, Err(CommandError::Invalid(_))),
        "one of a name"
    );
    let daily = save(by_calendar(DayRule::Include));
    let daily = admin.handle.save_job(&person(), daily).await.unwrap();

    let mut renamed = workdays();
    renamed.name = "days".into();
    let error = admin.save_calendar(calendar, None, renamed.clone()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("(daily)"), "{error}");
    let error = admin.handle.delete_calendar(&person(), made.id, None).await;
    assert!(error.unwrap_err().to_string().contains("1 job uses it"));

    admin
        .handle
        .delete_job(&person(), daily.id, None)
        .await
        .unwrap();
    admin.save_calendar(calendar, None, renamed).await.unwrap();
    let deleted = admin.handle.delete_calendar(&person(), made.id, None).await;
    deleted.unwrap();
    assert!(admin.handle.definitions().calendars.is_empty());
    admin.stop().await;
}
