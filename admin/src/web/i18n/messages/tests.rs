use std::collections::BTreeMap;

use hera_domain::calendar::{self, CalendarContent};
use hera_domain::check::check_values;
use hera_domain::clock::from_millis;
use hera_domain::config::{EffectiveConfig, parse_lines};
use hera_domain::cron::CronExpr;
use hera_domain::host_group::HostGroupContent;
use hera_domain::vars::{self, Context};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::master::{CommandError, Strain};

/// Whether three English words stand side by side: the names of methods and keys never do.
fn holds_english(text: &str) -> bool {
    let word = |word: &str| word.len() > 1 && word.bytes().all(|c| c.is_ascii_lowercase());
    let words: Vec<bool> = text.split(' ').map(word).collect();
    words
        .windows(3)
        .any(|three| three.iter().all(|is_word| *is_word))
}

fn assert_translated(english: &str) {
    let chinese = Lang::Zh.message(english);
    let translated = chinese
        .chars()
        .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert!(
        translated && !holds_english(&chinese),
        "{english}\nreads\n{chinese}"
    );
}

/// Every entry by its own words: a hole holds a number.
#[test]
fn every_sentence_is_found_and_gives_away_no_brace() {
    for (key, _) in zh::MESSAGES {
        let text = key.replace("{}", "7").replace("{t}", "hours: 7 is no date");
        let chinese = Lang::Zh.message(&text);
        assert_ne!(chinese, text, "{key}");
        let braces = chinese.replace("${zdt…}", "");
        assert!(
            !braces.contains("{0") && !braces.contains("{1"),
            "{chinese}"
        );
    }
}

#[test]
fn holes_hold_what_people_wrote() {
    let said = |text: &str| Lang::Zh.message(text);
    assert_eq!(
        said("line 2, column 16: in this ${zdt…}: expected a text in quotes and found 1"),
        "第 2 行第 16 列：在 ${zdt…} 中：应为引号内的文本，出现了 1"
    );
    assert_eq!(
        said("hours: 25 is out of range; use 0 to 23 (at character 5)"),
        "时：25 超出范围，应为 0 至 23（第 5 个字符）"
    );
    assert_eq!(
        said("the key \"{0}\" holds \"{\"; leave it out"),
        "键“{0}”含有“{”，请去掉"
    );
    assert_eq!(said("something new"), "something new");
    assert_eq!(Lang::En.message("is blank"), "is blank");
}

#[test]
fn what_is_wrong_with_calendars_is_said() {
    let day = chrono::NaiveDate::from_ymd_opt(2026, 10, 1).unwrap();
    let days = |note: &str| BTreeMap::from([(day, note.to_owned())]);
    let wrong = [
        CalendarContent::default(),
        CalendarContent {
            name: "x".repeat(101),
            description: "x".repeat(2001),
            added: day
                .iter_days()
                .take(4001)
                .map(|day| (day, String::new()))
                .collect(),
            removed: days("x\n"),
            ..CalendarContent::default()
        },
        CalendarContent {
            added: days(""),
            removed: days(""),
            ..CalendarContent::default()
        },
    ];
    let found: Vec<_> = wrong.iter().flat_map(CalendarContent::check).collect();
    assert!(found.len() >= 7, "{found:?}");
    for error in found {
        assert_translated(&error.message);
    }
}

#[test]
fn a_leader_with_too_much_to_do_is_named() {
    let strains = [
        Strain::Inbox { waiting: 4000 },
        Strain::Memory {
            percent: 91,
            limit: 80,
        },
        Strain::Load {
            hundredths: 150,
            limit: 100,
        },
    ];
    for strain in strains {
        assert_translated(&strain.to_string());
        assert_translated(&CommandError::Strained(strain.to_string()).to_string());
    }
}

