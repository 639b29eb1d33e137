//! The virtual plan: at which business times a job has versions, as a pure function of the
//! definitions (and, for manual-only jobs, of the rows that recoveries made).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::rows::Rows;
use crate::clock::Timestamp;
use crate::cron::CronExpr;
use crate::id::JobId;
use crate::job::{Edge, JobDef, Schedule};
use crate::status::Origin;

/// The definitions as the plan reads them.
pub(super) type Defs = BTreeMap<JobId, Arc<JobDef>>;

/// Days kept before the memory is emptied.
const MEMORY: usize = 200_000;

/// The step below every instant: business times have millisecond precision.
const INSTANT: TimeDelta = TimeDelta::milliseconds(1);

/// The next thing to look at in a job's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A planned time.
    Time(Timestamp),
    /// None for some days: look again then.
    Recheck(Timestamp),
    /// Never any more, unless the definitions change.
    Never,
}

/// What has been worked out so far; emptied whenever a definition changes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    days: BTreeMap<(JobId, NaiveDate), Arc<[Timestamp]>>,
    crons: BTreeMap<String, Option<CronExpr>>,
}

/// What the plan is worked out from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub defs: &'a Defs,
    pub rows: &'a Rows,
}

impl Plan {
    /// Forgets every day, because a definition or a manual-only job's rows have changed.
    pub(super) fn forget(&mut self) {
        self.days.clear();
    }

    /// The planned times of a job on a day of its zone, ascending.
    pub(super) fn day(&mut self, from: Source<'_>, job: JobId, day: NaiveDate) -> Arc<[Timestamp]> {
        if let Some(times) = self.days.get(&(job, day)) {
            return times.clone();
        }
        if self.days.len() > MEMORY {
            self.days.clear();
        }
        // Depth first with a stack of our own: chains of dependents may be long. Schedules of
        // the past may form a circle with those of the present; such an upstream counts as empty,
        // and nothing found on the way is remembered, since it depends on where we began.
        let mut done = BTreeMap::new();
        let mut visiting = BTreeSet::new();
        let mut circular = false;
        let mut stack = vec![(job, day)];
        while let Some(&place) = stack.last() {
            if done.contains_key(&place) || self.days.contains_key(&place) {
                stack.pop();
                continue;
            }
            visiting.insert(place);
            let depth = stack.len();
            for need in needs(from.defs, place.0, place.1) {
                if visiting.contains(&need) {
                    circular = true;
                } else if !done.contains_key(&need) && !self.days.contains_key(&need) {
                    stack.push(need);
                }
            }
            if stack.len() > depth {
                continue;
            }
            let times = self.work_out(from, &done, place.0, place.1);
            visiting.remove(&place);
            done.insert(place, times);
            stack.pop();
        }
        let answer = done.get(&(job, day)).cloned().unwrap_or_default();
        if !circular {
            // Not `append`, which takes the whole memory apart and builds it anew.
            self.days.extend(done);
        }
        answer
    }

    /// The planned times of a job in `[start, end)`.
    pub(super) fn span(
        &mut self,
        from: Source<'_>,
        job: JobId,
        start: Timestamp,
        end: Timestamp,
    ) -> Vec<Timestamp> {
        let Some(def) = from.defs.get(&job) else {
            return Vec::new();
        };
        let mut times = Vec::new();
        for day in days_of(def.schedule().timezone, start, end) {
            let day = self.day(from, job, day);
            times.extend(day.iter().filter(|t| start <= **t && **t < end));
        }
        times
    }

    /// Whether the plan has a version of the job at this instant.
    pub(super) fn has(&mut self, from: Source<'_>, job: JobId, at: Timestamp) -> bool {
        let Some(def) = from.defs.get(&job) else {
            return false;
        };
        let schedule = schedule_at(def, at);
        if let Some(cron) = &schedule.cron {
            let fires = self.cron(cron);
            return fires.is_some_and(|cron| {
                cron.fires_within(schedule.timezone, schedule.validity, at - INSTANT)
                    .next()
                    == Some(at)
            });
        }
        let day = local_day(def.schedule().timezone, at);
        self.day(from, job, day).binary_search(&at).is_ok()
    }

    /// The first planned time after an instant.
    pub(super) fn next_after(&mut self, from: Source<'_>, job: JobId, after: Timestamp) -> Next {
        let Some(def) = from.defs.get(&job) else {
            return Next::Never;
        };
        for (index, era) in def.eras.iter().enumerate() {
            let until = def.eras.get(index + 1).and_then(|next| next.after);
            if until.is_some_and(|until| until <= after) {
                continue;
            }
            let after = era.after.map_or(after, |start| start.max(after));
            let found = self.next_in_era(from, def, &era.schedule, after);
            match (found, until) {
                (Next::Time(time), Some(until)) if time > until => {}
                (Next::Recheck(_) | Next::Never, Some(_)) => {}
                (found, _) => return found,
            }
        }
        Next::Never
    }

