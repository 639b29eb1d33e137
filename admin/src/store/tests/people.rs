//! Users, sessions and tokens: good while they should be, gone when they should be.

use hera_domain::id::{TeamId, UserId};

use super::build::at;
use super::on_each_db;
use crate::access::Role;
use crate::store::testing::TestDb;
use crate::store::{NewUser, Session, StoreError};

async fn lin(db: &TestDb) -> UserId {
    let new = NewUser {
        name: "lin".to_owned(),
        team: TeamId(1),
        role: Role::Member,
        email: Some("lin@例子.cn".to_owned()),
        password_hash: Some("$argon2id$…".to_owned()),
        must_change_password: false,
        active: true,
    };
    db.store.add_user(new, at(0)).await.unwrap()
}

fn session(user: UserId) -> Session {
    Session {
        id_hash: "abc".to_owned(),
        user,
        csrf: "xyz".to_owned(),
        created_at: at(0),
        expires_at: at(100),
    }
}

on_each_db! {
    async fn a_session_is_good_until_it_expires_or_is_ended(db: &TestDb) {
        let user = lin(db).await;
        db.store.add_session(session(user)).await.unwrap();
        let (found, owner) = db.store.session("abc".to_owned(), at(99)).await.unwrap().unwrap();
        assert_eq!((found, owner.name.as_str()), (session(user), "lin"));
        assert_eq!(db.store.session("abc".to_owned(), at(100)).await.unwrap(), None);
        assert_eq!(db.store.session("abd".to_owned(), at(1)).await.unwrap(), None);
        assert_eq!(db.store.delete_expired_sessions(at(99)).await.unwrap(), 0);
        db.store.delete_session("abc".to_owned()).await.unwrap();
        assert_eq!(db.store.session("abc".to_owned(), at(1)).await.unwrap(), None);
    }

    async fn a_new_password_and_a_leave_end_the_sessions(db: &TestDb) {
        let user = lin(db).await;
        db.store.add_session(session(user)).await.unwrap();
        assert!(db.store.set_password(user, "new".to_owned(), false).await.unwrap());
        assert_eq!(db.store.session("abc".to_owned(), at(1)).await.unwrap(), None);
        db.store.add_session(session(user)).await.unwrap();
        let mut row = db.store.user(user).await.unwrap().unwrap();
        row.active = false;
        assert!(db.store.update_user(row.clone()).await.unwrap());
        row.active = true;
        assert!(db.store.update_user(row).await.unwrap());
        assert_eq!(db.store.session("abc".to_owned(), at(1)).await.unwrap(), None);
    }

    async fn a_token_is_good_until_it_expires_or_is_revoked(db: &TestDb) {
        let user = lin(db).await;
        let add = |hash: &str, expires| {
            db.store.add_token(user, "ci".to_owned(), hash.to_owned(), expires, at(0))
        };
        let forever = add("h1", None).await.unwrap();
        let short = add("h2", Some(at(10))).await.unwrap();
        assert_ne!(forever, short);
        let find = |hash: &str, second| db.store.token(hash.to_owned(), at(second));
        assert_eq!(find("h1", 1_000_000).await.unwrap().unwrap().0.id, forever);
        assert!(find("h2", 9).await.unwrap().is_some());
        assert!(find("h2", 10).await.unwrap().is_none());
        db.store.touch_token(forever, at(7)).await.unwrap();
        let all = db.store.tokens(Some(user)).await.unwrap();
        assert_eq!(all.iter().map(|t| t.last_used_at).collect::<Vec<_>>(), [Some(at(7)), None]);
        assert!(db.store.delete_token(forever).await.unwrap());
        assert!(!db.store.delete_token(forever).await.unwrap());
        assert!(find("h1", 1).await.unwrap().is_none());
    }

    async fn a_name_that_is_taken_is_named_and_case_makes_another_name(db: &TestDb) {
        lin(db).await;
        let new = |name: &str| NewUser {
            name: name.to_owned(),
            team: TeamId(1),
            role: Role::Viewer,
            email: None,
            password_hash: None,
            must_change_password: true,
            active: false,
        };
        let error = db.store.add_user(new("lin"), at(0)).await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)));
        assert_eq!(error.to_string(), "the user name lin is taken already");
        db.store.add_user(new("Lin"), at(0)).await.unwrap();
        let names: Vec<_> = db.store.users().await.unwrap().into_iter().map(|u| u.name).collect();
        assert_eq!(names, ["Lin", "hera", "lin"]);
        assert!(db.store.add_team("hera".to_owned(), at(0)).await.is_err());
        let team = db.store.add_team("数仓".to_owned(), at(0)).await.unwrap();
        assert_eq!(db.store.teams().await.unwrap()[1].id, team);
    }

    async fn a_first_password_is_set_once(db: &TestDb) {
        let set = |hash: &str| db.store.set_first_password(UserId(1), hash.to_owned(), true);
        assert!(set("one").await.unwrap());
        assert!(!set("two").await.unwrap());
        let hera = db.store.user(UserId(1)).await.unwrap().unwrap();
        assert_eq!(hera.password_hash.as_deref(), Some("one"));
        assert_eq!(hera.role, Role::Admin);
    }
}
