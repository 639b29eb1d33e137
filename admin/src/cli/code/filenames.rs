//! Names of files out of names of jobs: what every file system takes, and no two alike on those
//! that do not tell capitals apart.

use std::collections::BTreeSet;

/// The most bytes of a name before its suffix; file systems end at 255.
const MAX_BYTES: usize = 180;

/// Names that are taken in one folder.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    /// Whether a name was free and is taken now.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_lowercase())
    }

    /// Finds a stem for which all these suffixes are free, and takes them.
    pub(super) fn stem(&mut self, name: &str, suffixes: &[&str]) -> String {
        let stem = safe(name);
        let numbered = (2..).map(|n: u32| format!("{stem}-{n}"));
        let mut candidates = std::iter::once(stem.clone()).chain(numbered);
        let free = |candidate: &String| {
            let mut names = suffixes.iter().map(|suffix| format!("{candidate}{suffix}"));
            names.all(|name| !self.0.contains(&name.to_lowercase()))
        };
        let found = candidates.find(free).unwrap_or(stem);
        for suffix in suffixes {
            self.take(&format!("{found}{suffix}"));
        }
        found
    }
}

/// A name without what some file system or shell would stumble over.
pub(super) fn safe(name: &str) -> String {
    let wrong = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c) || c == '\u{feff}';
    let mut safe: String = name
        .chars()
        .map(|c| if wrong(c) { '_' } else { c })
        .collect();
    while safe.len() > MAX_BYTES {
        safe.pop();
    }
    // Hidden files are none of ours, and Windows takes dots and blanks from the end.
    if safe.starts_with(['.', '-', ' ']) {
        safe.replace_range(..1, "_");
    }
    if safe.ends_with(['.', ' ']) {
        safe.pop();
        safe.push('_');
    }
    let device = safe.split('.').next().unwrap_or_default().to_lowercase();
    let is_port = |name: &str| {
        let number = device.strip_prefix(name).unwrap_or_default();
        number.len() == 1 && number.chars().all(|c| c.is_ascii_digit())
    };
    if matches!(device.as_str(), "" | "con" | "prn" | "aux" | "nul")
        || is_port("com")
        || is_port("lpt")
    {
        safe.insert(0, '_');
    }
    safe
}

/// What a script's file ends with, by its type.
pub(super) fn suffix(run_type: &str) -> String {
    match run_type {
        "shell" => ".sh".to_owned(),
        "python" => ".py".to_owned(),
        "hive" => ".hive".to_owned(),
        "spark" | "spark2" | "sql" => ".sql".to_owned(),
        "java" => ".java".to_owned(),
        other => {
            let name: String = other.chars().filter(char::is_ascii_alphanumeric).collect();
            // A .yml would be taken for a job.
            match name.to_lowercase().as_str() {
                "" | "yml" | "yaml" => ".txt".to_owned(),
                name => format!(".{name}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_kept_where_they_can_be() {
        assert_eq!(safe("订单 日报"), "订单 日报");
        assert_eq!(safe("a/b\\c:d"), "a_b_c_d");
        assert_eq!(safe(".git"), "_git");
        assert_eq!(safe("con"), "_con");
        assert_eq!(safe("Com1.x"), "_Com1.x");
        assert_eq!(safe("common"), "common");
        assert_eq!(safe("end. "), "end._");
        assert_eq!(safe(".."), "__");
        assert_eq!(safe(&"名".repeat(200)).chars().count(), 60);
    }

    #[test]
    fn names_that_differ_by_capitals_only_get_numbers() {
        let mut taken = Taken::default();
        taken.take("group.yml");
        assert_eq!(taken.stem("Orders", &[".yml", ".sh"]), "Orders");
        assert_eq!(taken.stem("orders", &[".yml"]), "orders-2");
        assert_eq!(taken.stem("ORDERS", &[".yml", ".py"]), "ORDERS-3");
        assert_eq!(taken.stem("group", &[".yml"]), "group-2");
    }

    #[test]
    fn a_script_never_looks_like_a_job() {
        assert_eq!(suffix("python"), ".py");
        assert_eq!(suffix("YAML"), ".txt");
        assert_eq!(suffix("../x"), ".x");
    }

    proptest! {
        #[test]
        fn any_name_makes_one_visible_file_in_the_folder(name in "(?s).{1,200}") {
            let safe = safe(&name);
            let path = std::path::Path::new(&safe);
            prop_assert!(path.components().count() == 1 && path.file_name().is_some(), "{safe:?}");
            prop_assert!(!safe.starts_with('.') && safe.len() <= 200, "{safe:?}");
        }
    }
}