    /// The last planned time not after `now`, back to `reach` before it.
    pub(super) fn latest(
        &mut self,
        from: Source<'_>,
        job: JobId,
        now: Timestamp,
        reach: TimeDelta,
    ) -> Option<Timestamp> {
        let def = from.defs.get(&job)?;
        let windows = [TimeDelta::minutes(15), TimeDelta::hours(25), reach];
        if let Some(cron) = &def.schedule().cron
            && def.eras.len() == 1
        {
            let cron = self.cron(cron)?;
            let (tz, validity) = (def.schedule().timezone, def.schedule().validity);
            return windows.iter().find_map(|window| {
                let fires = cron.fires_within(tz, validity, now - *window - INSTANT);
                fires.take_while(|time| *time <= now).last()
            });
        }
        let mut end = now + INSTANT;
        let first = now - reach;
        while end > first {
            let start = (end - TimeDelta::days(1)).max(first);
            if let Some(time) = self.span(from, job, start, end).last() {
                return Some(*time);
            }
            end = start;
        }
        None
    }

    /// Whether a schedule fires more often than once a minute.
    pub(super) fn is_too_frequent(&mut self, schedule: &Schedule) -> bool {
        let cron = schedule.cron.as_deref().and_then(|text| self.cron(text));
        cron.is_some_and(|cron| cron.more_often_than_a_minute())
    }

    /// For each edge of the schedule in force, the upstream's version that a version at this time
    /// looks at: the nearest of the business day, the earlier of two equally near.
    pub(super) fn members(
        &mut self,
        from: Source<'_>,
        job: JobId,
        at: Timestamp,
    ) -> Vec<(Edge, Option<Timestamp>)> {
        let Some(def) = from.defs.get(&job) else {
            return Vec::new();
        };
        let (start, end) = day_of(def.schedule().timezone, at);
        let edges = def.schedule().edges.iter();
        edges
            .map(|edge| {
                let times = self.span(from, edge.upstream, start, end);
                let member = times
                    .into_iter()
                    .min_by_key(|time| ((*time - at).abs(), *time));
                (edge.clone(), member)
            })
            .collect()
    }

    fn next_in_era(
        &mut self,
        from: Source<'_>,
        def: &JobDef,
        schedule: &Schedule,
        after: Timestamp,
    ) -> Next {
        if let Some(cron) = &schedule.cron {
            let next = self.cron(cron).and_then(|cron| {
                cron.fires_within(schedule.timezone, schedule.validity, after)
                    .next()
            });
            return next.map_or(Next::Never, Next::Time);
        }
        if schedule.edges.is_empty() {
            return Next::Never;
        }
        let tz = def.schedule().timezone;
        let today = local_day(tz, after);
        for day in [today, following(today)] {
            let times = self.day(from, def.id, day);
            if let Some(time) = times.iter().find(|time| **time > after) {
                return Next::Time(*time);
            }
        }
        Next::Recheck(first_instant(tz, following(following(today))))
    }

    fn work_out(
        &mut self,
        from: Source<'_>,
        done: &BTreeMap<(JobId, NaiveDate), Arc<[Timestamp]>>,
        job: JobId,
        day: NaiveDate,
    ) -> Arc<[Timestamp]> {
        let Some(def) = from.defs.get(&job) else {
            return Arc::default();
        };
        let tz = def.schedule().timezone;
        let (start, end) = (first_instant(tz, day), first_instant(tz, following(day)));
        let mut times = BTreeSet::new();
        for (schedule, after, until) in eras_in(def, start, end) {
            if let Some(cron) = &schedule.cron {
                if let Some(cron) = self.cron(cron) {
                    let fires = cron.fires_within(schedule.timezone, schedule.validity, after);
                    times.extend(fires.take_while(|time| *time <= until));
                }
            } else if schedule.edges.is_empty() {
                let rows = from
                    .rows
                    .of_job_between(job, after + INSTANT, until + INSTANT);
                let planned =
                    rows.filter(|row| row.origin == Origin::Planned && row.counting_run.is_some());
                times.extend(planned.map(|row| row.business_time));
            } else {
                let base = self.base(from.defs, done, schedule, start, end);
                let valid =
                    |t: &Timestamp| after < *t && *t <= until && schedule.validity.contains(*t);
                times.extend(base.into_iter().filter(valid));
            }
        }
        times.into_iter().collect()
    }

