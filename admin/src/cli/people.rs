//! `hera-admin user` and `hera-admin token`.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use hera_domain::clock::{Clock as _, SystemClock, Timestamp};
use hera_settings::Settings;

use super::database::open_ready;
use super::table::{self, say};
use crate::access::Role;
use crate::join::JoinToken;
use crate::secret;
use crate::store::{NewUser, Store, User};
use crate::web::password;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; prints the password that was made for it
    Add {
        name: String,
        #[arg(long, default_value = "hera")]
        team: String,
        #[arg(long, value_enum, default_value = "member")]
        role: RoleArg,
        #[arg(long)]
        email: Option<String>,
        /// Take the password from stdin instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a user a new password and end the user's sessions; prints the password that was made
    Passwd {
        name: String,
        /// Take the password from stdin instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users
    List,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleArg {
    Admin,
    Member,
    Viewer,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Admin => Self::Admin,
            RoleArg::Member => Self::Member,
            RoleArg::Viewer => Self::Viewer,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it; it is never shown again
    Create {
        #[arg(long)]
        user: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// 30d, 12h or 90m; without it the token does not expire
        #[arg(long, value_parser = lifetime)]
        expires: Option<TimeDelta>,
    },
    /// Print the token by which workers join
    Join {
        /// Make a new one, which counts at once; workers that have joined stay
        #[arg(long)]
        rotate: bool,
    },
}

pub(super) async fn run_user(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    let store = open_ready(settings).await?;
    match command {
        UserCommand::Add {
            name,
            team,
            role,
            email,
            password_stdin,
        } => {
            let teams = store.teams().await?;
            let team = teams.iter().find(|t| t.name == team).with_context(|| {
                let names: Vec<_> = teams.iter().map(|t| t.name.as_str()).collect();
                format!("there is no team {team}; there are {}", names.join(", "))
            })?;
            if name.trim().is_empty() || name.chars().count() > 64 {
                bail!("a user's name has 1 to 64 characters");
            }
            let (word, made) = new_password(password_stdin)?;
            let user = NewUser {
                name,
                team: team.id,
                role: role.into(),
                email,
                password_hash: Some(password::hash(&word)?),
                must_change_password: made,
                active: true,
            };
            store.add_user(user, SystemClock.now()).await?;
            tell_made(&word, made)
        }
        UserCommand::Passwd {
            name,
            password_stdin,
        } => {
            let user = find(&store, &name).await?;
            let (word, made) = new_password(password_stdin)?;
            store
                .set_password(user.id, password::hash(&word)?, made)
                .await?;
            tell_made(&word, made)
        }
        UserCommand::List => {
            let teams = store.teams().await?;
            let rows: Vec<Vec<String>> = store
                .users()
                .await?
                .into_iter()
                .map(|user| {
                    let team = teams.iter().find(|t| t.id == user.team);
                    vec![
                        user.id.to_string(),
                        user.name,
                        user.role.as_str().to_owned(),
                        team.map(|t| t.name.clone()).unwrap_or_default(),
                        user.email.unwrap_or_default(),
                        if user.active { "active" } else { "inactive" }.to_owned(),
                    ]
                })
                .collect();
            table::print(&["ID", "NAME", "ROLE", "TEAM", "EMAIL", "STATE"], &rows)
        }
    }
}

pub(super) async fn run_token(command: TokenCommand, settings: &Settings) -> anyhow::Result<()> {
    let store = open_ready(settings).await?;
    match command {
        TokenCommand::Create {
            user,
            name,
            expires,
        } => {
            let owner = find(&store, &user).await?;
            let now = SystemClock.now();
            let end = expires.map(|lasts| now + lasts);
            let (_, token) = make_token(&store, &owner, &name, end, now).await?;
            say(&token)
        }
        TokenCommand::Join { rotate: false } => {
            say(&JoinToken::of(&store, settings).show().await?)
        }
        TokenCommand::Join { rotate: true } => {
            say(&JoinToken::of(&store, settings).rotate().await?)
        }
    }
}

/// Makes a token; answers its id and the token itself.
pub(super) async fn make_token(
    store: &Store,
    owner: &User,
    name: &str,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> anyhow::Result<(i64, String)> {
    let token = secret::generate();
    let digest = secret::digest(&token);
    let id = store
        .add_token(owner.id, name.to_owned(), digest, expires_at, now)
        .await?;
    Ok((id, token))
}

async fn find(store: &Store, name: &str) -> anyhow::Result<User> {
    let user = store.user_by_name(name.to_owned()).await?;
    user.with_context(|| format!("there is no user {name}; `hera-admin user list` shows all"))
}

/// The new password, and whether it was made here.
fn new_password(from_stdin: bool) -> anyhow::Result<(String, bool)> {
    if !from_stdin {
        // 80 bits: nobody guesses it, and it can still be typed once.
        let word = secret::generate().chars().take(20).collect();
        return Ok((word, true));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(1024)
        .read_to_string(&mut text)
        .context("stdin does not hold a password in UTF-8")?;
    let word = text.trim_end_matches(['\r', '\n']).to_owned();
    if let Err(wrong) = password::check_new(&word) {
        bail!("the password {wrong}");
    }
    Ok((word, false))
}

fn tell_made(word: &str, made: bool) -> anyhow::Result<()> {
    if made { say(word) } else { Ok(()) }
}

fn lifetime(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("\"{text}\" is no duration; write 30d, 12h or 90m");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).unwrap_or_default();
    let number: u32 = number.parse().map_err(|_not_a_number| wrong())?;
    let number = i64::from(number);
    let lasts = match unit {
        'd' => TimeDelta::try_days(number),
        'h' => TimeDelta::try_hours(number),
        'm' => TimeDelta::try_minutes(number),
        _ => None,
    };
    lasts
        .filter(|lasts| *lasts > TimeDelta::zero() && *lasts <= TimeDelta::days(36_500))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_and_an_end() {
        assert_eq!(lifetime("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(lifetime("12h"), Ok(TimeDelta::hours(12)));
        for wrong in ["", "30", "0d", "d", "-1d", "1y", "4000000000d"] {
            assert!(lifetime(wrong).unwrap_err().contains("30d"), "{wrong}");
        }
    }
}
