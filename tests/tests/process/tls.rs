//! TLS on the port for workers and between admins.

use std::path::Path;

use hera_tests::{Backend, Ended, Installation, Options, eventually, within};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

/// Writes an authority and a certificate for this machine, signed by it.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), server.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

/// An installation whose programs know the files of the folder they are started in.
fn prepared(backend: Backend) -> Installation {
    let mut options = Options::quick();
    for file in ["certFile=cert.pem", "keyFile=key.pem", "caFile=ca.pem"] {
        options = options.set(&format!("hera.tls.{file}"));
    }
    let hera = Installation::prepare(backend, options).unwrap();
    certificates(hera.scratch());
    hera
}

#[test]
fn workers_and_other_admins_come_by_tls() {
    if !Backend::Mysql.available() {
        return;
    }
    let mut hera = prepared(Backend::Mysql);
    hera.start_admin();
    hera.start_worker();
    let other = hera.start_another_admin();
    let group = other.api.create_group("sealed");
    let manual = json!({"kind": "manual"});
    let job = other.api.create_job(group, "sealed", "echo safe", &manual);
    let run = other.api.recover(job);
    assert_eq!(other.api.finished(run)["status"], "success");
}

/// Else it would lead, and no worker could come.
#[test]
fn an_admin_whose_certificate_does_not_fit_its_key_does_not_start() {
    let hera = prepared(Backend::Sqlite);
    let others = tempfile::tempdir().unwrap();
    certificates(others.path());
    let key = hera.scratch().join("key.pem");
    std::fs::copy(others.path().join("key.pem"), key).unwrap();
    let ended = Ended::of(&mut hera.command("hera-admin", &["serve"])).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.contains("hera.tls.keyFile"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_worker_that_trusts_another_authority_does_not_join() {
    let mut hera = prepared(Backend::Sqlite);
    hera.start_admin();
    let strangers = tempfile::tempdir().unwrap();
    certificates(strangers.path());
    let mine = std::fs::read(hera.scratch().join("ca.pem")).unwrap();
    std::fs::copy(
        strangers.path().join("ca.pem"),
        hera.scratch().join("ca.pem"),
    )
    .unwrap();
    let mut worker = hera.spawn_worker();
    eventually("the worker says what it does not trust", || {
        worker.last_words().contains("certificate").then_some(())
    });
    assert_eq!(hera.api().connected_workers().unwrap(), 0);
    worker.end(nix::sys::signal::Signal::SIGTERM);
    std::fs::write(hera.scratch().join("ca.pem"), mine).unwrap();
    hera.start_worker();
}

#[test]
fn a_worker_that_speaks_plainly_is_told_to_use_tls() {
    let mut hera = prepared(Backend::Sqlite);
    hera.start_admin();
    let mut plain = hera.command("hera-worker", &["serve"]);
    for file in ["certFile", "keyFile", "caFile"] {
        plain.args(["--set", &format!("hera.tls.{file}=")]);
    }
    let log = hera.scratch().join("plain.out");
    let plain = hera_tests::Program::spawn(&mut plain, &log).unwrap();
    let patience = std::time::Duration::from_secs(20);
    within(patience, "the worker says what is missing", || {
        plain.last_words().contains("hera.tls.caFile").then_some(())
    });
}
