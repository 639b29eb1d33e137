//! Bodies of strangers: whatever is sent is read as what it says or refused by a field's name, and
//! what is answered may be sent back.

use chrono_tz::Tz;
use hera_domain::check::ContentLimits;
use hera_domain::config::unmask;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::job_view::shown_content;
use super::{JobBody, calendars, groups, jobs, render, revisions, runs, session};
use crate::web::error::{Error, Result};
use crate::web::extract::parse;

/// Every body that the API takes.
fn read_as_each(body: &[u8]) -> [(&'static str, Result<()>); 11] {
    fn read<T: DeserializeOwned>(body: &[u8]) -> Result<()> {
        parse::<T>(body).map(drop)
    }
    [
        ("job", read::<JobBody>(body)),
        ("group", read::<groups::GroupBody>(body)),
        ("calendar", read::<calendars::CalendarBody>(body)),
        ("switch", read::<jobs::SwitchBody>(body)),
        ("copy", read::<jobs::CopyBody>(body)),
        ("preview", read::<render::PreviewBody>(body)),
        ("render", read::<render::RenderBody>(body)),
        ("restore", read::<revisions::RestoreBody>(body)),
        ("trigger", read::<runs::TriggerBody>(body)),
        ("log in", read::<session::LogIn>(body)),
        ("nothing known", read::<Value>(body)),
    ]
}

const KEYS: &str = "group_id|name|run_type|script|schedule|kind|cron|timezone|dependencies|job_id|window\
|policy|from|until|calendar|rule|config|priority|retries|retry_exit_codes|overlap|areas|followers|resources|uri\
|revision|id|warnings|weekdays|added|removed|parent_id|chain|business_time|params|template|version_time|trigger\
|version|repeats|username|password|comment";

const WORDS: &str = "cron|manual|dependent|big|small|none|upstream|monday|workdays|include|2026-11-20|202611201200\
|2026-11-20T22:30:00Z|0000-01-01T00:00:00[+]01:00|UTC|Asia/Shanghai|0 0 6 [*] [*] [?]|shell|same-day|last-3";

fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![any::<i64>(), -2..40_i64].prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        WORDS.prop_map(Value::from),
        "(?s).{0,12}".prop_map(Value::from),
    ]
}

fn any_object() -> impl Strategy<Value = Value> {
    let value = any_leaf().prop_recursive(4, 32, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let keys = prop_oneof![9 => KEYS, 1 => "(?s).{0,6}"];
        let object = prop::collection::btree_map(keys, inner, 0..8);
        prop_oneof![
            list,
            object.prop_map(|members| Value::Object(members.into_iter().collect()))
        ]
    });
    prop::collection::btree_map(KEYS, value, 0..12)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// Members of an object of which each may be missing.
