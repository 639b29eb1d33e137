use super::*;

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
