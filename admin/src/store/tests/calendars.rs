//! Calendars: what is saved comes back, names are unique, stale edits do not pass.

use hera_domain::calendar::{CalendarContent, DayOfWeek, parse_lines};
use hera_domain::id::{CalendarId, Revision};

use super::build::{Leader, at, decide};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{CalendarChange, CommitError};

fn content(name: &str) -> CalendarContent {
    CalendarContent {
        name: name.to_owned(),
        description: "法定工作日 🙂".to_owned(),
        weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
        added: parse_lines("2026-10-10 调休").unwrap(),
        removed: parse_lines("2026-10-01..2026-10-07 国庆节").unwrap(),
    }
}

fn change(id: i64, revision: i64, content: Option<CalendarContent>) -> CalendarChange {
    CalendarChange {
        id: CalendarId(id),
        revision: Revision(revision),
        content,
        author: "lin".to_owned(),
        at: at(1),
    }
}

fn refused(leader: &mut Leader, changes: Vec<CalendarChange>) -> bool {
    let mut batch = leader.batch(decide([], []));
    batch.calendars = changes;
    let error = leader.conn.commit(leader.epoch, &batch);
    matches!(error, Err(CommitError::Conflict(_)))
}

on_each_db! {
    async fn a_calendar_is_saved_changed_and_deleted(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut batch = leader.batch(decide([], []));
        batch.calendars = vec![
            change(1, 1, Some(content("工作日"))),
            change(2, 1, Some(content("节假日"))),
            change(2, 2, Some(content("假期"))),
        ];
        leader.commit(&batch);
        let state = db.store.load_snapshot(7).await.unwrap();
        let found: Vec<_> = state
            .snapshot
            .calendars
            .iter()
            .map(|c| (c.id.0, c.revision.0, c.content.clone()))
            .collect();
        assert_eq!(found, [(1, 1, content("工作日")), (2, 2, content("假期"))]);
        assert_eq!(state.last_calendar, CalendarId(2));

        assert!(refused(&mut leader, vec![change(2, 2, Some(content("x")))]), "stale");
        assert!(refused(&mut leader, vec![change(2, 1, None)]), "stale");
        assert!(refused(&mut leader, vec![change(3, 1, Some(content("假期")))]), "taken");

        let mut batch = leader.batch(decide([], []));
        batch.calendars = vec![change(2, 2, None)];
        leader.commit(&batch);
        let state = db.store.load_snapshot(7).await.unwrap();
        assert_eq!(state.snapshot.calendars.len(), 1);
        assert_eq!(state.last_calendar, CalendarId(2), "an id is given once");
    }
}
