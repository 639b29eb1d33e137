//! A disk that is really full. Needs the right to mount; without it the tests say so and pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use hera_proto::v1::worker_message::Kind;

use crate::admin::Admin;
use crate::worker::{Home, INSTALLATION, Worker, heard, tell};

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
        // Lazily: a killed worker may still hold its log file.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Logs go elsewhere: they are not what is tried here.
fn worker(home: &Home, admin: &Admin) -> Worker {
    let mut command = home.command(&admin.address.to_string());
    let logs = home.file("logs");
    command.arg("--set").arg(format!("logging.path={logs}"));
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
    disk.fill();
    tell(gate).await;
    let (ended, log) = session.finished(1).await;
    assert_eq!((ended.exit_code, log), (Some(7), b"before\n".to_vec()));
}
