//! What surrounds every page: language, theme, environment, leader, person, sections.

use crate::web::assets::AssetUrls;
use crate::web::i18n::{Lang, Texts};

/// The frame of one page, as the templates see it.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub t: &'static Texts,
    pub theme: Theme,
    /// The context path: `/hera`.
    pub base: String,
    pub urls: AssetUrls,
    /// Goes into every form that changes something.
    pub csrf: String,
    /// Opens the content security policy for the editor's styles.
    pub nonce: String,
    /// This page's path and query, to come back to after a switch of language.
    pub here: String,
    pub env: Option<String>,
    pub user: Option<String>,
    /// The person still has the password that they were given.
    pub must_change: bool,
    pub section: Section,
    pub leader_ok: bool,
    pub leader_name: String,
    /// The time of day in the installation's zone, and that zone's short name.
    pub clock: String,
    pub zone: String,
    /// The zone's full name, for the running clock.
    pub zone_id: String,
}

impl Frame {
    /// The page's language.
    pub(super) fn lang(&self) -> Lang {
        self.t.lang
    }

    /// The class that colours the environment's badge.
    pub(super) fn env_class(&self) -> &'static str {
        match self.env.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("prod" | "product" | "production" | "online" | "publish") => "env-prod",
            Some("pre" | "staging" | "gray" | "grey") => "env-pre",
            Some("test" | "qa" | "dev" | "daily") => "env-test",
            _ => "env-other",
        }
    }

    /// Whether a section of the rail is the one of this page.
    pub(super) fn is(&self, section: Section) -> bool {
        self.section == section
    }
}

/// The sections of the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Home,
    Schedule,
    Runs,
    Machines,
    Calendars,
    HostGroups,
    Profile,
    None,
}

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// The word of the cookie and of `data-theme`.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme that a cookie or the switch names.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        match code {
            "auto" => Some(Self::Auto),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }
}
