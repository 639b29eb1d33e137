use chrono::NaiveDateTime;
use chrono_tz::{America, Asia, UTC};
use proptest::prelude::*;

use super::*;
use crate::id::{GroupId, JobId, RunId};
use crate::status::Trigger;
use crate::version_id::VersionId;
use crate::zone::instant_of;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M").unwrap()
}

/// Renders with a job's config at 2026-11-20 03:00 in Shanghai.
pub(super) fn rendered(script: &str, config: &[(&str, &str)]) -> Result<Rendered, RenderError> {
    let job = map(config);
    let group = map(&[("from_group", "g"), ("secret.key", "hush")]);
    let levels = [
        (Origin::Job, &job),
        (Origin::Group(GroupId(7), "orders".to_owned()), &group),
    ];
    with_config(&EffectiveConfig::merge(levels, "all"), |context| {
        render(script, context)
    })
}

fn with_config<T>(config: &EffectiveConfig, act: impl FnOnce(&Context<'_>) -> T) -> T {
    let params = map(&[("day", "from the run")]);
    act(&Context {
        params: &params,
        config,
        builtins: map(&[("hera.job_id", "42")]),
        base: instant_of(Asia::Shanghai, local("202611200300")),
        tz: Asia::Shanghai,
        now: instant_of(Asia::Shanghai, local("202611210900")),
    })
}

fn script(text: &str, config: &[(&str, &str)]) -> String {
    rendered(text, config)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .script
}

/// What stays as it is, as people are told.
pub(super) fn told(found: &Rendered) -> Vec<String> {
    found.warnings.iter().map(ToString::to_string).collect()
}

pub(super) fn error(text: &str, config: &[(&str, &str)]) -> String {
    rendered(text, config).unwrap_err().to_string()
}

#[derive(serde::Deserialize)]
struct Vector {
    version_time: String,
    timezone: Tz,
    template: String,
    rendered: String,
}

#[test]
fn every_date_is_the_one_that_the_jdk_writes() {
    let vectors = include_str!("../../tests/data/zdt-vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(vectors).unwrap();
    assert_eq!(vectors.len(), 300);
    let empty = (Params::new(), EffectiveConfig::default());
    let wrong: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let base = instant_of(vector.timezone, local(&vector.version_time));
            let context = Context {
                params: &empty.0,
                config: &empty.1,
                builtins: BTreeMap::new(),
                base,
                tz: vector.timezone,
                now: base,
            };
            let found = render(&vector.template, &context).map(|found| found.script);
            let found = found.unwrap_or_else(|error| error.to_string());
            (found != vector.rendered).then(|| {
                let Vector {
                    version_time,
                    timezone,
                    template,
                    rendered,
                } = vector;
                format!("{version_time} {timezone} {template}: {found}, not {rendered}")
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_field_of_the_calendar_behaves_as_in_the_jdk() {
    let vectors = include_str!("../../tests/data/calendar-vectors.tsv");
    let (params, config) = (Params::new(), EffectiveConfig::default());
    let mut count = 0;
    for line in vectors.lines().skip(1) {
        let [base, tz, template, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let base = crate::clock::from_millis(base.parse().unwrap());
        let context = Context {
            params: &params,
            config: &config,
            builtins: BTreeMap::new(),
            base,
            tz: tz.parse().unwrap(),
            now: base,
        };
        assert_eq!(
            render(template, &context).unwrap().script,
            expected,
            "{line}"
        );
        count += 1;
    }
    assert_eq!(count, 500);
}

#[test]
fn names_are_filled_in_from_the_run_the_config_and_the_system() {
    let found = rendered(
        "${day} ${a} ${from_group} ${hera.job_id} ${a}",
        &[("a", "1"), ("day", "x")],
    );
    let found = found.unwrap();
    assert_eq!(found.script, "from the run 1 g 42 1");
    let variables: Vec<String> = found
        .variables
        .iter()
        .map(|used| format!("{}={} ({})", used.name, used.value, used.origin))
        .collect();
    assert_eq!(
        variables,
        [
            "day=from the run (run)",
            "a=1 (job)",
            "from_group=g (group 7 orders)",
            "hera.job_id=42 (built-in)"
        ]
    );
}

#[test]
fn what_is_unknown_stays_for_the_shell_and_is_told() {
    let text = "for i in ${list[@]}; do echo ${i} ${x:-1} $HOME ${} ${ ${i} ${zdtx}; done";
    let found = rendered(text, &[]).unwrap();
    assert_eq!(found.script, text);
    assert_eq!(
        told(&found),
        [
            "line 1, column 30: ${i} is not known and stays as it is",
            "line 1, column 61: ${zdtx} is not known and stays as it is"
        ]
    );
}

#[test]
fn a_value_that_is_one_name_is_followed_and_a_circle_is_named() {
    let config = [("a", "${b}"), ("b", "${c}"), ("c", "end"), ("d", "x-${c}")];
    assert_eq!(script("${a}", &config), "end");
    let found = rendered("${d}", &config).unwrap();
    assert_eq!(found.script, "x-${c}");
    assert_eq!(
        told(&found),
        ["line 1, column 1: ${c} is only a part of another variable's value and stays as it is"]
    );
    assert_eq!(
        error(
            "echo\n  ${x}",
            &[("x", "${a}"), ("a", "${b}"), ("b", "${a}")]
        ),
        "line 2, column 3: these variables name each other: a (job) → b (job) → a; give one of them a value"
    );
    assert_eq!(script("${x}", &[("x", "${unknown}")]), "${unknown}");
}

/// The parts of a rendered script that are values or names that stayed, each with what it is.
fn parts(found: &Rendered) -> Vec<(&str, &str)> {
    let what = |span: &Span| match span.what {
        Spot::Filled(variable) => found.variables[variable].name.as_str(),
        Spot::Left(warning) => found.warnings[warning].name.as_str(),
    };
    let spans = found.spans.iter();
    spans
        .map(|span| (found.script.get(span.start..span.end).unwrap(), what(span)))
        .collect()
}

#[test]
fn every_value_is_found_again_in_the_script_that_it_became_a_part_of() {
    let config = [
        ("a", "1"),
        ("dt", "d=${zdt.get(5)}/${yesterday}."),
        ("part", "<${x}>"),
        ("n", "-20"),
        ("empty", ""),
    ];
    let text =
        "${a}${a} ${dt}\n${zdt.addDay(${n}).format('yyyy-MM')} ${empty}${part} ${yesterday} ${x}";
    let found = rendered(text, &config).unwrap();
    assert_eq!(
        found.script,
        "11 d=20/20261119.\n2026-10 <${x}> 20261119 ${x}"
    );
    assert_eq!(
        parts(&found),
        [
            ("1", "a"),
            ("1", "a"),
            ("d=20/20261119.", "dt"),
            ("2026-10", "zdt.addDay(-20).format('yyyy-MM')"),
            ("<", "part"),
            ("${x}", "x"),
            (">", "part"),
            ("20261119", "yesterday"),
            ("${x}", "x"),
        ]
    );
    assert_eq!(
        found.warnings[0].position,
        Position {
            offset: 61,
            line: 2,
            column: 47
        },
        "a name in a value is told where the value is used"
    );
}

#[test]
fn a_value_says_how_it_is_written_and_what_it_hides() {
    let job = map(&[("dt", "${day_of}"), ("sh.queue", "fast"), ("queue", "slow")]);
    let group = map(&[
        ("queue", "root"),
        ("day_of", "${zdt.format(\"MMdd\")}"),
        ("secret.key", "old"),
    ]);
    let near = map(&[("secret.key", "hush")]);
    let levels = [
        (Origin::Job, &job),
        (Origin::Group(GroupId(7), "orders".to_owned()), &near),
        (Origin::Group(GroupId(1), "all".to_owned()), &group),
    ];
    let config = EffectiveConfig::merge(levels, "sh");
    let found = with_config(&config, |context| {
        render("${dt} ${queue} ${secret.key}", context)
    });
    let variables = serde_json::to_value(found.unwrap().variables).unwrap();
    assert_eq!(
        variables,
        serde_json::json!([
            {"name": "dt", "value": "1120", "origin": "job", "written": "${day_of}"},
            {"name": "queue", "value": "fast", "origin": "job", "key": "sh.queue", "overrides": [
                {"value": "slow", "origin": "job"}, {"value": "root", "origin": "group 1 all"}]},
            {"name": "secret.key", "value": "******", "origin": "group 7 orders", "overrides": [
                {"value": "******", "origin": "group 1 all"}]},
            {"name": "zdt.format(\"MMdd\")", "value": "1120", "origin": "date"},
        ])
    );
}

#[test]
fn every_circle_of_a_config_is_named_once_with_its_levels() {
    let job = map(&[("a", "${b}"), ("d", "${d}"), ("x", "y-${x}"), ("z", "${a}")]);
    let group = map(&[
        ("b", "${c}"),
        ("c", "${a}"),
        ("d", "1"),
        ("e", "${unknown}"),
    ]);
    let orders = Origin::Group(GroupId(7), "orders".to_owned());
    let levels = [(Origin::Job, &job), (orders.clone(), &group)];
    let found = circles(&EffectiveConfig::merge(levels, "all"));
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "a (job) → b (group 7 orders) → c (group 7 orders) → a",
            "d (job) → d"
        ]
    );
    assert!(found[0].touches(&orders) && !found[1].touches(&orders));
}

#[test]
fn dates_in_values_and_names_in_dates_are_filled_in() {
    assert_eq!(
        script("${dt}", &[("dt", "${zdt.addDay(-1).format(\"yyyyMMdd\")}")]),
        "20261119"
    );
    assert_eq!(
        script("${zdt.addDay(${n}).format('yyyy-MM')}", &[("n", "-20")]),
        "2026-10"
    );
    assert_eq!(
        script("${yesterday}/${y}", &[("y", "${yesterday}")]),
        "20261119/20261119"
    );
    assert_eq!(
        script(
            "${zdt.getToday()} ${zdt.getNowMillis()} ${ zdt.getToday() }",
            &[]
        ),
        "2026-11-21 1795222800000 ${ zdt.getToday() }"
    );
    let used = rendered("${zdt.get(5)}", &[]).unwrap().variables;
    assert_eq!(
        (used[0].name.as_str(), used[0].value.as_str()),
        ("zdt.get(5)", "20")
    );
    assert_eq!(used[0].origin, Origin::Date);
}

#[test]
fn a_date_is_read_by_one_pattern_and_written_by_another() {
    let reformat = |text: &str, from: &str, to: &str| {
        script(
            &format!("${{zdt.StringToDateStr(\"{text}\", \"{from}\", \"{to}\")}}"),
            &[],
        )
    };
    assert_eq!(reformat("20261120", "yyyyMMdd", "yyyy-MM-dd"), "2026-11-20");
    assert_eq!(
        reformat(
            "5 Mar 2026 7:05 PM",
            "d MMM yyyy h:mm a",
            "yyyy-MM-dd HH:mm"
        ),
        "2026-03-05 19:05"
    );
    assert_eq!(
        reformat("31/12/99", "dd/MM/yy", "EEEE yyyy.MM.dd"),
        "Friday 1999.12.31"
    );
    assert_eq!(
        reformat("9/2/2023 13:33 AM", "d/M/yyyy h:mm a", "MMdd HH"),
        "0209 13"
    );
    assert_eq!(reformat("2026-02-30", "yyyy-MM-dd", "MMdd"), "0302");
    assert_eq!(
        error("${zdt.StringToDateStr('x','yyyy','MM')}", &[]),
        "line 1, column 1: in this ${zdt…}: the date \"x\" does not fit the first pattern; change one of them"
    );
}

#[test]
fn a_malformed_date_is_named_with_its_place() {
    let cases = [
        (
            "a\n ${zdt.addDay(-1)}",
            "line 2, column 18: in this ${zdt…}: it has no value; end it with format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr",
        ),
        (
            "${zdt}",
            "line 1, column 6: in this ${zdt…}: it has no value; end it with format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr",
        ),
        (
            "中${zdt.adDay(1)}",
            "line 1, column 8: in this ${zdt…}: there is no method \"adDay\"; use addDay, add, set, format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr",
        ),
        (
            "${zdt.format(\"yyyy)}",
            "line 1, column 14: in this ${zdt…}: the text is not closed; add \"",
        ),
        (
            "${zdt.format(\"yyyy-bb\")}",
            "line 1, column 14: in this ${zdt…}: \"b\" is no pattern letter; use one of GyYMLwWDdFEuaHkKhmsSzZX, or write 'b' for the letter itself",
        ),
        (
            "${zdt.get(5).x()}",
            "line 1, column 13: in this ${zdt…}: nothing may follow the value; found \".\", expected \"}\"",
        ),
        (
            "${zdt.add(5)}",
            "line 1, column 12: in this ${zdt…}: expected \",\" and found \")\"",
        ),
        (
            "${zdt.addDay(99999999999)}",
            "line 1, column 14: in this ${zdt…}: 99999999999 is no whole number of 32 bits",
        ),
        (
            "${zdt.get(15)}",
            "line 1, column 11: in this ${zdt…}: 15 is no field; use 1 year, 2 month (from 0), 3 week, 5 day, 7 day of week (1 = Sunday), 11 hour, 12 minute or 13 second",
        ),
        (
            "${zdt.getTime()",
            "line 1, column 16: in this ${zdt…}: it is not closed; add \"}\"",
        ),
        (
            "${zdt",
            "line 1, column 6: in this ${zdt…}: it is not closed; add \"}\"",
        ),
        (
            "${zdt addDay(1)}",
            "line 1, column 7: in this ${zdt…}: expected \".\" and found \"addDay\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text, &[]), expected, "{text}");
        assert_eq!(check(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert_eq!(
        check("中\n${zdt.x()}").unwrap_err().position,
        Position {
            offset: 8,
            line: 2,
            column: 7
        }
    );
}

#[test]
fn an_error_in_a_value_names_the_variable_and_its_use() {
    assert_eq!(
        error("echo 1\necho ${dt}", &[("dt", "x ${zdt.y()}")]),
        "line 2, column 6: in the value of \"dt\": in this ${zdt…}: there is no method \"y\"; use addDay, add, set, format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr"
    );
    assert_eq!(
        error("${a} ${zdt.y()}", &[("a", "a long value\nof lines")]).get(..17),
        Some("line 1, column 12")
    );
}

#[test]
fn a_check_waits_for_dates_that_are_put_together() {
    assert_eq!(
        check("${zdt.addDay(${n}).format(\"yyyy\")} ${zdt.getTime()}"),
        Ok(())
    );
    assert!(check("${zdt.addDay(x)} ${n}").is_err());
    assert!(check("${zdt.addDay(${n}).format(\"yyyy\")} ${zdt.nonsense()}").is_err());
}

#[test]
fn dates_out_of_reach_are_refused() {
    for text in [
        "${zdt.set(1,10000).getTime()}",
        "${zdt.add(1,-2147483648).getTime()}",
        "${zdt.set(2,2147483647).get(1)}",
    ] {
        assert_eq!(
            error(text, &[]),
            "line 1, column 1: in this ${zdt…}: the date leaves the years 1583 to 9999; use smaller numbers"
        );
    }
}

#[test]
fn summer_time_is_the_jdk_s() {
    let at = |base: &str, text: &str| {
        let (params, config) = (Params::new(), EffectiveConfig::default());
        let base = instant_of(America::New_York, local(base));
        let context = Context {
            params: &params,
            config: &config,
            builtins: BTreeMap::new(),
            base,
            tz: America::New_York,
            now: base,
        };
        render(text, &context).unwrap().script
    };
    let format = "format(\"yyyy-MM-dd HH:mm z Z XXX\")";
    assert_eq!(
        at("202603070230", &format!("${{zdt.addDay(1).{format}}}")),
        "2026-03-08 01:30 EST -0500 -05:00"
    );
    assert_eq!(
        at("202603080130", &format!("${{zdt.set(11,2).{format}}}")),
        "2026-03-08 03:30 EDT -0400 -04:00"
    );
    assert_eq!(
        at("202611010030", &format!("${{zdt.set(11,1).{format}}}")),
        "2026-11-01 01:30 EST -0500 -05:00"
    );
    assert_eq!(
        at("202611010030", &format!("${{zdt.add(11,1).{format}}}")),
        "2026-11-01 01:30 EDT -0400 -04:00"
    );
}

#[test]
fn secrets_are_filled_in_for_the_run_and_kept_back_from_the_record() {
    let group = map(&[("secret.key", "hush"), ("alias", "${secret.key}")]);
    let config = EffectiveConfig::merge([(Origin::Job, &group)], "all");
    let text = "login ${secret.key} ${alias}";
    let (open, kept) = with_config(&config, |context| {
        (
            render(text, context).unwrap(),
            render_keeping_secrets(text, context).unwrap(),
        )
    });
    assert_eq!(open.script, "login hush hush");
    assert_eq!(kept.script, "login ${secret.key} ${secret.key}");
    assert_eq!(kept.warnings, []);
    for rendered in [open, kept] {
        assert!(
            rendered
                .variables
                .iter()
                .all(|used| used.value == crate::config::MASK)
        );
    }
}

#[test]
fn a_secret_in_a_date_is_refused_without_being_told() {
    for text in [
        "${zdt.format(\"'${secret.key}'\")}",
        "${zdt.format('${alias}')}",
        "${zdt.StringToDateStr('${secret.key}','yyyy','MM')}",
        "${zdt.addDay('x ${secret.key}')} y",
    ] {
        assert_eq!(
            error(text, &[("alias", "${secret.key}")]),
            "line 1, column 1: in this ${zdt…}: a secret cannot stand in it; take it out"
        );
    }
    let beside = "${zdt.get(5)} ${secret.key} ${zdt.get(1)}";
    assert_eq!(script(beside, &[]), "20 hush 2026");
}

fn facts(version: &VersionId) -> RunFacts<'_> {
    RunFacts {
        job: JobId(42),
        job_name: "orders",
        run: Some(RunId(7)),
        version,
        business_time: instant_of(Asia::Shanghai, local("202611200300")),
        tz: Asia::Shanghai,
        attempt: 2,
        trigger: Trigger::Recover,
        team: "bi",
        area: "sh",
        batch_id: "2026-11-19",
    }
}

#[test]
fn the_system_s_facts_are_variables_and_environment() {
    let version = VersionId("202611200300000042".to_owned());
    let facts = facts(&version);
    let variables = builtins(&facts);
    assert_eq!(variables["hera.business_date"], "2026-11-20");
    assert_eq!(variables["hera.business_time"], "2026-11-20 03:00:00");
    assert_eq!(variables["hera.trigger"], "recover");
    assert_eq!(variables["hera.run_id"], "7");
    let exported = environment(&facts);
    assert_eq!(exported["HERA_JOB_NAME"], "orders");
    let retried = RunFacts {
        run: Some(RunId(8)),
        attempt: 3,
        ..facts.clone()
    };
    assert_eq!(
        environment(&retried)["HERA_RUN_KEY"],
        exported["HERA_RUN_KEY"]
    );
    assert_ne!(
        environment(&retried)["HERA_RUN_ID"],
        exported["HERA_RUN_ID"]
    );
}

/// The rows of the guide that tell what an example gives: what is written in the first cell, its
/// value in the last.
fn examples(guide: &str) -> Vec<(&str, &str)> {
    guide
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.strip_suffix("` |"))
        .filter_map(|row| Some((row.split_once("` | `")?.0, row.rsplit_once("` | `")?.1)))
        .collect()
}

#[test]
fn the_guide_s_examples_are_true_in_both_languages() {
    let english = examples(include_str!("../../../docs/en/variables.md"));
    let chinese = examples(include_str!("../../../docs/zh/variables.md"));
    assert_eq!(english, chinese);
    assert_eq!(english.len(), 25);
    let version = VersionId("202611200300000042".to_owned());
    let known = builtins(&facts(&version));
    for (text, value) in english {
        let name = text.trim_start_matches("${").trim_end_matches('}');
        match known.get(name) {
            Some(fact) => assert_eq!(fact, value, "{text}"),
            None => assert_eq!(script(text, &[]), value, "{text}"),
        }
    }
}

#[test]
fn a_batch_is_the_business_time_shifted_and_cut_to_its_period() {
    let version = VersionId("202603310300000042".to_owned());
    let time = instant_of(Asia::Shanghai, local("202603310300"));
    let batch = |period, interval| batch_id(period, interval, &version, time, Asia::Shanghai);
    assert_eq!(batch(Some("year"), -1), "2025");
    assert_eq!(batch(Some("month"), -1), "2026-02");
    assert_eq!(batch(Some("day"), -1), "2026-03-30");
    assert_eq!(batch(Some("hour"), 30), "2026-04-01 09");
    assert_eq!(batch(Some("minute"), 0), "2026-03-31 03:00");
    assert_eq!(batch(Some("other"), -1), "202603310300000042");
    assert_eq!(batch(None, 0), "202603310300000042");
    assert_eq!(batch(Some("year"), i32::MAX), "202603310300000042");
}

proptest! {
    #[test]
    fn no_script_makes_rendering_panic(text in "(?s).{0,60}", zdt in "[a-zA-Z0-9.,()\"'\\-{}$ \n]{0,30}") {
        let text = format!("{text}${{zdt{zdt}}}{text}");
        let _ = rendered(&text, &[("a", "1")]);
        let _ = check(&text);
    }

    #[test]
    fn no_chain_makes_the_calendar_panic(
        steps in proptest::collection::vec((any::<bool>(), 1i32..15, prop_oneof![any::<i32>(), -40i32..400]), 0..5),
        pattern in "[yMdHhkKmsSEaDFuwWzZXG '-]{0,12}"
    ) {
        let chain: String = steps
            .iter()
            .map(|(set, field, n)| format!(".{}({field},{n})", if *set { "set" } else { "add" }))
            .collect();
        let _ = rendered(&format!("${{zdt{chain}.format(\"{pattern}\")}}"), &[]);
    }

    #[test]
    fn no_date_or_pattern_makes_reading_panic(text in "[^\"\n]{0,20}", pattern in "[yMdHhkKmsSEaDuzZX '-]{0,12}") {
        let _ = rendered(&format!("${{zdt.StringToDateStr(\"{text}\",\"{pattern}\",\"yyyy\")}}"), &[]);
    }

    #[test]
    fn values_repeated_fill_a_script_up_to_its_limit_and_not_beyond(
        bytes in 0usize..(64 << 10), uses in 1usize..150, inner in any::<bool>()
    ) {
        // Through another name, too: what is repeated counts each time.
        let (outer, value) = ("a".repeat(bytes), "${b}");
        let config = if inner { [("a", value), ("b", &outer)] } else { [("a", outer.as_str()), ("b", "")] };
        let done = rendered(&"${a}".repeat(uses), &config);
        match bytes * uses <= 4 << 20 {
            true => prop_assert_eq!(done.unwrap().script.len(), bytes * uses),
            false => prop_assert!(done.unwrap_err().message.contains("grows beyond 4194304 bytes")),
        }
    }

    #[test]
    fn what_a_pattern_writes_it_reads_again(seconds in 0i64..4_000_000_000) {
        let at = crate::clock::from_millis(seconds * 1000);
        for pattern in ["yyyyMMddHHmmss", "yyyy-MM-dd HH:mm:ss", "d MMMM yyyy h:mm:ss a", "D/yyyy k.m.s"] {
            let pattern = date_format::Pattern::parse(pattern).unwrap();
            let text = pattern.format(UTC, at).unwrap();
            prop_assert_eq!(pattern.read(UTC, &text, at), Some(at), "{}", text);
        }
    }

    #[test]
    fn a_script_that_passes_the_check_renders_unless_a_date_leaves_the_years(text in "(\\$\\{zdt\\.(addDay\\([0-9]\\)|get\\([0-9]\\)|x)(\\.getTime\\(\\))?\\}?|[a-z $\\{\\}]){0,3}") {
        if check(&text).is_ok() {
            prop_assert!(rendered(&text, &[]).is_ok());
        }
    }
}
