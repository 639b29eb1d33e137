//! Reasons as the database keeps them: JSON, so that a page can phrase them in any language.

use hera_domain::reason::Reason;

use super::to_json;

pub(super) fn from_reason(reason: &Reason) -> String {
    to_json(reason)
}

/// A reason only explains: one that another release has written is shown as it stands there.
pub(super) fn to_reason(text: &str) -> Reason {
    serde_json::from_str(text).unwrap_or_else(|_unknown| Reason::said(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_reason_in_the_database_are_a_contract() {
        let text = r#"{"kind":"worker_silent","worker":"one"}"#;
        let reason = Reason::WorkerSilent {
            worker: "one".to_owned(),
        };
        assert_eq!(to_reason(text), reason);
        assert_eq!(from_reason(&reason), text);
    }

    #[test]
    fn a_reason_of_another_release_is_shown_and_stops_nothing() {
        for text in [r#"{"kind":"moon","phase":3}"#, "killed by hand", ""] {
            assert_eq!(to_reason(text), Reason::said(text));
        }
    }
}
