//! HERA's two kinds of account: group accounts become teams (each with a user of its name, since
//! people log in by them), persons become users. No password can be carried over.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::clock::{Clock as _, SystemClock};
use hera_domain::id::{TeamId, UserId};
use serde::Serialize;

use super::Importer;
use super::marks::{Standing, fingerprint, standing};
use super::report::{Fate, Kind, Severity};
use crate::access::Role;
use crate::store::legacy::{LegacyPerson, LegacyTeam};
use crate::store::{NewUser, Team, User};

/// How the users of group accounts are remembered; persons are [`Kind::User`].
const ACCOUNT: &str = "account";
const NAME_CHARS: usize = 64;

/// Who HERA's accounts are here.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) teams: BTreeMap<String, TeamId>,
    /// Persons by HERA's id.
    pub(super) persons: BTreeMap<i64, UserId>,
    /// Everybody here by name.
    users: BTreeMap<String, User>,
    /// Ids of what a dry run would make.
    next: i64,
}

/// What a user is fingerprinted by.
#[derive(Serialize)]
struct Known<'a> {
    name: &'a str,
    team: TeamId,
    role: &'static str,
    email: Option<&'a str>,
    active: bool,
}

impl Importer {
    /// `owners` are the names by which jobs and groups name their owners.
    pub(super) async fn import_people(
        &mut self,
        owners: BTreeSet<String>,
    ) -> anyhow::Result<People> {
        let mut people = People {
            next: i64::MAX / 2,
            ..People::default()
        };
        let here = self.store.teams().await?;
        for user in self.store.users().await? {
            people.users.insert(user.name.clone(), user);
        }
        let accounts: Vec<LegacyTeam> = self.hera.all().await?;
        let persons: Vec<LegacyPerson> = self.hera.all().await?;
        let mut by_old = BTreeMap::new();
        for account in &accounts {
            if let Some(team) = self.import_team(account, &here, &mut people).await? {
                by_old.insert(account.id, team);
                self.import_account(account, team, &mut people).await?;
            }
        }
        for owner in owners {
            self.import_owner(owner, &here, &mut people).await?;
        }
        for person in &persons {
            self.import_person(person, &by_old, &mut people).await?;
            // Keeps the lease, however many there are.
            self.commit().await?;
        }
        self.note_people(&accounts, &persons);
        Ok(people)
    }

    async fn import_team(
        &mut self,
        account: &LegacyTeam,
        here: &[Team],
        people: &mut People,
    ) -> anyhow::Result<Option<TeamId>> {
        let name = account
            .name
            .as_deref()
            .unwrap_or_default()
            .trim()
            .to_owned();
        if !self.is_name(Kind::Team, account.id, &name) {
            return Ok(None);
        }
        if let Some(team) = people.teams.get(&name) {
            let what = "another group account has this name; they are one team";
            self.notes(Kind::Team, account.id, &name)
                .add(Severity::Altered, "name", what, "");
            self.report.count(Kind::Team, Fate::Unchanged);
            return Ok(Some(*team));
        }
        let print = fingerprint(&name);
        let mark = self.marks.get(Kind::Team.as_str(), account.id);
        let known = mark.and_then(|mark| here.iter().find(|team| team.id.0 == mark.new_id));
        let standing = mark.zip(known).map(|(mark, team)| {
            standing(&print, mark, fingerprint(&team.name) != mark.fingerprint)
        });
        let fate = match (standing, known) {
            (Some(Standing::Same), Some(team)) => (Fate::Unchanged, team.id),
            (Some(Standing::Touched { in_hera_too }), Some(team)) => {
                let id = team.id;
                self.note_left(Kind::Team, account.id, &name, in_hera_too);
                (Fate::Left, id)
            }
            (Some(Standing::Newer), Some(team)) => {
                let id = Some(team.id);
                let id = self
                    .write_team(id, account.id, &name, print, people)
                    .await?;
                (Fate::Updated, id)
            }
            (None, _) | (_, None) => {
                let same = here
                    .iter()
                    .find(|team| team.name == name)
                    .map(|team| team.id);
                let fate = if same.is_some() {
                    Fate::Unchanged
                } else {
                    Fate::Imported
                };
                let id = self
                    .write_team(same, account.id, &name, print, people)
                    .await?;
                (fate, id)
            }
        };
        self.report.count(Kind::Team, fate.0);
        people.teams.insert(name, fate.1);
        Ok(Some(fate.1))
    }

