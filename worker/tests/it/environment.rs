//! What is sourced before a script.

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::worker_message::Kind;

use crate::admin::{Admin, start};
use crate::worker::{Home, INSTALLATION};

fn of_team(run: i64, team: &str, run_type: &str, script: &str) -> Said {
    Said::Start(v1::Start {
        team: team.to_owned(),
        run_type: run_type.to_owned(),
        ..start(run, script)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installations_file_is_sourced_first_and_the_teams_wins() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let (all, etl) = (home.file("all.sh"), home.file("etl.sh"));
    // What a file does to its arguments, or returns, is no matter of the script.
    std::fs::write(&all, "export A=all B=all\nset -- x y\nfalse").unwrap();
    std::fs::write(&etl, "export B=etl-after-$A\nshift 5\n").unwrap();
    let sets = [
        format!("hera.envFile={all}"),
        format!("hera.envFiles.etl={etl}"),
    ];
    let _worker = home.worker_with(&admin, &sets.each_ref().map(String::as_str));
    let mut session = admin.session(INSTALLATION).await;
    session
        .say(of_team(1, "etl", "shell", "echo $A $B $#; exit 3"))
        .await;
    let (ended, log) = session.whole(1).await;
    assert_eq!(
        (ended.exit_code, log),
        (Some(3), b"all etl-after-all 0\n".to_vec())
    );
    session.say(of_team(2, "bi", "shell", "echo $A $B")).await;
    assert_eq!(session.whole(2).await.1, b"all all\n");
    let python = "import os\nprint(os.environ['B'])";
    session.say(of_team(3, "etl", "python", python)).await;
    assert_eq!(session.whole(3).await.1, b"etl-after-all\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_env_file_that_is_missing_is_named() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let missing = home.file("missing.sh");
    let _worker = home.worker_with(&admin, &[&format!("hera.envFile={missing}")]);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "true").await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    assert!(refused.reason.contains(&missing), "{}", refused.reason);
    assert!(
        refused.reason.contains("hera.envFile"),
        "{}",
        refused.reason
    );
}
