//! Wrong addresses, wrong databases, missing rights, and leaders in the way.

use super::*;
use crate::store::{Holder, PoolSettings};

async fn refusal(url: &str, store: &Store) -> String {
    let dry = Options {
        dry_run: true,
        ..options()
    };
    format!("{:#}", run(store, url, dry).await.unwrap_err())
}

#[tokio::test]
async fn what_is_no_hera_is_refused_with_the_reason() {
    let target = TestDb::sqlite().await;
    let store = &target.store;
    let error = refusal("sqlite:///tmp/x.db", store).await;
    assert!(error.contains("HERA keeps its data in MySQL"), "{error}");
    let error = refusal("hera", store).await;
    assert!(error.contains("name its database as mysql://"), "{error}");
    let error = refusal("mysql://u:pw@127.0.0.1:1/hera", store).await;
    assert!(
        error.contains("check that the server runs there"),
        "{error}"
    );
    assert!(!error.contains("pw"), "{error}");
    let Some(empty) = TestDb::mysql_empty() else {
        return;
    };
    let error = refusal(&empty.url, store).await;
    assert!(
        error.contains("holds no HERA: the table hera_group is missing"),
        "{error}"
    );
    let (server, _) = empty.url.rsplit_once('/').unwrap();
    let error = refusal(&format!("{server}/no_such"), store).await;
    assert!(
        error.contains("holds no HERA: the database is missing"),
        "{error}"
    );
    empty.execute("CREATE TABLE hera_group (id INT, name TEXT, parent INT)");
    let error = refusal(&empty.url, store).await;
    assert!(
        error.contains("the column hera_group.directory is missing"),
        "{error}"
    );
    let ours = TestDb::mysql().await.unwrap();
    let error = refusal(&ours.url, store).await;
    assert!(error.contains("is a database of this program"), "{error}");
    let wrong = empty.url.replace("hera:hera@", "hera:wrong@");
    let error = refusal(&wrong, store).await;
    assert!(error.contains("check the user and the password"), "{error}");
}

#[tokio::test]
async fn rights_that_are_missing_are_named() {
    let Some(hera) = hera() else { return };
    let target = TestDb::sqlite().await;
    let name = hera.url.rsplit('/').next().unwrap();
    let user = format!("u{:x}", rand::random::<u64>());
    let url = hera.url.replace("hera:hera@", &format!("{user}:pw@"));
    hera.execute(&format!(
        "CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'pw'; \
         GRANT SELECT ON {name}.hera_group TO '{user}'@'127.0.0.1'"
    ));
    let unseen = refusal(&url, &target.store).await;
    hera.execute(&format!(
        "GRANT INSERT ON {name}.hera_job TO '{user}'@'127.0.0.1'"
    ));
    let unread = refusal(&url, &target.store).await;
    hera.execute(&format!("DROP USER '{user}'@'127.0.0.1'"));
    assert!(
        unseen.contains("the table hera_job is missing, or the user may not see it"),
        "{unseen}"
    );
    assert!(unread.contains("needs SELECT on it"), "{unread}");
}

#[tokio::test]
async fn while_an_admin_leads_only_a_dry_run_goes_on() {
    let Some(hera) = hera() else { return };
    let sqlite = TestDb::sqlite().await;
    // The lock of the file is this process's already: another one finds it held.
    let other = Store::open(&sqlite.url, &PoolSettings::default()).unwrap();
    let error = run(&other, &hera.url, options()).await.unwrap_err();
    assert!(
        error.to_string().contains("in use by another hera-admin"),
        "{error}"
    );
    let dry = Options {
        dry_run: true,
        ..options()
    };
    import(&hera, &other, dry).await;

    let mysql = TestDb::mysql().await.unwrap();
    let mut leader = mysql.store.leader_connection().unwrap();
    let holder = Holder {
        name: "admin-7".to_owned(),
        http: String::new(),
        connect: String::new(),
    };
    leader.acquire(&holder, 60_000).unwrap().unwrap();
    let error = run(&mysql.store, &hera.url, options()).await.unwrap_err();
    assert!(
        error.to_string().contains("the admin admin-7 leads"),
        "{error}"
    );
}

#[tokio::test]
async fn the_same_hera_by_another_address_is_not_doubled() {
    let Some(hera) = hera() else { return };
    let target = TestDb::sqlite().await;
    import(&hera, &target.store, options()).await;
    let unnamed = Options {
        source: None,
        ..options()
    };
    let error = run(&target.store, &hera.url, unnamed).await.unwrap_err();
    assert!(error.to_string().contains("say --source old"), "{error}");
}