#[test]
fn what_is_wrong_with_host_groups_is_said() {
    let wrong = [
        HostGroupContent::default(),
        HostGroupContent {
            name: "x".repeat(101),
            description: "x".repeat(2001),
            members: (0..1001).map(|n| format!("label: {n}")).collect(),
            ..HostGroupContent::default()
        },
    ];
    let found: Vec<_> = wrong.iter().flat_map(HostGroupContent::check).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    for error in found {
        assert_translated(&error.message);
    }
    assert_translated("there is a host group gpu already");
    for why in [
        "it serves the jobs that name none (hera.defaultWorkerGroup)",
        "2 jobs use it: 1 (a), 2 (b). Give them another one first",
    ] {
        assert_translated(&format!("host group gpu cannot be deleted: {why}"));
    }
}

/// Texts made of the pieces that a grammar knows, and some it does not.
fn pieces(known: &'static [&'static str], most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(select(known), 0..most).prop_map(|pieces| pieces.concat())
}

fn cron() -> impl Strategy<Value = String> {
    let field = pieces(
        &[
            "0", "5", "99", "*", "?", ",", "-", "/", "L", "W", "#", "MON", "JAN", "XYZ", "L-",
            "15W", "6#3", "2099",
        ],
        4,
    );
    let fields = prop::collection::vec(field.clone(), 0..9).prop_map(|fields| fields.join(" "));
    // One field of an expression that is right is replaced.
    let right = select(vec!["0 0 3 * * ?", "0 0 3 ? * 2 2027", "0 3 * * *"]);
    let nearly = (right, 0..7_usize, field).prop_map(|(right, place, field)| {
        let fields = right.split(' ').enumerate();
        let fields = fields.map(|(at, right)| if at == place { field.as_str() } else { right });
        fields.collect::<Vec<_>>().join(" ")
    });
    let macros = pieces(
        &[
            "@every",
            "@at",
            "@daily",
            "@x",
            " ",
            "1h",
            "30m",
            "5s",
            "x",
            "2026-11-21",
            "08:00",
        ],
        5,
    );
    prop_oneof![2 => fields, 6 => nearly, 1 => macros, 1 => Just(" ".repeat(999))]
}

fn script() -> impl Strategy<Value = String> {
    pieces(
        &[
            "${zdt.",
            "${zdt",
            "addDay(",
            "add(",
            "set(",
            "format(",
            "get(",
            "other(",
            "StringToDateStr(",
            "\"",
            "'",
            "yyyy",
            "MM",
            "b",
            "zzzz",
            "XXXX",
            "1",
            "99999999999",
            "15",
            ",",
            ")",
            "}",
            ".",
            "${a}",
            "${secret.a}",
            "\n",
            "addDay(999999999)",
            ".format(\"yyyy\")}",
            "getTime()}",
            "download[",
            "hdfs:///",
            "/x",
            "a b c",
            "]",
            ";",
        ],
        8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_wrong_with_an_expression_is_said(text in cron()) {
        if let Err(error) = CronExpr::parse(&text) {
            assert_translated(&error.to_string());
        }
    }

    #[test]
    fn what_is_wrong_with_a_script_is_said(text in script(), a in script()) {
        if let Err(error) = vars::check(&text) {
            assert_translated(&error.to_string());
        }
        let params = [("a".to_owned(), a), ("secret.a".to_owned(), "x".to_owned())].into();
        let context = Context {
            params: &params,
            config: &EffectiveConfig::default(),
            builtins: BTreeMap::new(),
            base: from_millis(0),
            tz: chrono_tz::UTC,
            now: from_millis(0),
        };
        if let Err(error) = vars::render(&text, &context) {
            assert_translated(&error.to_string());
        }
    }

    #[test]
    fn what_is_wrong_with_config_is_said(
        text in pieces(&["a", "b", "=", "\n", " ", "#", "${", "}", "${zdt.", "\u{7}", "=1\n", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"], 12)
    ) {
        match parse_lines(&text) {
            Err(error) => assert_translated(&error.to_string()),
            Ok(values) => for error in check_values("config", &values) {
                assert_translated(&error.message);
            },
        }
    }

    #[test]
    fn what_is_wrong_with_days_is_said(
        text in pieces(&["2026-10-01", "2026-02-30", "..", " ", "x", "2036-01-01", "\n"], 6)
    ) {
        if let Err(error) = calendar::parse_lines(&text) {
            assert_translated(&error.to_string());
        }
    }
}