fn members(
    of: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> impl Strategy<Value = Map<String, Value>> {
    let one = |(name, value): (&'static str, BoxedStrategy<Value>)| {
        prop::option::of(value).prop_map(move |value| (name.to_owned(), value))
    };
    let all: Vec<_> = of.into_iter().map(one).collect();
    all.prop_map(|all| {
        let there = all.into_iter();
        there
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    })
}

fn words(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(of).prop_map(Value::from).boxed()
}

fn text() -> BoxedStrategy<Value> {
    "(?s).{0,12}".prop_map(Value::from).boxed()
}

fn number(most: u32) -> BoxedStrategy<Value> {
    (0..=most).prop_map(Value::from).boxed()
}

fn list(of: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(of, 0..3)
        .prop_map(Value::from)
        .boxed()
}

fn instant() -> BoxedStrategy<Value> {
    let within = -62_135_596_800_000..253_402_300_800_000_i64;
    let read =
        |ms| chrono::DateTime::from_timestamp_millis(ms).expect("within the years 1 to 9999");
    within
        .prop_map(move |ms| read(ms).to_rfc3339().into())
        .boxed()
}

fn schedule() -> impl Strategy<Value = Value> {
    let edge = (1..9_i64, words(&["nearest"]));
    let edge = edge
        .prop_map(|(job, window)| json!({"job_id": job, "window": window}))
        .boxed();
    let edges = prop::collection::vec(edge, 1..3);
    let rest = members(vec![
        (
            "timezone",
            words(&["UTC", "Asia/Shanghai", "America/New_York"]),
        ),
        ("from", instant()),
        ("until", instant()),
    ]);
    (rest, any::<(bool, bool)>(), edges).prop_map(|(mut schedule, (cron, dependent), edges)| {
        let kind = match (cron, dependent) {
            (true, true) => "cron_dependent",
            (true, false) => "cron",
            (false, true) => "dependent",
            (false, false) => "manual",
        };
        schedule.insert("kind".into(), kind.into());
        if cron {
            schedule.insert("cron".into(), "0 0 6 * * ?".into());
        }
        if dependent {
            schedule.insert("dependencies".into(), edges.into());
        }
        Value::Object(schedule)
    })
}

/// A job's body of which every value has the right type.
fn job() -> impl Strategy<Value = Value> {
    let keys = prop_oneof!["[a-z.]{1,6}", Just("secret.word".to_owned())];
    let config = prop::collection::btree_map(keys, "(?s).{0,12}", 0..4);
    let optional = members(vec![
        ("description", text()),
        ("script", text()),
        ("config", config.prop_map(|config| json!(config)).boxed()),
        ("host_group_id", number(9)),
        ("priority", number(255)),
        ("retries", number(20)),
        ("retry_wait_minutes", number(u32::MAX)),
        ("retry_exit_codes", list(number(255))),
        (
            "overlap",
            words(&["allow", "wait", "skip", "cancel_previous"]),
        ),
        ("misfire", words(&["run_all", "run_latest", "skip"])),
        ("on_lost", words(&["ask", "rerun"])),
        ("must_end_minutes", number(u32::MAX)),
        (
            "kill_on_timeout",
            any::<bool>().prop_map(Value::from).boxed(),
        ),
        ("expected_end", text()),
        ("areas", list(text())),
        ("labels", list(text())),
        ("alarm_level", number(255)),
        ("cron_period", text()),
        ("cron_interval", any::<i32>().prop_map(Value::from).boxed()),
        ("followers", list(number(9))),
        ("pool", text()),
    ]);
    (optional, text(), schedule()).prop_map(|(mut job, name, schedule)| {
        job.insert("group_id".into(), 2.into());
        job.insert("name".into(), name);
        job.insert("run_type".into(), "shell".into());
        job.insert("schedule".into(), schedule);
        Value::Object(job)
    })
}

proptest! {
    #[test]
    fn every_object_is_read_or_refused_by_the_name_of_a_field(body in any_object()) {
        for (what, read) in read_as_each(body.to_string().as_bytes()) {
            match read {
                Ok(()) => {}
                Err(Error::Invalid(wrong)) => {
                    prop_assert!(!wrong.is_empty(), "{}", what);
                    for error in wrong {
                        prop_assert!(!error.field.is_empty() && !error.message.is_empty(), "{}", what);
                        prop_assert!(!error.message.contains(" at line "), "{}", error.message);
                    }
                }
                Err(other) => prop_assert!(false, "{}: {}", what, other),
            }
        }
    }

    #[test]
    fn only_what_is_no_json_is_malformed(body in any_object(), at: prop::sample::Index, byte: u8) {
        let mut body = body.to_string().into_bytes();
        let place = at.index(body.len());
        body[place] = byte;
        for (what, read) in read_as_each(&body) {
            let is_json = serde_json::from_slice::<Value>(&body).is_ok();
            match read {
                Ok(()) => prop_assert!(is_json, "{}", what),
                Err(Error::Malformed(_)) => prop_assert!(!is_json, "{}", what),
                Err(Error::Invalid(_)) => {}
                Err(other) => prop_assert!(false, "{}: {}", what, other),
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..60)) {
        for (what, read) in read_as_each(&body) {
            let refused = matches!(read, Ok(()) | Err(Error::Malformed(_) | Error::Invalid(_)));
            prop_assert!(refused, "{}", what);
        }
    }

    #[test]
    fn a_job_that_is_shown_may_be_sent_back_and_stays_what_it_is(body in job()) {
        let body: JobBody = parse(body.to_string().as_bytes()).unwrap();
        let content = body.content(Tz::Asia__Shanghai).unwrap();
        for wrong in content.check(&ContentLimits::default()) {
            prop_assert!(!wrong.field.is_empty() && !wrong.message.is_empty());
        }
        let shown = serde_json::to_vec(&shown_content(&content)).unwrap();
        // The zone of an installation that reads it is another one.
        let again: JobBody = parse(&shown).unwrap();
        let mut again = again.content(Tz::UTC).unwrap();
        unmask(&mut again.config, &content.config);
        prop_assert_eq!(again, content);
    }
}
