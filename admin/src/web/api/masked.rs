//! Secrets of a config are never shown; what is shown may be sent back all the same.

use std::collections::BTreeMap;

use hera_domain::config::shown;

type Config = BTreeMap<String, String>;

/// A config with its secrets masked.
pub(super) fn masked(config: &Config) -> BTreeMap<&str, &str> {
    config
        .iter()
        .map(|(key, value)| (key.as_str(), shown(key, value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use hera_domain::config::{MASK, unmask};

    use super::*;

    #[test]
    fn a_secret_survives_being_read_and_sent_back() {
        let config = |secret: &str| {
            Config::from([
                ("secret.key".to_owned(), secret.to_owned()),
                ("plain".to_owned(), "a".to_owned()),
            ])
        };
        let stored = config("s3cret");
        assert_eq!(masked(&stored)["secret.key"], MASK);
        assert_eq!(masked(&stored)["plain"], "a");
        let mut same = config(MASK);
        unmask(&mut same, &stored);
        assert_eq!(same, stored);
        let mut new = config("another");
        unmask(&mut new, &stored);
        assert_eq!(new["secret.key"], "another");
    }
}