    /// The versions of the upstream with the fewest that day; tie: whose first one is later, then
    /// the lower id. None if an upstream has none.
    fn base(
        &self,
        defs: &Defs,
        done: &BTreeMap<(JobId, NaiveDate), Arc<[Timestamp]>>,
        schedule: &Schedule,
        start: Timestamp,
        end: Timestamp,
    ) -> Vec<Timestamp> {
        let of_upstream = |edge: &Edge| -> Vec<Timestamp> {
            let Some(def) = defs.get(&edge.upstream) else {
                return Vec::new();
            };
            let days = days_of(def.schedule().timezone, start, end);
            let lists = days.filter_map(|day| {
                let place = (edge.upstream, day);
                done.get(&place).or_else(|| self.days.get(&place))
            });
            lists
                .flat_map(|times| times.iter().copied())
                .filter(|time| start <= *time && *time < end)
                .collect()
        };
        let mut best = None;
        for edge in &schedule.edges {
            let times = of_upstream(edge);
            let Some(first) = times.first() else {
                return Vec::new();
            };
            let rank = (times.len(), std::cmp::Reverse(*first), edge.upstream);
            match best {
                Some((least, _)) if least <= rank => {}
                Some(_) | None => best = Some((rank, times)),
            }
        }
        best.map(|(_, times)| times).unwrap_or_default()
    }

    fn cron(&mut self, text: &str) -> Option<CronExpr> {
        if let Some(known) = self.crons.get(text) {
            return known.clone();
        }
        if self.crons.len() > MEMORY {
            self.crons.clear();
        }
        let parsed = CronExpr::parse(text).ok();
        self.crons.insert(text.to_owned(), parsed.clone());
        parsed
    }
}

/// The schedule that holds for a business time.
fn schedule_at(def: &JobDef, at: Timestamp) -> &Schedule {
    let mut eras = def.eras.iter().rev();
    let era = eras.find(|era| era.after.is_none_or(|after| after < at));
    era.map_or_else(|| def.schedule(), |era| &era.schedule)
}

/// The eras that hold somewhere in `[start, end)`: schedule, after (exclusive), until (inclusive).
fn eras_in(
    def: &JobDef,
    start: Timestamp,
    end: Timestamp,
) -> impl Iterator<Item = (&Schedule, Timestamp, Timestamp)> {
    let last = end - INSTANT;
    def.eras.iter().enumerate().filter_map(move |(index, era)| {
        let next = def.eras.get(index + 1).and_then(|next| next.after);
        let after = era
            .after
            .map_or(start - INSTANT, |after| after.max(start - INSTANT));
        let until = next.map_or(last, |next| next.min(last));
        (after < until).then_some((&era.schedule, after, until))
    })
}

/// The days of upstreams that a day of a job is worked out from.
fn needs(defs: &Defs, job: JobId, day: NaiveDate) -> Vec<(JobId, NaiveDate)> {
    let Some(def) = defs.get(&job) else {
        return Vec::new();
    };
    let tz = def.schedule().timezone;
    let (start, end) = (first_instant(tz, day), first_instant(tz, following(day)));
    let mut needs = Vec::new();
    for (schedule, _, _) in eras_in(def, start, end) {
        if schedule.cron.is_some() {
            continue;
        }
        for edge in &schedule.edges {
            if let Some(upstream) = defs.get(&edge.upstream) {
                let days = days_of(upstream.schedule().timezone, start, end);
                needs.extend(days.map(|day| (edge.upstream, day)));
            }
        }
    }
    needs
}

/// The local day of an instant.
pub(super) fn local_day(tz: Tz, at: Timestamp) -> NaiveDate {
    at.with_timezone(&tz).date_naive()
}

/// `[first instant, first instant of the next day)` of the local day that holds an instant.
pub(super) fn day_of(tz: Tz, at: Timestamp) -> (Timestamp, Timestamp) {
    let day = local_day(tz, at);
    (first_instant(tz, day), first_instant(tz, following(day)))
}

/// The first instant of a local day; a day may begin late (its midnight was skipped).
pub(super) fn first_instant(tz: Tz, day: NaiveDate) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    // Quarters of an hour suffice: no zone's gap begins or ends at a finer time.
    let quarters = (0..=96).map(|n| midnight + TimeDelta::minutes(15 * n));
    quarters
        .filter_map(|local| tz.from_local_datetime(&local).earliest())
        .map(|instant| instant.to_utc())
        .next()
        .unwrap_or_else(|| midnight.and_utc())
}

fn days_of(tz: Tz, start: Timestamp, end: Timestamp) -> impl Iterator<Item = NaiveDate> {
    let last = local_day(tz, end - INSTANT);
    local_day(tz, start)
        .iter_days()
        .take_while(move |day| *day <= last)
}

pub(super) fn following(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}
