use super::*;

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
fn the_secrets_of_a_script_are_those_that_it_uses() {
    let group = map(&[
        ("secret.key", "hush"),
        ("db.password", "it is ${yesterday}"),
        ("secret.unused", "nobody's business"),
        ("alias", "${secret.key}"),
    ]);
    let config = EffectiveConfig::merge([(Origin::Job, &group)], "all");
    let text = "login ${alias} ${db.password} ${secret.unknown} ${yesterday}";
    let (open, secrets) = with_config(&config, |context| {
        let kept = render_keeping_secrets(text, context).unwrap().script;
        (
            put_secrets_back(&kept, context).unwrap(),
            secrets_in(&kept, context).unwrap(),
        )
    });
    assert_eq!(secrets.len(), 2);
    for secret in secrets {
        assert!(open.contains(&secret), "{secret} in {open}");
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
