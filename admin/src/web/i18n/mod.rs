//! The two languages of the pages.
//!
//! Every text is a field of a struct with two values, so a missing translation does not compile
//! and a template cannot name a text that does not exist. Sentences with values in them are
//! methods of [`Lang`] in `phrases.rs`.

mod cron_words;
mod messages;
mod phrases;
mod preview;
mod reasons;
mod screens;
mod words;

pub use preview::Preview;
pub use screens::{Api, Calendars, ErrorTexts, Home, HostGroups, Login, Machines, Profile, Runs};
pub use words::{Form, Frame, Job, Run, RunDialog, Schedule, Status};

/// Declares structs of texts, each with its English and its Chinese value.
macro_rules! texts {
    ($( $(#[$meta:meta])* $name:ident { $( $field:ident: $en:literal, $zh:literal; )+ } )+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name {
            $( pub $field: &'static str, )+
        }

        impl $name {
            pub(super) const EN: Self = Self { $( $field: $en, )+ };
            pub(super) const ZH: Self = Self { $( $field: $zh, )+ };

            #[cfg(test)]
            pub(super) const PAIRS: &'static [(&'static str, &'static str, &'static str)] =
                &[$( (stringify!($field), $en, $zh), )+];
        }
    )+};
}
use texts;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    /// The word of the cookie and of the `lang` attribute.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// The language that a cookie or the switch names.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "zh" | "zh-CN" => Some(Self::Zh),
            _ => None,
        }
    }

    /// What the browser asks for: the first of our languages with the greatest weight.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (0.0_f32, Self::default());
        for part in header.split(',') {
            let mut pieces = part.trim().split(';');
            let tag = pieces.next().unwrap_or_default().to_ascii_lowercase();
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0);
            let lang = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// The other language: what the switch leads to.
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// What the switch to the other language says, in that language.
    pub const fn switch_label(self) -> &'static str {
        match self {
            Self::En => "中文",
            Self::Zh => "English",
        }
    }

    /// Picks one of two texts that are written at the place of their use.
    pub const fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// Every text in this language.
    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &Texts::EN,
            Self::Zh => &Texts::ZH,
        }
    }
}

macro_rules! all_texts {
    ($( $field:ident: $name:ident, )+) => {
        /// Every text of the pages in one language.
        #[derive(Debug)]
        pub struct Texts {
            pub lang: Lang,
            $( pub $field: $name, )+
        }

        impl Texts {
            const EN: Self = Self { lang: Lang::En, $( $field: $name::EN, )+ };
            const ZH: Self = Self { lang: Lang::Zh, $( $field: $name::ZH, )+ };

            #[cfg(test)]
            fn pairs() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
                [$( $name::PAIRS, )+].into_iter().flatten().copied()
            }
        }
    };
}

all_texts! {
    frame: Frame,
    form: Form,
    status: Status,
    login: Login,
    home: Home,
    schedule: Schedule,
    job: Job,
    preview: Preview,
    run_dialog: RunDialog,
    runs: Runs,
    run: Run,
    machines: Machines,
    profile: Profile,
    api: Api,
    calendars: Calendars,
    host_groups: HostGroups,
    error: ErrorTexts,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_chinese(c: char) -> bool {
        ('\u{4e00}'..='\u{9fff}').contains(&c)
    }

    #[test]
    fn every_text_is_there_in_both_languages() {
        for (field, en, zh) in Texts::pairs() {
            assert!(!en.trim().is_empty(), "{field} has no English text");
            assert!(
                !en.chars().any(is_chinese),
                "{field}: Chinese in the English text {en}"
            );
            assert!(
                zh.chars().any(is_chinese),
                "{field} is not translated: {zh}"
            );
        }
    }

    #[test]
    fn texts_keep_the_house_s_tone_and_name_the_same_placeholders() {
        for (field, en, zh) in Texts::pairs() {
            assert!(!en.contains('!') && !zh.contains('！'), "{field} shouts");
            assert_eq!(
                en.contains("{}"),
                zh.contains("{}"),
                "{field}: a value is lost"
            );
        }
    }

    #[test]
    fn the_browser_s_first_known_language_wins_by_weight() {
        let lang = Lang::from_accept_language;
        assert_eq!(lang("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(lang("fr-FR,en;q=0.7,zh;q=0.8"), Lang::Zh);
        assert_eq!(lang("en-GB,en;q=0.9,zh;q=0.1"), Lang::En);
        assert_eq!(lang("fr, de;q=0.5"), Lang::En);
        assert_eq!(lang(""), Lang::En);
        assert_eq!(lang("zh;q=nonsense"), Lang::Zh);
    }
}
