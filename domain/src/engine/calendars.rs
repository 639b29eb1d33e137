//! What calendars make of versions: when they are due, and which are skipped.

use std::sync::Arc;

use super::plan::{first_instant, local_day};
use super::{Batch, Engine};
use crate::calendar::{CalendarDef, DayRule, DayVerdict};
use crate::clock::Timestamp;
use crate::engine::record::Version;
use crate::id::CalendarId;
use crate::job::{JobDef, Schedule};
use crate::reason::{CalendarDoes, Reason};
use crate::status::{Origin, RunStatus, Trigger, VersionStatus};

impl Engine {
    /// Takes in a new or changed calendar; its name may have changed only if no job uses it.
    pub(super) fn save_calendar(&mut self, def: &Arc<CalendarDef>) {
        self.calendars.retain(|_, known| known.id != def.id);
        let name = def.content.name.clone();
        self.calendars.insert(name.clone(), Arc::clone(def));
        let uses = |def: &&Arc<JobDef>| {
            let rule = def.schedule().calendar.as_ref();
            rule.is_some_and(|rule| rule.name == name)
        };
        let users: Vec<_> = self.jobs.values().filter(uses).map(|def| def.id).collect();
        for job in users {
            if let Some(seen) = self.agenda.seen(job) {
                self.replan(job, seen);
            }
            self.touch_job(job);
        }
    }

    /// Forgets a calendar that no job uses.
    pub(super) fn delete_calendar(&mut self, id: CalendarId) {
        self.calendars.retain(|_, known| known.id != id);
    }

    /// What the calendar of a job says of its version at this time.
    pub(super) fn day_verdict(&self, schedule: &Schedule, time: Timestamp) -> DayVerdict {
        let Some((calendar, rule)) = self.calendar_of(schedule) else {
            return DayVerdict::AsPlanned;
        };
        let day = local_day(schedule.timezone, time);
        calendar.content.judge(rule, day)
    }

    /// When a planned version is due.
    pub(super) fn due_at(&self, schedule: &Schedule, time: Timestamp) -> Timestamp {
        let calendar = self.calendar_of(schedule);
        calendar.map_or(time, |(calendar, rule)| {
            calendar.content.due_at(rule, schedule.timezone, time)
        })
    }

    /// When a planned time needs its row: at the time itself, or, if it may be due on an earlier
    /// day, as that day begins. Later times never come before earlier ones.
    pub(super) fn looked_at(&self, schedule: &Schedule, time: Timestamp) -> Timestamp {
        let Some((calendar, DayRule::Previous)) = self.calendar_of(schedule) else {
            return time;
        };
        let tz = schedule.timezone;
        let day = local_day(tz, time);
        let due = match calendar.content.judge(DayRule::Previous, day) {
            DayVerdict::Moved(earlier) => earlier,
            DayVerdict::AsPlanned | DayVerdict::Skipped | DayVerdict::NowhereToGo => day,
        };
        first_instant(tz, due)
    }

    /// What the calendar does to a version, for people; nothing if it is as planned.
    pub(super) fn calendar_says(&self, row: &Version) -> Option<Reason> {
        let schedule = self.jobs.get(&row.job)?.schedule();
        let time = row.business_time;
        let (calendar, rule) = self.calendar_of(schedule)?;
        let content = &calendar.content;
        let day = local_day(schedule.timezone, time);
        let does = match content.judge(rule, day) {
            DayVerdict::AsPlanned => return None,
            DayVerdict::Moved(to) => CalendarDoes::Moves(to),
            DayVerdict::Skipped if content.holds(day) => CalendarDoes::SkipsOwn,
            DayVerdict::Skipped => CalendarDoes::SkipsOther,
            DayVerdict::NowhereToGo => CalendarDoes::Stays,
        };
        Some(Reason::Calendar {
            name: content.name.clone(),
            day,
            note: content.note(day).map(str::to_owned),
            does,
        })
    }

    /// Brings when a waiting version is due up to date with its calendar.
    pub(super) fn refresh_due(&mut self, row: &mut Version, batch: &mut Batch<'_>) {
        let Some(def) = self
            .jobs
            .get(&row.job)
            .filter(|_| row.origin == Origin::Planned)
        else {
            return;
        };
        let due_at = self.due_at(def.schedule(), row.business_time);
        if row.due_at != due_at {
            row.due_at = due_at;
            batch.inserted += 1;
            self.edit_version(row.key, batch, |row| row.due_at = due_at);
        }
    }

    /// Whether the calendar leaves the version's day out.
    pub(super) fn is_off(&self, row: &Version) -> bool {
        let def = self.jobs.get(&row.job);
        def.is_some_and(|def| {
            self.day_verdict(def.schedule(), row.business_time) == DayVerdict::Skipped
        })
    }

    /// Skips a version that is due and satisfied.
    pub(super) fn skip(&mut self, row: &Version, batch: &mut Batch<'_>) {
        let reason = self.calendar_says(row);
        let seq = batch.tick.seq;
        batch.inserted += 1;
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Skipped;
            row.armed_seq = Some(seq);
            row.succeeded_seq = Some(seq);
            row.reason = reason;
        });
    }

    /// Takes a run back that has not been dispatched yet, if its calendar has changed since and
    /// no longer lets it start now.
    pub(super) fn take_back_if_off(&mut self, row: &Version, batch: &mut Batch<'_>) {
        let run = self.runs.of_version.get(&row.key);
        let Some(run) = run.and_then(|run| self.runs.all.get(run)) else {
            return;
        };
        let Some(def) = self.jobs.get(&row.job) else {
            return;
        };
        if run.status != RunStatus::Queued || run.trigger != Trigger::Schedule || run.attempt > 1 {
            return;
        }
        let schedule = def.schedule();
        let skipped = self.day_verdict(schedule, row.business_time) == DayVerdict::Skipped;
        if skipped || self.due_at(schedule, row.business_time) > batch.tick.now {
            let run = run.id;
            batch.inserted += 1;
            self.take_back_queued(row.key, run, Reason::CalendarChanged, batch);
        }
    }

    fn calendar_of(&self, schedule: &Schedule) -> Option<(&CalendarDef, DayRule)> {
        let rule = schedule.calendar.as_ref()?;
        let calendar = self.calendars.get(&rule.name)?;
        Some((calendar, rule.rule))
    }
}
