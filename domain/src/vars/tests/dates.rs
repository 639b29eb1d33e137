use super::*;

#[derive(serde::Deserialize)]
struct Vector {
    version_time: String,
    timezone: Tz,
    template: String,
    rendered: String,
}

#[test]
fn every_date_is_the_one_that_the_jdk_writes() {
    let vectors = include_str!("../../../tests/data/zdt-vectors.json");
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
    let vectors = include_str!("../../../tests/data/calendar-vectors.tsv");
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
