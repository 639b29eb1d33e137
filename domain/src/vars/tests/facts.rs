use super::*;

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
    let english = examples(include_str!("../../../../docs/en/variables.md"));
    let chinese = examples(include_str!("../../../../docs/zh/variables.md"));
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
