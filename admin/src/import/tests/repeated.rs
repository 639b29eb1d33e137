//! Importing again.

use hera_domain::status::Switch::{self, Closed, Invalid, Open};

use super::*;
use crate::import::Counts;

/// What every table of the target holds that an import may write, as text.
async fn state(store: &Store) -> String {
    let snapshot = store.peek_snapshot(7).await.unwrap();
    let ids = snapshot.snapshot.jobs.keys().copied().collect();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        snapshot.groups,
        snapshot.snapshot.jobs,
        store.job_contents(ids).await.unwrap(),
        snapshot.snapshot.host_groups,
        store.users().await.unwrap(),
        store.areas().await.unwrap(),
        store.import_marks("old".to_owned()).await.unwrap(),
    )
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_changes_nothing() {
    let Some(hera) = hera() else { return };
    insert_job(
        &hera,
        60,
        &[("auto", "1"), ("cron_expression", "'0 0/0 * * * ?'")],
    );
    insert_job(&hera, 61, &[("auto", "1")]);
    for target in targets().await {
        let before = state(&target.store).await;
        let lease = target.store.lease().await.unwrap().commit_seq;
        let dry = Options {
            dry_run: true,
            ..options()
        };
        let dry = import(&hera, &target.store, dry).await;
        assert_eq!(state(&target.store).await, before);
        assert_eq!(target.store.lease().await.unwrap().commit_seq, lease);
        let real = import(&hera, &target.store, options()).await;
        assert_eq!(dry.findings, real.findings);
        assert_eq!((dry.counts, dry.renumbered), (real.counts, real.renumbered));
        assert_ne!(state(&target.store).await, before);
    }
}

#[tokio::test]
async fn a_second_import_doubles_nothing() {
    let Some(hera) = hera() else { return };
    insert_job(&hera, 60, &[("auto", "1")]);
    insert_job(
        &hera,
        61,
        &[("schedule_type", "1"), ("dependencies", "'60'")],
    );
    for target in targets().await {
        import(&hera, &target.store, options()).await;
        let before = state(&target.store).await;
        let again = import(&hera, &target.store, options()).await;
        for (kind, counts) in &again.counts {
            let same = Counts {
                read: counts.read,
                unchanged: counts.read,
                ..Counts::default()
            };
            assert_eq!(*counts, same, "{}", kind.as_str());
        }
        assert_eq!(state(&target.store).await, before);
    }
}

#[tokio::test]
async fn a_change_in_hera_follows_and_a_change_here_stays_and_is_named() {
    for target in targets().await {
        let Some(hera) = hera() else { return };
        for id in [60, 61, 62] {
            insert_job(&hera, id, &[]);
        }
        import(&hera, &target.store, options()).await;
        // Here: 61 and 62. In HERA: 60 and 62, and 60 is opened.
        for id in [61, 62] {
            target.execute(&format!(
                "UPDATE hera_job SET revision = 2 WHERE id = {id}; \
                 INSERT INTO hera_job_revision SELECT job_id, 2, content, 'echo here', 'lin', '', created_at, commit_seq \
                 FROM hera_job_revision WHERE job_id = {id} AND revision = 1"
            ));
        }
        hera.execute(
            "UPDATE hera_job SET script = 'echo there' WHERE id IN (60, 62); \
             UPDATE hera_job SET auto = 1 WHERE id = 60; \
             UPDATE hera_group SET name = 'tests' WHERE id = 2",
        );
        let report = import(&hera, &target.store, options()).await;
        let counts = report.counts[&Kind::Job];
        assert_eq!((counts.updated, counts.left, counts.unchanged), (1, 2, 1));
        assert_eq!(report.counts[&Kind::Group].updated, 1);
        let changed = job(&target.store, 60).await;
        assert_eq!(changed.content.script, "echo there");
        assert_eq!(
            (changed.def.revision.0, changed.def.switch),
            (2, Switch::Open)
        );
        for id in [61, 62] {
            assert_eq!(job(&target.store, id).await.content.script, "echo here");
        }
        assert!(about(&report, Kind::Job, 61)[0].starts_with("Left : was changed here since"));
        assert!(
            about(&report, Kind::Job, 62)[0].starts_with("Left : was changed in HERA and here")
        );
    }
}

#[tokio::test]
async fn a_trial_beside_hera_opens_nothing_and_the_last_import_opens_the_rest() {
    let Some(hera) = hera() else { return };
    insert_job(&hera, 60, &[("auto", "1")]);
    insert_job(
        &hera,
        61,
        &[
            ("auto", "1"),
            ("schedule_type", "1"),
            ("dependencies", "'60'"),
        ],
    );
    insert_job(&hera, 62, &[("auto", "2")]);
    for target in targets().await {
        let trial = Options {
            closed: true,
            ..options()
        };
        import(&hera, &target.store, trial.clone()).await;
        let switches = async || {
            let snapshot = target.store.peek_snapshot(7).await.unwrap().snapshot;
            let switches = snapshot.jobs.values().map(|job| (job.id.0, job.switch));
            switches.filter(|(id, _)| *id >= 60).collect::<Vec<_>>()
        };
        assert_eq!(
            switches().await,
            [(60, Closed), (61, Closed), (62, Invalid)]
        );
        import(&hera, &target.store, trial).await;
        assert_eq!(
            switches().await,
            [(60, Closed), (61, Closed), (62, Invalid)]
        );
        import(&hera, &target.store, options()).await;
        assert_eq!(switches().await, [(60, Open), (61, Open), (62, Invalid)]);
    }
}