    async fn write_team(
        &mut self,
        id: Option<TeamId>,
        old: i64,
        name: &str,
        print: String,
        people: &mut People,
    ) -> anyhow::Result<TeamId> {
        let mark = self.marks.make(Kind::Team.as_str(), old, 0, print, None);
        if self.options.dry_run {
            return Ok(id.unwrap_or_else(|| TeamId(people.new_id())));
        }
        let name = name.to_owned();
        let mark = self
            .store
            .import_team(id, name, SystemClock.now(), mark)
            .await?;
        let id = TeamId(mark.new_id);
        self.marks.insert(mark);
        Ok(id)
    }

    /// An owner that is no group account any more still runs its jobs as that user.
    async fn import_owner(
        &mut self,
        owner: String,
        here: &[Team],
        people: &mut People,
    ) -> anyhow::Result<()> {
        if people.teams.contains_key(&owner) {
            return Ok(());
        }
        let known = here
            .iter()
            .find(|team| team.name == owner)
            .map(|team| team.id);
        let id = match known {
            Some(id) => id,
            None if owner.chars().count() > NAME_CHARS || owner.chars().any(char::is_control) => {
                return Ok(());
            }
            None => {
                let what = format!(
                    "\"{owner}\" owns jobs or groups and has no group account; it is a team without people"
                );
                self.notes(Kind::Team, 0, &owner)
                    .add(Severity::Note, "name", what, "");
                if self.options.dry_run {
                    TeamId(people.new_id())
                } else {
                    self.store
                        .add_team(owner.clone(), SystemClock.now())
                        .await?
                }
            }
        };
        people.teams.insert(owner, id);
        Ok(())
    }

    async fn import_account(
        &mut self,
        account: &LegacyTeam,
        team: TeamId,
        people: &mut People,
    ) -> anyhow::Result<()> {
        let name = account
            .name
            .as_deref()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let new = NewUser {
            role: self.role(&name),
            name,
            team,
            email: email(account.email.as_deref()),
            password_hash: None,
            must_change_password: true,
            active: account.is_effective.unwrap_or(1) != 0,
        };
        self.import_user(ACCOUNT, account.id, new, people).await?;
        Ok(())
    }

    async fn import_person(
        &mut self,
        person: &LegacyPerson,
        teams: &BTreeMap<i64, TeamId>,
        people: &mut People,
    ) -> anyhow::Result<()> {
        let name = person.name.as_deref().unwrap_or_default().trim().to_owned();
        if !self.is_name(Kind::User, person.id, &name) {
            return Ok(());
        }
        let Some(team) = person.gid.and_then(|gid| teams.get(&gid)).copied() else {
            let what = format!(
                "belongs to group account {}, which is missing",
                person.gid.unwrap_or(0)
            );
            let todo = format!("add the person: hera-admin user add {name} --team TEAM");
            self.notes(Kind::User, person.id, &name)
                .add(Severity::Refused, "gid", what, todo);
            self.report.count(Kind::User, Fate::Refused);
            return Ok(());
        };
        let mark = self.marks.get(Kind::User.as_str(), person.id);
        let namesake = people.users.get(&name).filter(|_| mark.is_none());
        if let Some(user) = namesake {
            let (id, same_team) = (user.id, user.team == team);
            let mut notes = self.notes(Kind::User, person.id, &name);
            let fate = if same_team {
                let what = "a user of this name is in the same team here already; they are one";
                notes.add(Severity::Note, "name", what, "");
                people.persons.insert(person.id, id);
                Fate::Unchanged
            } else {
                let what = "a user of this name is in another team here";
                let todo = "add the person by another name: hera-admin user add NAME --team TEAM";
                notes.add(Severity::Refused, "name", what, todo);
                Fate::Refused
            };
            self.report.count(Kind::User, fate);
            return Ok(());
        }
        let in_team = |(name, id): (&String, &TeamId)| (*id == team).then(|| name.clone());
        let team_name = people.teams.iter().find_map(in_team).unwrap_or_default();
        let new = NewUser {
            role: self.role(&team_name),
            name,
            team,
            email: email(person.email.as_deref()),
            password_hash: None,
            must_change_password: true,
            active: person.is_valid.unwrap_or(1) != 0,
        };
        let (fate, id) = self
            .import_user(Kind::User.as_str(), person.id, new, people)
            .await?;
        people.persons.insert(person.id, id);
        self.report.count(Kind::User, fate);
        Ok(())
    }

