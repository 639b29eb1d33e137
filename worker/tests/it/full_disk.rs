//! A disk that is really full. Needs the right to mount; without it the tests say so and pass.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::worker_message::Kind;
use tokio_stream::StreamExt;

use crate::admin::{Admin, Connection, PATIENCE, start};
use crate::worker::{Home, INSTALLATION, Worker, clear_groups, heard, tell};

/// A disk of two megabytes in memory, as the worker's folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(home: &Home) -> Option<Self> {
        let folder = home.data();
        std::fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "hera-test"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: this user cannot mount a small disk");
        None
    }

    /// The worker is full when less than a megabyte is left.
    const FULL: &str = "hera.worker.minDiskFree=1";

    fn fill(&self) {
        let filled = std::fs::write(self.ballast(), vec![0; 4 << 20]);
        assert!(filled.is_err(), "the disk is larger than it should be");
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        Path::new(&self.0).join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        clear_groups(&self.0);
        // Lazily: a killed worker may still hold its log file.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Logs go elsewhere: they are not what is tried here.
fn worker(home: &Home, admin: &Admin) -> Worker {
    worker_with(home, admin, &[])
}

fn worker_with(home: &Home, admin: &Admin, sets: &[&str]) -> Worker {
    let mut command = home.command(&admin.address.to_string());
    let logs = home.file("logs");
    command.arg("--set").arg(format!("logging.path={logs}"));
    for set in [SmallDisk::FULL].iter().chain(sets) {
        command.args(["--set", set]);
    }
    Worker::spawn(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_the_reason_of_a_refusal_and_all_is_well_when_it_is_freed() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let _worker = worker(&home, &admin);
    let mut session = admin.session(INSTALLATION).await;
    disk.fill();
    session.start(1, "echo never").await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    let reason = refused.reason;
    assert!(reason.contains("No space left on device"), "{reason}");
    assert!(reason.contains("HERA_DATA_DIR"), "{reason}");
    disk.free();
    session.start(2, "echo again").await;
    assert_eq!(session.whole(2).await.1, b"again\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_run_is_known_although_the_disk_has_filled_meanwhile() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let _worker = worker(&home, &admin);
    let (ready, gate) = (home.fifo("ready"), home.fifo("gate"));
    let mut session = admin.session(INSTALLATION).await;
    let script = format!("echo before; echo > {ready}; read -r line < {gate}; exit 7");
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    heard(ready).await;
    let log = home.run_dir(1).join("output.log");
    tokio::time::timeout(PATIENCE, async {
        while std::fs::metadata(&log).unwrap().len() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("what is printed is written");
    disk.fill();
    tell(gate).await;
    let (ended, log) = session.finished(1).await;
    assert_eq!((ended.exit_code, log), (Some(7), b"before\n".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_no_run_whose_worker_is_in_contact() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let _worker = worker_with(&home, &admin, &["hera.selfFenceMs=5000"]);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    let fenced = v1::Start {
        self_fence: true,
        ..start(1, &format!("read -r line < {gate}"))
    };
    session.say(Said::Start(fenced)).await;
    session.accepted(1).await;
    session.started(1).await;
    disk.fill();
    // Beats come every 3 s, and each is answered: twice the time without contact goes by.
    let end = tokio::time::timeout(Duration::from_secs(12), session.next_in_contact(1)).await;
    assert!(end.is_err(), "{end:?}");
    tell(gate).await;
    assert_eq!(session.finished(1).await.0.exit_code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_starts_again_on_a_full_disk_and_adopts_what_runs() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let first = worker(&home, &admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session
        .start(1, &format!("read -r line < {gate}; exit 3"))
        .await;
    session.accepted(1).await;
    session.started(1).await;
    disk.fill();
    first.kill_9();
    let _second = worker(&home, &admin);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    assert_eq!(session.whole(1).await.0.exit_code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_waits_for_room_and_what_never_finds_any_is_told() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let _worker = worker(&home, &admin);
    let (ready, gate) = (home.fifo("ready"), home.fifo("gate"));
    let mut session = admin.session(INSTALLATION).await;
    let script = format!(
        "echo > {ready}; read -r line < {gate}; seq 100000 && echo > {ready}; read -r line < {gate}
        seq 5000; exit 7"
    );
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    heard(ready.clone()).await;
    disk.fill();
    tell(gate.clone()).await;
    disk.free();
    heard(ready).await;
    disk.fill();
    tell(gate).await;
    let (ended, log) = session.finished(1).await;
    assert_eq!(ended.exit_code, Some(7));
    let note = ended.note;
    assert!(
        note.contains("found no room on the worker's disk"),
        "{note}"
    );
    let all: String = (1..=100_000)
        .chain(1..=5000)
        .map(|n| format!("{n}\n"))
        .collect();
    let lost: usize = note.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(
        lost > 0 && log.len() + lost == all.len(),
        "{} {note}",
        log.len()
    );
    assert!(all.as_bytes().starts_with(&log));
}

/// Waits for a heartbeat that says so.
async fn until_full(session: &mut Connection, full: bool) {
    let said = async {
        loop {
            let message = session.inbox.next().await.unwrap().unwrap();
            if let Some(Kind::Heartbeat(load)) = message.kind
                && load.disk_full == full
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, said)
        .await
        .expect("the worker says how its disk is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_is_told_and_so_is_its_room() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(disk) = SmallDisk::mount(&home) else {
        return;
    };
    let worker = worker(&home, &admin);
    let mut session = admin.session(INSTALLATION).await;
    until_full(&mut session, false).await;
    disk.fill();
    until_full(&mut session, true).await;
    worker.logged("taking no more runs");
    disk.free();
    until_full(&mut session, false).await;
    worker.logged("room on the disk again");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_logs_are_given_up_when_room_is_needed_and_live_ones_are_not() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let Some(_disk) = SmallDisk::mount(&home) else {
        return;
    };
    let _worker = worker(&home, &admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("echo live; cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    // More than half of the disk.
    session.start(2, "head -c 1300000 /dev/zero").await;
    session.whole(2).await;
    until_full(&mut session, false).await;
    let ended = home.data().join(INSTALLATION).join("ended");
    tokio::time::timeout(PATIENCE, async {
        while std::fs::read_dir(&ended).unwrap().next().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the old log is given up");
    tell(gate).await;
    assert_eq!(session.finished(1).await.1, b"live\ngo\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_end_takes_no_more_of_the_disk_than_it_may() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker_with(&admin, &["hera.worker.maxLog=16"]);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session
        .start(
            1,
            &format!("head -c 50000000 /dev/zero | tr '\\0' x; cat {gate}"),
        )
        .await;
    session.accepted(1).await;
    session.started(1).await;
    let log = home.run_dir(1).join("output.log");
    let bounded = || {
        use std::os::unix::fs::MetadataExt;
        let meta = std::fs::metadata(&log).unwrap();
        meta.len() == 50_000_000 && meta.blocks() * 512 <= 16 << 20
    };
    tokio::time::timeout(PATIENCE, async {
        while !bounded() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the middle is given up");
    tell(gate).await;
    let (ended, log) = session.finished(1).await;
    assert_eq!((ended.exit_code, log.len()), (Some(0), 50_000_003));
    assert!(log.ends_with(b"xxxgo\n") && log.starts_with(b"xxx"));
    assert!(ended.note.contains("hera.worker.maxLog"), "{}", ended.note);
}
