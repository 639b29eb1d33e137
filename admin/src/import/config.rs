//! HERA's JSON texts: config maps and lists of resources.

use std::collections::BTreeMap;

use hera_domain::config::{check_key, check_value};
use hera_domain::job::Resource;
use serde_json::Value;

/// Keys of HERA's own, alone or behind an area: what they do there, and what does it here.
const INERT: [(&str, &str, &str); 6] = [
    (
        "hera.spark.conf",
        "gave spark-sql its options",
        "put the options into hera.job.spark.bin of the settings, or into the script",
    ),
    (
        "hera.emr.fixed",
        "chose a cluster of EMR",
        "choose the host group instead",
    ),
    (
        "hera.emr.fixed.host",
        "chose a cluster of EMR",
        "choose the host group instead",
    ),
    (
        "hera.fs.encode",
        "named the charset of the log",
        "let the script write UTF-8",
    ),
    (
        "hera.encode",
        "named the charset of the log",
        "let the script write UTF-8",
    ),
    (
        "hera.script.echo",
        "printed the script at the head of the log",
        "look at the run's page, which shows the script",
    ),
];

/// The config of a job or group, and what of it cannot be carried over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) values: BTreeMap<String, String>,
    /// Keys whose values HERA sealed with its own key.
    pub(super) secrets: Vec<String>,
    /// What is lost, in words.
    pub(super) lost: Vec<String>,
    /// What is a little different, in words.
    pub(super) changed: Vec<String>,
}

impl Config {
    /// Reads a config map. Every value becomes one line of text, as HERA's own form has it.
    pub(super) fn read(json: Option<&str>) -> Self {
        let mut config = Self::default();
        let text = json.unwrap_or_default().trim();
        if text.is_empty() || text == "null" {
            return config;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(map)) => {
                for (key, value) in map {
                    config.take(key.trim(), &value);
                }
            }
            Ok(_) => config
                .lost
                .push("the config is JSON, but no map of keys".to_owned()),
            // It may hold a password, so it is not told.
            Err(error) => config.lost.push(format!("the config is no JSON: {error}")),
        }
        config
    }

    fn take(&mut self, key: &str, value: &Value) {
        if key.contains("secret.") {
            self.secrets.push(key.to_owned());
            return;
        }
        if let Err(why) = check_key(key) {
            self.lost.push(why);
            return;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                self.changed
                    .push(format!("the value of {key} is JSON and now its text"));
                value.to_string()
            }
        };
        if let Err(why) = check_value(&text) {
            self.lost.push(format!("{key}: {why}"));
            return;
        }
        if self.values.insert(key.to_owned(), text).is_some() {
            self.changed
                .push(format!("{key} is set twice, and the last one counts"));
        }
    }

    /// Keys to which HERA itself listens and nothing here does, and what to do instead.
    pub(super) fn inert(&self) -> Vec<(String, &'static str)> {
        let mut found = Vec::new();
        for (suffix, meaning, todo) in INERT {
            let is = |key: &&String| {
                let area = key.strip_suffix(suffix);
                area.is_some_and(|area| area.is_empty() || area.ends_with('.'))
            };
            for key in self.values.keys().filter(is) {
                let what = format!("{key} {meaning} in HERA; here it is a plain variable");
                found.push((what, todo));
            }
        }
        found
    }

    /// Takes a key out, to become a field.
    pub(super) fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }
}

/// Reads a list of resources; what cannot be carried over comes back in words.
pub(super) fn resources(json: Option<&str>) -> (Vec<Resource>, Vec<String>) {
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    let text = json.unwrap_or_default().trim();
    if text.is_empty() || text == "null" {
        return (found, lost);
    }
    let entries = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) => {
            lost.push("the resources are JSON, but no list".to_owned());
            return (found, lost);
        }
        Err(error) => {
            lost.push(format!("the resources are no JSON: {error}"));
            return (found, lost);
        }
    };
    for (place, entry) in entries.iter().enumerate() {
        let part = |key: &str| {
            let text = entry.get(key).and_then(Value::as_str).unwrap_or_default();
            text.trim().to_owned()
        };
        let uri = match part("uri") {
            // The default file system, which is HDFS.
            path if path.starts_with('/') => format!("hdfs://{path}"),
            uri => uri,
        };
        let last = uri.rsplit('/').next().unwrap_or_default().to_owned();
        let name = Some(part("name")).filter(|name| !name.is_empty());
        let resource = Resource {
            name: name.unwrap_or(last),
            uri,
        };
        if !resource.uri.contains("://") || resource.name.is_empty() {
            let place = place + 1;
            lost.push(format!(
                "resource {place} of the list names no file to fetch"
            ));
        } else if found
            .iter()
            .any(|known: &Resource| known.name == resource.name)
        {
            lost.push(format!("the resource {} is named twice", resource.name));
        } else {
            found.push(resource);
        }
    }
    (found, lost)
}

/// The beginning of a text, on one line.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS: usize = 60;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(CHARS).map(plain).collect();
    if text.chars().count() > CHARS {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_type_become_text_and_secrets_are_named() {
        let json = r#"{"a":"1"," b ":2,"c":null,"d":[1],"secret.k":"AbC=","x y":"1","m":"1\n2"}"#;
        let config = Config::read(Some(json));
        let values: Vec<_> = config
            .values
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(values, ["a=1", "b=2", "c=", "d=[1]"]);
        assert_eq!(config.secrets, ["secret.k"]);
        assert_eq!(config.changed, ["the value of d is JSON and now its text"]);
        assert_eq!(config.lost.len(), 2, "{:?}", config.lost);
    }

    #[test]
    fn keys_that_only_hera_listens_to_are_named() {
        let json =
            r#"{"hera.spark.conf":"--x","US.hera.emr.fixed":"1","myhera.encode":"x","a":"1"}"#;
        let inert = Config::read(Some(json)).inert();
        let said: Vec<&str> = inert.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(
            said,
            [
                "hera.spark.conf gave spark-sql its options in HERA; here it is a plain variable",
                "US.hera.emr.fixed chose a cluster of EMR in HERA; here it is a plain variable"
            ]
        );
    }

    #[test]
    fn what_is_no_map_is_lost_without_telling_what_it_holds() {
        assert_eq!(Config::read(None), Config::default());
        assert_eq!(Config::read(Some(" ")), Config::default());
        assert_eq!(Config::read(Some("{}")), Config::default());
        let lost = &Config::read(Some("{'db.password':'hunter2'}")).lost[0];
        assert_eq!(
            lost,
            "the config is no JSON: key must be a string at line 1 column 2"
        );
        assert!(Config::read(Some("[1]")).lost[0].contains("no map"));
    }

    #[test]
    fn resources_need_a_file_and_a_name_of_their_own() {
        let json = r#"[{"name":"a.jar","uri":"hdfs:///x/a.jar"},{"uri":"/y/b.py"},{"name":"a.jar","uri":"hdfs:///z"},{"name":"c"}]"#;
        let (found, lost) = resources(Some(json));
        let found: Vec<_> = found
            .iter()
            .map(|r| format!("{} {}", r.name, r.uri))
            .collect();
        assert_eq!(found, ["a.jar hdfs:///x/a.jar", "b.py hdfs:///y/b.py"]);
        assert_eq!(
            lost,
            [
                "the resource a.jar is named twice",
                "resource 4 of the list names no file to fetch"
            ]
        );
        assert_eq!(resources(Some("[]")), (Vec::new(), Vec::new()));
        assert!(resources(Some("nonsense")).1[0].contains("no JSON"));
    }
}
