//! Calendars: who uses them, and what therefore may not change.

use std::sync::Arc;

use hera_domain::calendar::{CalendarContent, CalendarDef};
use hera_domain::engine::{Event, Tick};
use hera_domain::id::{CalendarId, Revision};
use hera_domain::job::{FieldError, JobContent};

use super::commands::{Work, newest_is};
use super::handle::{CommandError, Definitions, Saved};
use super::leader::Leader;
use crate::access::Actor;
use crate::store::{CalendarChange, Subject};

/// How many jobs a message names.
const NAMED: usize = 5;

impl Leader {
    /// A schedule names a calendar that there is.
    pub(super) fn check_calendar(&self, content: &JobContent) -> Result<(), CommandError> {
        let Some(rule) = &content.schedule.calendar else {
            return Ok(());
        };
        if self.state.definitions.calendar_named(&rule.name).is_some() {
            return Ok(());
        }
        let name = rule.name.escape_debug();
        Err(invalid(
            "schedule.calendar",
            format!("there is no calendar \"{name}\""),
        ))
    }

    pub(super) fn save_calendar(
        &mut self,
        actor: &Actor,
        calendar: Option<CalendarId>,
        base: Option<Revision>,
        content: &CalendarContent,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Saved<CalendarId>, CommandError> {
        let wrong = content.check();
        if !wrong.is_empty() {
            return Err(CommandError::Invalid(wrong));
        }
        let before = calendar.map(|id| self.calendar(id)).transpose()?;
        let revision = match &before {
            None => Revision(1),
            Some(before) if base.is_none_or(|base| base == before.revision) => {
                Revision(before.revision.0 + 1)
            }
            Some(before) => {
                return Err(CommandError::Stale {
                    base: base.unwrap_or_default(),
                    newest: before.revision,
                });
            }
        };
        self.check_calendar_name(before.as_deref(), &content.name)?;
        let id = before.map_or_else(|| self.state.new_calendar_id(), |before| before.id);
        let def = Arc::new(CalendarDef {
            id,
            revision,
            content: content.clone(),
        });
        self.step(Event::SaveCalendar(Arc::clone(&def)), tick, work)?;
        self.state.definitions.calendars.insert(id, def);
        let detail = format!("revision {revision} of {}", content.name);
        work.record(actor, "save", (Subject::Calendar, id.0), detail);
        work.batch.calendars.push(CalendarChange {
            id,
            revision,
            content: Some(content.clone()),
            author: actor.name.clone(),
            at: tick.now,
        });
        Ok(Saved { id, revision })
    }

    pub(super) fn delete_calendar(
        &mut self,
        actor: &Actor,
        id: CalendarId,
        base: Option<Revision>,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let def = self.calendar(id)?;
        newest_is(def.revision, base)?;
        let name = &def.content.name;
        if let Some(users) = self.users_of(name) {
            return Err(CommandError::Conflict(format!(
                "calendar {name} cannot be deleted: {users}. Take it out of their schedules first"
            )));
        }
        self.step(Event::DeleteCalendar(id), tick, work)?;
        self.state.definitions.calendars.remove(&id);
        work.record(actor, "delete", (Subject::Calendar, id.0), name.clone());
        work.batch.calendars.push(CalendarChange {
            id,
            revision: def.revision,
            content: None,
            author: actor.name.clone(),
            at: tick.now,
        });
        Ok(())
    }

    fn calendar(&self, id: CalendarId) -> Result<Arc<CalendarDef>, CommandError> {
        let found = self.state.definitions.calendars.get(&id);
        found
            .map(Arc::clone)
            .ok_or_else(|| CommandError::NotFound(format!("calendar {id}")))
    }

    /// Names are unique, and schedules go by them.
    fn check_calendar_name(
        &self,
        before: Option<&CalendarDef>,
        name: &str,
    ) -> Result<(), CommandError> {
        let old = before.map(|before| before.content.name.as_str());
        if old == Some(name) {
            return Ok(());
        }
        if self.state.definitions.calendar_named(name).is_some() {
            let message = format!("there is a calendar {name} already");
            return Err(invalid("name", message));
        }
        match old.and_then(|old| self.users_of(old)) {
            Some(users) => Err(CommandError::Conflict(format!(
                "the calendar keeps its name: {users}. Make a new calendar and give it to them"
            ))),
            None => Ok(()),
        }
    }

    /// The jobs whose schedules use the calendar, in words, if there are any.
    fn users_of(&self, name: &str) -> Option<String> {
        let users = self.state.definitions.jobs_by_calendar(name);
        let named = users.iter().take(NAMED);
        let named: Vec<_> = named
            .map(|job| format!("{} ({})", job.id, job.name))
            .collect();
        let more = if users.len() > NAMED { ", …" } else { "" };
        let all = format!("{}{more}", named.join(", "));
        match users.len() {
            0 => None,
            1 => Some(format!("1 job uses it: {all}")),
            count => Some(format!("{count} jobs use it: {all}")),
        }
    }
}

impl Definitions {
    /// A calendar by its name.
    pub fn calendar_named(&self, name: &str) -> Option<&Arc<CalendarDef>> {
        let mut all = self.calendars.values();
        all.find(|calendar| calendar.content.name == name)
    }

    /// The jobs whose schedules use the calendar of this name.
    pub fn jobs_by_calendar(&self, name: &str) -> Vec<&Arc<hera_domain::job::JobDef>> {
        let uses = |job: &&Arc<hera_domain::job::JobDef>| {
            let rule = job.schedule().calendar.as_ref();
            rule.is_some_and(|rule| rule.name == name)
        };
        self.jobs.values().filter(uses).collect()
    }
}

fn invalid(field: &str, message: String) -> CommandError {
    CommandError::Invalid(vec![FieldError::new(field, message)])
}
