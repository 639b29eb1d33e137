//! Teams, users, and what proves who somebody is: sessions and tokens.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::{TeamId, UserId};

use super::dialect::{self, AnyConn};
use super::instant::At;
use super::schema::{hera_session, hera_team, hera_token, hera_user};
use super::{Store, StoreError, corrupt, error};
use crate::access::{Actor, Role};

/// A team: owner of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    pub name: String,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub team: TeamId,
    pub role: Role,
    pub email: Option<String>,
    /// argon2id; `None`: nobody can log in as this user yet.
    pub password_hash: Option<String>,
    pub must_change_password: bool,
    /// False while a registration waits for approval, and when somebody has left.
    pub active: bool,
    pub created_at: Timestamp,
}

impl User {
    /// The user as somebody who acts.
    pub fn actor(&self) -> Actor {
        Actor {
            user: self.id,
            name: self.name.clone(),
            team: self.team,
            role: self.role,
        }
    }
}

/// A user to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub name: String,
    pub team: TeamId,
    pub role: Role,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub must_change_password: bool,
    pub active: bool,
}

/// A browser's session. The database knows only the hash of its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id_hash: String,
    pub user: UserId,
    pub csrf: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A program's token. The database knows only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub user: UserId,
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hera_user)]
struct UserRow {
    id: i64,
    name: String,
    team_id: i64,
    role: String,
    email: Option<String>,
    password_hash: Option<String>,
    must_change_password: bool,
    active: bool,
    created_at: At,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.id),
            team: TeamId(row.team_id),
            role: role(&row.role)?,
            name: row.name,
            email: row.email,
            password_hash: row.password_hash,
            must_change_password: row.must_change_password,
            active: row.active,
            created_at: row.created_at.0,
        })
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Viewer => "viewer",
    }
}

fn role(word: &str) -> Result<Role, StoreError> {
    [Role::Admin, Role::Member, Role::Viewer]
        .into_iter()
        .find(|role| role_word(*role) == word)
        .ok_or_else(|| corrupt("hera_user.role", word, &"no such role"))
}

/// Says which name is taken when an insert says that some key is.
fn taken(what: String) -> impl Fn(diesel::result::Error) -> StoreError {
    move |cause| {
        if error::is_duplicate(&cause) {
            StoreError::Taken(what.clone())
        } else {
            cause.into()
        }
    }
}

