//! The example pipeline, from the load to the report; its numbers against a computation that
//! shares nothing with it but the data.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use hera_tests::{Installation, eventually, example_folder};
use serde_json::Value;

on_each_database!(recovering_the_first_job_drives_the_whole_example);

/// In an order in which they may run.
const PIPELINE: [&str; 8] = [
    "weather_extract",
    "weather_validate",
    "weather_temperature",
    "weather_rain",
    "weather_spells",
    "weather_compare",
    "weather_report",
    "weather_publish",
];

const EDGES: [(&str, &str); 9] = [
    ("weather_extract", "weather_validate"),
    ("weather_validate", "weather_temperature"),
    ("weather_validate", "weather_rain"),
    ("weather_validate", "weather_spells"),
    ("weather_temperature", "weather_compare"),
    ("weather_rain", "weather_compare"),
    ("weather_spells", "weather_compare"),
    ("weather_compare", "weather_report"),
    ("weather_report", "weather_publish"),
];

fn recovering_the_first_job_drives_the_whole_example(hera: &mut Installation) {
    let output = hera.scratch().join("output");
    load(hera, &output);
    let jobs = job_ids(hera);
    let first = hera.api().recover(jobs["weather_extract"]);
    let version = hera.api().run(first)["version"]
        .as_str()
        .unwrap()
        .to_owned();
    let day = NaiveDate::parse_from_str(&version[..8], "%Y%m%d").unwrap();

    let runs: BTreeMap<&str, Value> = PIPELINE
        .into_iter()
        .map(|name| (name, only_run(hera, jobs[name], name)))
        .collect();
    for (name, run) in &runs {
        let log = hera.api().log(run["id"].as_i64().unwrap());
        let log = String::from_utf8_lossy(&log);
        assert_eq!(run["status"], "success", "{name}: {run}\n{log}");
    }
    for (before, after) in EDGES {
        let (end, start) = (&runs[before]["ended_at"], &runs[after]["started_at"]);
        // RFC 3339 in UTC with milliseconds sorts like text.
        assert!(
            end.as_str() <= start.as_str(),
            "{after} started at {start}, before {before} ended at {end}"
        );
    }

    let report = output.join(format!("weather/{day}/report.csv"));
    let report = std::fs::read_to_string(report).unwrap();
    let computed = expected(day.checked_sub_days(Days::new(1)).unwrap());
    assert_eq!(parsed(&report), computed);
    let latest = std::fs::read_to_string(output.join("weather/latest/report.csv")).unwrap();
    assert_eq!(latest, report);

    // Loading it once more changes nothing, so nothing starts.
    let revisions = |hera: &Installation| -> Vec<Value> {
        let revision =
            |job| hera.api().get(&format!("/jobs/{job}")).unwrap().ok()["revision"].clone();
        jobs.values().map(revision).collect()
    };
    let before = revisions(hera);
    load(hera, &output);
    assert_eq!(revisions(hera), before);
}

fn load(hera: &Installation, output: &std::path::Path) {
    let examples = example_folder();
    hera.cli(&[
        "apply",
        examples.to_str().unwrap(),
        "--define",
        &format!("example.home={}", examples.display()),
        "--define",
        &format!("example.output={}", output.display()),
    ])
    .unwrap();
}

fn job_ids(hera: &Installation) -> BTreeMap<String, i64> {
    let jobs = hera.api().get("/jobs?limit=1000").unwrap().ok();
    jobs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| {
            (
                job["name"].as_str().unwrap().to_owned(),
                job["id"].as_i64().unwrap(),
            )
        })
        .collect()
}

fn only_run(hera: &Installation, job: i64, name: &str) -> Value {
    let query = format!("job_id={job}");
    let run = eventually(&format!("{name} starts"), || {
        hera.api().runs(&query).first().cloned()
    });
    let run = hera.api().finished(run["id"].as_i64().unwrap());
    assert_eq!(
        hera.api().runs(&query).len(),
        1,
        "{name} ran more than once"
    );
    run
}

type Report = BTreeMap<(String, String), [String; 3]>;

fn parsed(report: &str) -> Report {
    let mut lines = report.lines();
    assert_eq!(
        lines.next(),
        Some("place,measure,this_year,earlier,difference")
    );
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let numbers = [cells[2], cells[3], cells[4]].map(ToOwned::to_owned);
            ((cells[0].to_owned(), cells[1].to_owned()), numbers)
        })
        .collect()
}

struct Day {
    rain: f64,
    high: f64,
    low: f64,
    sunny: bool,
}

/// What the report must say when `last` is the last day of the month that counts.
fn expected(last: NaiveDate) -> Report {
    let text = std::fs::read_to_string(example_folder().join("weather/data/weather.csv")).unwrap();
    let mut days: BTreeMap<(String, i32), Vec<Day>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let date: NaiveDate = cells[1].parse().unwrap();
        if date.month() == last.month() && date.day() <= last.day() {
            days.entry((cells[0].to_owned(), date.year()))
                .or_default()
                .push(Day {
                    rain: cells[2].parse().unwrap(),
                    high: cells[3].parse().unwrap(),
                    low: cells[4].parse().unwrap(),
                    sunny: cells[6] == "sun",
                });
        }
    }
    let mut report = Report::new();
    for place in ["New York", "Seattle"] {
        let of = |year: i32| measures(&days[&(place.to_owned(), year)]);
        let (now, before) = (of(2015), [of(2012), of(2013), of(2014)]);
        for (i, (measure, now)) in now.into_iter().enumerate() {
            let earlier = before.iter().map(|year| year[i].1).sum::<f64>() / 3.0;
            let numbers = [now, earlier, now - earlier].map(|x| format!("{x:.4}"));
            report.insert((place.to_owned(), measure.to_owned()), numbers);
        }
    }
    report
}

#[expect(clippy::cast_precision_loss, reason = "a month has few days")]
fn measures(days: &[Day]) -> [(&'static str, f64); 6] {
    let n = days.len() as f64;
    let wet = |day: &&Day| day.rain >= 1.0;
    let mut spell: u32 = 0;
    let mut longest = 0;
    for day in days {
        spell = if wet(&day) { 0 } else { spell + 1 };
        longest = longest.max(spell);
    }
    [
        (
            "mean_high",
            days.iter().map(|day| day.high).sum::<f64>() / n,
        ),
        ("mean_low", days.iter().map(|day| day.low).sum::<f64>() / n),
        ("rain", days.iter().map(|day| day.rain).sum()),
        ("wet_days", days.iter().filter(wet).count() as f64),
        ("dry_days", f64::from(longest)),
        (
            "sunny_days",
            days.iter().filter(|day| day.sunny).count() as f64,
        ),
    ]
}
