//! Who may do what: one function answers for every route and every command.

use hera_domain::id::{TeamId, UserId};
use serde::{Deserialize, Serialize};

/// Somebody who has proven who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub user: UserId,
    pub name: String,
    pub team: TeamId,
    pub role: Role,
}

/// What a user is in the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Everything, users and tokens of others included.
    Admin,
    /// Everything about groups, jobs and runs.
    Member,
    /// Reads only.
    Viewer,
}

impl Role {
    /// The role's word, as the database and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// The role of a word that [`Role::as_str`] wrote.
    pub fn of_word(word: &str) -> Option<Self> {
        let mut all = [Self::Admin, Self::Member, Self::Viewer].into_iter();
        all.find(|role| role.as_str() == word)
    }

    /// Whether whoever is this has `right`.
    pub const fn has(self, right: Right) -> bool {
        match (self, right) {
            (Self::Admin, _) | (_, Right::Read | Right::Public) => true,
            (Self::Member, Right::Edit | Right::Operate) => true,
            (Self::Member, Right::Administer) => false,
            (Self::Viewer, Right::Edit | Right::Operate | Right::Administer) => false,
        }
    }
}

/// What a route or a command asks for. Every route names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// Nothing: the login itself, health, static files.
    Public,
    /// To see groups, jobs, runs, logs, workers.
    Read,
    /// To change groups, jobs and their switch.
    Edit,
    /// To start and cancel runs.
    Operate,
    /// To change the installation: users, host groups, workers.
    Administer,
}

impl Right {
    /// The right as a verb, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "enter",
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }
}

/// The answer to "may they?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Nobody is known: log in.
    Unknown,
    /// Known, and not allowed.
    Forbidden,
}

/// Whether `actor` (nobody, if `None`) has `right`.
pub fn decide(actor: Option<&Actor>, right: Right) -> Decision {
    if right == Right::Public {
        return Decision::Allowed;
    }
    let Some(actor) = actor else {
        return Decision::Unknown;
    };
    if actor.role.has(right) {
        Decision::Allowed
    } else {
        Decision::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role) -> Actor {
        Actor {
            user: UserId(1),
            name: "lin".into(),
            team: TeamId(1),
            role,
        }
    }

    #[test]
    fn nobody_is_asked_to_log_in_and_a_viewer_is_refused() {
        assert_eq!(decide(None, Right::Read), Decision::Unknown);
        assert_eq!(decide(None, Right::Public), Decision::Allowed);
        assert_eq!(
            decide(Some(&actor(Role::Viewer)), Right::Operate),
            Decision::Forbidden
        );
        assert_eq!(
            decide(Some(&actor(Role::Member)), Right::Operate),
            Decision::Allowed
        );
        assert_eq!(
            decide(Some(&actor(Role::Member)), Right::Administer),
            Decision::Forbidden
        );
        assert_eq!(
            decide(Some(&actor(Role::Admin)), Right::Administer),
            Decision::Allowed
        );
    }
}
