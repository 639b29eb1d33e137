//! What every setting is and why: the answer of `config check`.

use crate::database::without_password;
use crate::error::{Problem, SettingsError};
use crate::keys;
use crate::layers::{Sources, canonical};
use crate::origin::Origin;
use crate::reader::Report;
use crate::settings::Settings;

/// What stands for a secret.
const MASK: &str = "••••••";

/// One setting, its value, and where that comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Explained {
    pub key: String,
    pub(crate) value: String,
    /// Whether the value must not be shown.
    pub secret: bool,
    pub origin: Origin,
    /// Other places that set it too, in vain.
    pub hides: Vec<Origin>,
}

impl Explained {
    /// The value as anybody may see it; empty if there is none.
    pub fn shown(&self) -> String {
        if self.value.is_empty() {
            String::new()
        } else if self.secret {
            MASK.to_owned()
        } else {
            without_password(&self.value)
        }
    }
}

impl std::fmt::Debug for Explained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.shown(), self.origin)
    }
}

/// All settings, sorted by key, and all that is to be said of them.
#[derive(Debug)]
pub struct Explanation {
    pub values: Vec<Explained>,
    pub report: Report,
    pub problems: Vec<Problem>,
}

impl Explanation {
    /// A setting by any of its names, however the words are joined.
    pub fn value(&self, name: &str) -> Option<&Explained> {
        let name = keys::find(name).map_or(name, |key| key.name);
        let mut values = self.values.iter();
        values.find(|value| canonical(&value.key) == canonical(name))
    }
}

impl Settings {
    /// Reads like [`Settings::load`], and tells every value although some may be wrong.
    pub fn explain(sources: &Sources) -> Explanation {
        match Self::read(sources) {
            Err(SettingsError(problems)) => Explanation {
                values: Vec::new(),
                report: Report::default(),
                problems,
            },
            Ok((settings, reading)) => {
                let mut problems = reading.problems;
                if let Err(SettingsError(more)) = settings.check_for_admin() {
                    problems.extend(more);
                }
                Explanation {
                    values: reading.explained,
                    report: reading.report,
                    problems,
                }
            }
        }
    }
}
