//! Several admins on one MariaDB: any of them serves everything, one leads, another takes over.

use hera_tests::{AnotherAdmin, Api, Backend, Installation, Options, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Two admins and a worker that knows the first one's address only.
fn two_admins() -> Option<(Installation, AnotherAdmin)> {
    if !Backend::Mysql.available() {
        return None;
    }
    let hera = Installation::start(Backend::Mysql, Options::quick());
    let other = hera.start_another_admin();
    Some((hera, other))
}

fn leader(api: &Api) -> Value {
    api.get("/leader").unwrap().ok()
}

fn leads(api: &Api) -> Option<()> {
    let leader = api.get("/leader").ok()?;
    (leader.status == 200 && leader.body["self"] == true).then_some(())
}

#[test]
fn an_admin_that_follows_serves_pages_commands_and_live_logs() {
    let Some((hera, other)) = two_admins() else {
        return;
    };
    let (here, there) = (hera.api(), &other.api);
    assert_eq!(leader(here)["self"], true);
    let seen = leader(there);
    assert_eq!(seen["self"], false);
    assert_eq!(seen["leader"]["http"], format!("127.0.0.1:{}", hera.port()));

    // What a follower is told is done by the leader, and seen by both at once.
    let group = there.create_group("forwarded");
    let job = there.create_job(
        group,
        "slow",
        "echo begins; sleep 1; echo ends",
        &json!({"kind": "manual"}),
    );
    for api in [there, here] {
        let shown = api.get(&format!("/jobs/{job}")).unwrap().ok();
        assert_eq!(shown["name"], "slow");
    }
    let renamed = json!({"group_id": group, "name": "slower", "run_type": "shell", "revision": 1,
        "script": "echo begins; sleep 1; echo ends", "schedule": {"kind": "manual"}});
    let path = format!("/jobs/{job}");
    there.put(&path, &renamed).unwrap().ok();
    let stale = there.put(&path, &renamed).unwrap();
    assert_eq!(stale.status, 412, "{}", stale.body);
    eventually("the follower knows the leader's workers", || {
        (there.connected_workers().ok()? == 1).then_some(())
    });
    let run = there.recover(job);
    let mut log = there.stream(run).unwrap();
    let mut text = String::new();
    let end = loop {
        let message = log.next_message().unwrap();
        let message = message.expect("the last message is the end");
        match message.event.as_str() {
            "log" => text.push_str(&message.data),
            "end" => break message.data,
            _ => {}
        }
    };
    assert_eq!(text.trim(), "begins\nends");
    assert!(end.contains("success"), "{end}");
    let members = there.get("/members").unwrap().ok();
    let kinds: Vec<_> = members["items"].as_array().unwrap().iter().collect();
    let admins = kinds.iter().filter(|m| m["kind"] == "admin");
    assert_eq!(admins.count(), 2, "{members}");
}

#[test]
fn a_killed_leader_is_replaced_and_the_worker_finds_the_new_one() {
    let Some((mut hera, other)) = two_admins() else {
        return;
    };
    let there = other.api.clone();
    let group = hera.api().create_group("night");
    let script = "echo begins; sleep 3; echo ends";
    let job = hera
        .api()
        .create_job(group, "long", script, &json!({"kind": "manual"}));
    let run = hera.api().recover(job);
    hera.api().wait_for_log(run, "begins");
    let address = format!("127.0.0.1:{}", other.connect_port);
    eventually("the worker has been told of the other admin", || {
        let node = std::fs::read(hera.data().join("worker.json")).ok()?;
        let node: Value = serde_json::from_slice(&node).ok()?;
        let admins = node["admins"].as_array()?;
        admins.contains(&json!(address)).then_some(())
    });
    let before = leader(hera.api())["epoch"].as_i64().unwrap();
    hera.kill_admin();
    eventually("the other admin leads", || leads(&there));
    assert!(leader(&there)["epoch"].as_i64().unwrap() > before);
    // The worker was set to join the first admin only; that one has told it of the second.
    assert_eq!(there.finished(run)["status"], "success");
    assert_eq!(there.finished(run)["attempt"], 1);
    hera.start_admin();
    assert_eq!(leader(hera.api())["self"], false);
    let again = hera.api().recover(job);
    assert_eq!(hera.api().finished(again)["status"], "success");
}

#[test]
fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    if !Backend::Mysql.available() {
        return;
    }
    // With this lease nobody could wait for it to run out.
    let options = Options::default().set("hera.leaseMs=50000");
    let mut hera = Installation::start(Backend::Mysql, options);
    let other = hera.start_another_admin();
    hera.admin().end(Signal::SIGTERM);
    hera.admin_is_gone();
    let asked = std::time::Instant::now();
    eventually("the other admin leads", || leads(&other.api));
    assert!(asked.elapsed().as_secs() < 20, "{:?}", asked.elapsed());
}

#[test]
fn an_admin_of_the_host_group_for_leaders_is_given_the_lead() {
    if !Backend::Mysql.available() {
        return;
    }
    let options = Options::quick().set("hera.preemptionMasterGroup=3");
    let hera = Installation::start(Backend::Mysql, options);
    let here = hera.api();
    let leaders = json!({"name": "leaders", "members": ["127.0.0.2"]});
    let saved = here.post("/host-groups", &leaders).unwrap().ok();
    assert_eq!(saved["id"], 3);
    // Nobody else is there.
    assert_eq!(leader(here)["self"], true);
    let other = hera.start_another_admin_at("127.0.0.2");
    eventually("the machine of the group leads", || leads(&other.api));
    let kept = other.api.delete("/host-groups/3").unwrap();
    assert_eq!(kept.status, 409, "{}", kept.body);
    drop(other);
    eventually("the other one leads again", || leads(here));
}

#[test]
fn a_leader_that_was_stopped_and_wakes_up_follows_and_starts_nothing() {
    let Some((mut hera, other)) = two_admins() else {
        return;
    };
    let there = other.api.clone();
    let epoch = leader(&there)["epoch"].as_i64().unwrap();
    hera.admin().signal(Signal::SIGSTOP);
    eventually("the other admin leads", || leads(&there));
    hera.admin().signal(Signal::SIGCONT);
    eventually("the former leader follows", || {
        let seen = hera.api().get("/leader").ok()?.body;
        (seen["self"] == false && seen["epoch"].as_i64()? > epoch).then_some(())
    });
    let group = hera.api().create_group("afterwards");
    let known = there.get("/groups").unwrap().ok();
    let known = known["items"].as_array().unwrap().iter();
    assert!(known.clone().any(|known| known["id"] == group));
}