/// Two of each: the first is changed in HERA, the second in HERA and here.
fn two_of_each(hera: &TestDb) {
    hera.execute(
        "INSERT INTO hera_user (id, name, is_effective) VALUES (10, 'team-a', 1), (11, 'team-b', 1); \
         INSERT INTO hera_sso (id, name, gid, email, is_valid) VALUES (10, 'ann', 10, 'ann@old', 1), (11, 'bob', 10, 'bob@old', 1); \
         INSERT INTO hera_area (id, name, timezone) VALUES (10, 'IN', 'old'), (11, 'US', 'old'); \
         INSERT INTO hera_host_group (id, name, effective) VALUES (10, 'gpu', 1), (11, 'etl', 1); \
         INSERT INTO hera_host_relation (host, host_group_id) VALUES ('old', 10), ('old', 11); \
         INSERT INTO hera_file (id, name, parent, type, owner, content) VALUES (10, 'a.sh', 2, 2, 'all', 'old'), (11, 'b.sh', 2, 2, 'all', 'old'); \
         INSERT INTO hera_job_monitor VALUES (1, '10,'), (60, '10,')",
    );
}

#[tokio::test]
async fn people_places_and_files_follow_hera_unless_they_were_changed_here() {
    for target in targets().await {
        let Some(hera) = hera() else { return };
        insert_job(&hera, 60, &[]);
        two_of_each(&hera);
        import(&hera, &target.store, options()).await;
        hera.execute(
            "UPDATE hera_sso SET email = REPLACE(email, 'old', 'new') WHERE id >= 10; \
             UPDATE hera_area SET timezone = 'new' WHERE id >= 10; \
             UPDATE hera_host_relation SET host = 'new'; \
             UPDATE hera_file SET content = 'new' WHERE id >= 10; \
             UPDATE hera_job_monitor SET user_ids = '11,'",
        );
        target.execute(
            "UPDATE hera_user SET email = 'here' WHERE name = 'bob'; \
             UPDATE hera_area SET timezone = 'here' WHERE name = 'US'; \
             UPDATE hera_host_relation SET host = 'here' WHERE host_group_id = 11; \
             UPDATE hera_file SET content = 'here', revision = revision + 1 WHERE name = 'b.sh'; \
             UPDATE hera_job SET revision = 2 WHERE id = 60; \
             INSERT INTO hera_job_revision SELECT job_id, 2, content, 'echo here', 'lin', '', created_at, commit_seq \
             FROM hera_job_revision WHERE job_id = 60 AND revision = 1",
        );
        let report = import(&hera, &target.store, options()).await;
        for kind in [
            Kind::User,
            Kind::Area,
            Kind::HostGroup,
            Kind::File,
            Kind::Job,
        ] {
            let counts = report.counts[&kind];
            assert_eq!((counts.updated, counts.left), (1, 1), "{kind:?}");
        }
        let store = &target.store;
        let users = store.users().await.unwrap();
        let user = |name: &str| users.iter().find(|user| user.name == name).unwrap();
        assert_eq!(user("ann").email.as_deref(), Some("ann@new"));
        assert_eq!(user("bob").email.as_deref(), Some("here"));
        let areas = store.areas().await.unwrap();
        let zone = |name: &str| areas.iter().find(|area| area.name == name).unwrap();
        assert_eq!(zone("IN").timezone.as_deref(), Some("new"));
        assert_eq!(zone("US").timezone.as_deref(), Some("here"));
        let groups = store.host_groups().await.unwrap();
        let members = |name: &str| &groups.iter().find(|g| g.name == name).unwrap().members;
        assert_eq!(*members("gpu"), ["new".to_owned()].into());
        assert_eq!(*members("etl"), ["here".to_owned()].into());
        let files = store.files().await.unwrap();
        for (name, text) in [("a.sh", "new"), ("b.sh", "here")] {
            let file = files.iter().find(|file| file.name == name).unwrap();
            let content = store.file_content(file.id).await.unwrap();
            assert_eq!(content.as_deref(), Some(text));
        }
        let bob = user("bob").id;
        assert_eq!(job(store, 1).await.content.followers, [bob]);
        assert_ne!(job(store, 60).await.content.followers, [bob]);
        // What a person changed here stays so, and is named each time; nothing else happens.
        let before = state(store).await;
        let again = import(&hera, store, options()).await;
        assert_eq!(again.of(Severity::Left), 5, "{:?}", again.findings);
        assert_eq!(state(store).await, before);
    }
}