impl Store {
    /// Every team, by name.
    pub async fn teams(&self) -> Result<Vec<Team>, StoreError> {
        self.read(|conn| {
            let rows: Vec<(i64, String)> = hera_team::table
                .order(hera_team::name)
                .select((hera_team::id, hera_team::name))
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(|(id, name)| Team {
                    id: TeamId(id),
                    name,
                })
                .collect())
        })
        .await
    }

    /// Makes a team.
    pub async fn add_team(&self, name: String, at: Timestamp) -> Result<TeamId, StoreError> {
        self.write(move |conn| {
            diesel::insert_into(hera_team::table)
                .values((hera_team::name.eq(&name), hera_team::created_at.eq(At(at))))
                .execute(conn)
                .map_err(taken(format!("the team name {name}")))?;
            Ok(TeamId(dialect::last_id(conn)?))
        })
        .await
    }

    /// Every user, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|conn| {
            hera_user::table
                .order(hera_user::name)
                .select(UserRow::as_select())
                .load(conn)?
                .into_iter()
                .map(User::try_from)
                .collect()
        })
        .await
    }

    /// The user of this name.
    pub async fn user_by_name(&self, name: String) -> Result<Option<User>, StoreError> {
        self.read(move |conn| {
            hera_user::table
                .filter(hera_user::name.eq(name))
                .select(UserRow::as_select())
                .first(conn)
                .optional()?
                .map(User::try_from)
                .transpose()
        })
        .await
    }

    /// The user with this id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |conn| user(conn, id)).await
    }

    /// Makes a user.
    pub async fn add_user(&self, new: NewUser, at: Timestamp) -> Result<UserId, StoreError> {
        self.write(move |conn| insert(conn, &new, at)).await
    }

    /// Changes everything of a user but the password; false if there is no such user.
    pub async fn update_user(&self, user: User) -> Result<bool, StoreError> {
        let id = user.id;
        let new = NewUser {
            name: user.name,
            team: user.team,
            role: user.role,
            email: user.email,
            password_hash: None,
            must_change_password: user.must_change_password,
            active: user.active,
        };
        self.write(move |conn| update(conn, id, &new)).await
    }

    /// Sets a password and ends the user's sessions; false if there is no such user.
    pub async fn set_password(
        &self,
        user: UserId,
        hash: String,
        must_change: bool,
    ) -> Result<bool, StoreError> {
        self.write(move |conn| {
            let rows = diesel::update(hera_user::table.filter(hera_user::id.eq(user.0)))
                .set((
                    hera_user::password_hash.eq(&hash),
                    hera_user::must_change_password.eq(must_change),
                ))
                .execute(conn)?;
            delete_sessions(conn, user)?;
            Ok(rows == 1)
        })
        .await
    }

    /// Sets the first password of a user that has none; false if there is one already.
    pub async fn set_first_password(
        &self,
        user: UserId,
        hash: String,
        must_change: bool,
    ) -> Result<bool, StoreError> {
        self.write(move |conn| {
            let rows = diesel::update(hera_user::table)
                .filter(hera_user::id.eq(user.0))
                .filter(hera_user::password_hash.is_null())
                .set((
                    hera_user::password_hash.eq(&hash),
                    hera_user::must_change_password.eq(must_change),
                ))
                .execute(conn)?;
            Ok(rows == 1)
        })
        .await
    }

    /// Opens a session.
    pub async fn add_session(&self, session: Session) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::insert_into(hera_session::table)
                .values((
                    hera_session::id_hash.eq(&session.id_hash),
                    hera_session::user_id.eq(session.user.0),
                    hera_session::csrf.eq(&session.csrf),
                    hera_session::created_at.eq(At(session.created_at)),
                    hera_session::expires_at.eq(At(session.expires_at)),
                ))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// The session with this id, and its user, if both are still good at `now`.
    pub async fn session(
        &self,
        id_hash: String,
        now: Timestamp,
    ) -> Result<Option<(Session, User)>, StoreError> {
        type Row = (String, i64, String, At, At);
        self.read(move |conn| {
            let row: Option<(Row, UserRow)> = hera_session::table
                .inner_join(hera_user::table.on(hera_user::id.eq(hera_session::user_id)))
                .filter(hera_session::id_hash.eq(id_hash))
                .filter(hera_session::expires_at.gt(At(now)))
                .filter(hera_user::active.eq(true))
                .select((hera_session::all_columns, UserRow::as_select()))
                .first(conn)
                .optional()?;
            row.map(|((id_hash, user, csrf, created_at, expires_at), owner)| {
                let session = Session {
                    id_hash,
                    user: UserId(user),
                    csrf,
                    created_at: created_at.0,
                    expires_at: expires_at.0,
                };
                Ok((session, owner.try_into()?))
            })
            .transpose()
        })
        .await
    }

    /// Lets a session last until `end`.
    pub async fn extend_session(&self, id_hash: String, end: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::update(hera_session::table.filter(hera_session::id_hash.eq(&id_hash)))
                .set(hera_session::expires_at.eq(At(end)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Ends a session.
    pub async fn delete_session(&self, id_hash: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::delete(hera_session::table.filter(hera_session::id_hash.eq(&id_hash)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Forgets the sessions that ended before `now`.
    pub async fn delete_expired_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.write(move |conn| {
            let expired = hera_session::table.filter(hera_session::expires_at.le(At(now)));
            Ok(diesel::delete(expired).execute(conn)?)
        })
        .await
    }

    /// Makes a token; the secret itself is never stored.
    pub async fn add_token(
        &self,
        user: UserId,
        name: String,
        token_hash: String,
        expires_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        self.write(move |conn| {
            diesel::insert_into(hera_token::table)
                .values((
                    hera_token::user_id.eq(user.0),
                    hera_token::name.eq(&name),
                    hera_token::token_hash.eq(&token_hash),
                    hera_token::created_at.eq(At(at)),
                    hera_token::expires_at.eq(expires_at.map(At)),
                ))
                .execute(conn)?;
            Ok(dialect::last_id(conn)?)
        })
        .await
    }

    /// The token with this hash, and its user, if both are good at `now`.
    pub async fn token(
        &self,
        token_hash: String,
        now: Timestamp,
    ) -> Result<Option<(Token, User)>, StoreError> {
        self.read(move |conn| {
            let row: Option<(TokenRow, UserRow)> = hera_token::table
                .inner_join(hera_user::table.on(hera_user::id.eq(hera_token::user_id)))
                .filter(hera_token::token_hash.eq(token_hash))
                .filter(
                    hera_token::expires_at
                        .is_null()
                        .or(hera_token::expires_at.gt(At(now))),
                )
                .filter(hera_user::active.eq(true))
                .select((TokenRow::as_select(), UserRow::as_select()))
                .first(conn)
                .optional()?;
            row.map(|(token, user)| Ok((token.into(), user.try_into()?)))
                .transpose()
        })
        .await
    }

    /// The tokens of a user, or of everybody.
    pub async fn tokens(&self, user: Option<UserId>) -> Result<Vec<Token>, StoreError> {
        self.read(move |conn| {
            let mut query = hera_token::table
                .order(hera_token::id)
                .select(TokenRow::as_select())
                .into_boxed();
            if let Some(user) = user {
                query = query.filter(hera_token::user_id.eq(user.0));
            }
            let rows: Vec<TokenRow> = query.load(conn)?;
            Ok(rows.into_iter().map(Token::from).collect())
        })
        .await
    }

    /// Notes that a token was used.
    pub async fn touch_token(&self, id: i64, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::update(hera_token::table.filter(hera_token::id.eq(id)))
                .set(hera_token::last_used_at.eq(At(at)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Revokes a token; false if there is none of this id.
    pub async fn delete_token(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |conn| {
            let rows =
                diesel::delete(hera_token::table.filter(hera_token::id.eq(id))).execute(conn)?;
            Ok(rows == 1)
        })
        .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hera_token)]
struct TokenRow {
    id: i64,
    user_id: i64,
    name: String,
    created_at: At,
    expires_at: Option<At>,
    last_used_at: Option<At>,
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            user: UserId(row.user_id),
            name: row.name,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|at| at.0),
            last_used_at: row.last_used_at.map(|at| at.0),
        }
    }
}

fn user(conn: &mut AnyConn, id: UserId) -> Result<Option<User>, StoreError> {
    hera_user::table
        .filter(hera_user::id.eq(id.0))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?
        .map(User::try_from)
        .transpose()
}

/// Makes a user.
pub(super) fn insert(
    conn: &mut AnyConn,
    new: &NewUser,
    at: Timestamp,
) -> Result<UserId, StoreError> {
    diesel::insert_into(hera_user::table)
        .values((
            hera_user::name.eq(&new.name),
            hera_user::team_id.eq(new.team.0),
            hera_user::role.eq(role_word(new.role)),
            hera_user::email.eq(&new.email),
            hera_user::password_hash.eq(&new.password_hash),
            hera_user::must_change_password.eq(new.must_change_password),
            hera_user::active.eq(new.active),
            hera_user::created_at.eq(At(at)),
        ))
        .execute(conn)
        .map_err(taken(format!("the user name {}", new.name)))?;
    Ok(UserId(dialect::last_id(conn)?))
}

/// Changes everything of a user but the password; false if there is no such user.
pub(super) fn update(conn: &mut AnyConn, id: UserId, new: &NewUser) -> Result<bool, StoreError> {
    let rows = diesel::update(hera_user::table.filter(hera_user::id.eq(id.0)))
        .set((
            hera_user::name.eq(&new.name),
            hera_user::team_id.eq(new.team.0),
            hera_user::role.eq(role_word(new.role)),
            hera_user::email.eq(&new.email),
            hera_user::active.eq(new.active),
        ))
        .execute(conn)
        .map_err(taken(format!("the user name {}", new.name)))?;
    if !new.active {
        delete_sessions(conn, id)?;
    }
    Ok(rows == 1)
}

fn delete_sessions(conn: &mut AnyConn, user: UserId) -> Result<(), StoreError> {
    diesel::delete(hera_session::table.filter(hera_session::user_id.eq(user.0))).execute(conn)?;
    Ok(())
}