    /// Everybody of the administrators' group account may do everything, as in HERA.
    fn role(&self, team: &str) -> Role {
        if team == self.options.admin {
            Role::Admin
        } else {
            Role::Member
        }
    }

    async fn import_user(
        &mut self,
        word: &str,
        old: i64,
        new: NewUser,
        people: &mut People,
    ) -> anyhow::Result<(Fate, UserId)> {
        let print = known_as(&new);
        let mark = self.marks.get(word, old);
        let by_mark = mark.and_then(|mark| people.users.values().find(|u| u.id.0 == mark.new_id));
        let standing = mark.zip(by_mark).map(|(mark, user)| {
            standing(&print, mark, known_as(&as_new(user)) != mark.fingerprint)
        });
        let (fate, id) = match (standing, by_mark) {
            (Some(Standing::Same), Some(user)) => return Ok((Fate::Unchanged, user.id)),
            (Some(Standing::Touched { in_hera_too }), Some(user)) => {
                let id = user.id;
                self.note_left(Kind::User, old, &new.name, in_hera_too);
                return Ok((Fate::Left, id));
            }
            (Some(Standing::Newer), Some(user)) => (Fate::Updated, Some(user.id)),
            (None, _) | (_, None) => match people.users.get(&new.name) {
                // Whoever is here by this name is not touched.
                Some(user) => return Ok((Fate::Unchanged, user.id)),
                None => (Fate::Imported, None),
            },
        };
        let mark = self.marks.make(word, old, 0, print, None);
        let id = if self.options.dry_run {
            id.unwrap_or_else(|| UserId(people.new_id()))
        } else {
            let at = SystemClock.now();
            let mark = self.store.import_user(id, new.clone(), at, mark).await?;
            let id = UserId(mark.new_id);
            self.marks.insert(mark);
            id
        };
        people.users.retain(|_, user| user.id != id);
        people.users.insert(new.name.clone(), as_user(id, new));
        Ok((fate, id))
    }

    fn is_name(&mut self, kind: Kind, id: i64, name: &str) -> bool {
        let is_good = !name.is_empty()
            && name.chars().count() <= NAME_CHARS
            && !name.contains(char::is_control);
        if !is_good {
            let what = format!("a name has 1 to {NAME_CHARS} characters");
            let todo = "give it a name in HERA, then import again";
            self.notes(kind, id, name)
                .add(Severity::Refused, "name", what, todo);
            self.report.count(kind, Fate::Refused);
        }
        is_good
    }

    fn note_people(&mut self, accounts: &[LegacyTeam], persons: &[LegacyPerson]) {
        let is_set =
            |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        let contacts = accounts
            .iter()
            .filter(|a| is_set(&a.phone) || is_set(&a.uid));
        let contacts = contacts.count()
            + persons
                .iter()
                .filter(|p| is_set(&p.phone) || is_set(&p.job_number))
                .count();
        if !accounts.is_empty() || !persons.is_empty() {
            let what = "HERA's passwords are unsalted md5 and are not carried over; nobody who was imported can log in yet";
            let todo = "give each one a password: hera-admin user passwd NAME";
            self.notes(Kind::User, 0, "")
                .add(Severity::Note, "password", what, todo);
        }
        if contacts > 0 {
            let what = format!(
                "{contacts} accounts have a phone number, WeChat id or job number, which have no place here"
            );
            self.notes(Kind::User, 0, "")
                .add(Severity::Note, "phone", what, "");
        }
    }
}

impl People {
    fn new_id(&mut self) -> i64 {
        self.next += 1;
        self.next
    }
}

fn email(text: Option<&str>) -> Option<String> {
    let text = text.unwrap_or_default().trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn known_as(user: &NewUser) -> String {
    fingerprint(&Known {
        name: &user.name,
        team: user.team,
        role: user.role.as_str(),
        email: user.email.as_deref(),
        active: user.active,
    })
}

fn as_new(user: &User) -> NewUser {
    NewUser {
        name: user.name.clone(),
        team: user.team,
        role: user.role,
        email: user.email.clone(),
        password_hash: None,
        must_change_password: user.must_change_password,
        active: user.active,
    }
}

fn as_user(id: UserId, new: NewUser) -> User {
    User {
        id,
        name: new.name,
        team: new.team,
        role: new.role,
        email: new.email,
        password_hash: None,
        must_change_password: new.must_change_password,
        active: new.active,
        created_at: SystemClock.now(),
    }
}
