//! The two ways to stop: SIGTERM leaves the scripts running, SIGINT ends them too.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hera_tests::{Backend, Installation, Options, Program, eventually, pause};
use nix::sys::signal::Signal;
use serde_json::json;

on_each_database!(
    a_restart_by_sigterm_leaves_the_script_running,
    a_stop_by_sigint_cancels_the_run_for_the_system,
);

/// A database that has fallen silent may not keep an admin from going: whoever stops it kills it
/// in the end, and thinks ill of it.
#[test]
fn an_admin_whose_database_is_silent_ends_in_time() {
    if !Backend::Mysql.available() {
        return;
    }
    let hera = Installation::prepare(Backend::Mysql, Options::quick()).unwrap();
    let url = hera.database().url(&hera.data());
    let (user, rest) = url.split_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    let wire = Wire::to(address);
    let url = format!("{user}@{}/{name}", wire.address);
    let mut command = hera.command("hera-admin", &["serve"]);
    command.env("HERA_DATABASE_URL", url);
    let mut admin = Program::spawn(&mut command, &hera.scratch().join("admin.out")).unwrap();
    eventually("it leads", || {
        assert!(!admin.has_ended(), "it ended:\n{}", admin.last_words());
        admin
            .last_words()
            .contains("this admin leads")
            .then_some(())
    });
    wire.silence();
    // It renews its lease every second: soon a call hangs.
    pause(Duration::from_secs(2));
    let began = Instant::now();
    assert!(admin.end(Signal::SIGTERM).success());
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

/// A network path that can fall silent without closing.
struct Wire {
    address: SocketAddr,
    silent: Arc<AtomicBool>,
}

impl Wire {
    fn to(target: &str) -> Self {
        let target = target.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&silent);
        std::thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let to = TcpStream::connect(&target).unwrap();
                let (from2, to2) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let (one, other) = (Arc::clone(&heard), Arc::clone(&heard));
                std::thread::spawn(move || carry(from, to, &one));
                std::thread::spawn(move || carry(to2, from2, &other));
            }
        });
        Self { address, silent }
    }

    fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(size) = from.read(&mut buffer) {
        if size == 0 {
            drop(to.shutdown(Shutdown::Both));
            return;
        }
        if !silent.load(Ordering::Relaxed) && to.write_all(&buffer[..size]).is_err() {
            return;
        }
    }
}

fn start_job(hera: &Installation, script: &str) -> i64 {
    let group = hera.api().create_group("signals");
    let job = hera
        .api()
        .create_job(group, "signalled", script, &json!({"kind": "manual"}));
    let run = hera.api().recover(job);
    hera.api().wait_for_log(run, "begun");
    run
}

fn a_restart_by_sigterm_leaves_the_script_running(hera: &mut Installation) {
    let run = start_job(hera, "echo begun; sleep 3; echo done");
    assert!(hera.worker().end(Signal::SIGTERM).success());
    assert!(hera.admin().end(Signal::SIGTERM).success());
    hera.admin_is_gone();
    hera.worker_is_gone();
    hera.start_both();
    let ended = hera.api().finished(run);
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(hera.api().log(run), b"begun\ndone\n");
}

fn a_stop_by_sigint_cancels_the_run_for_the_system(hera: &mut Installation) {
    let pid_file = hera.scratch().join("pid");
    let script = format!("echo $$ > {}; echo begun; sleep 600", pid_file.display());
    let run = start_job(hera, &script);
    assert!(hera.admin().end(Signal::SIGINT).success());
    assert!(hera.worker().end(Signal::SIGINT).success());
    hera.admin_is_gone();
    hera.worker_is_gone();
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let alive = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    eventually("the script is gone", || (!alive.exists()).then_some(()));

    hera.start_both();
    let ended = hera.api().finished(run);
    assert_eq!(ended["status"], "cancelled", "{ended}");
}
