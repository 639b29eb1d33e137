//! Which admins may lead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use hera_domain::clock::Timestamp;
use hera_domain::engine::HostGroup;
use hera_domain::id::HostGroupId;
use tokio::sync::watch;

use crate::store::AdminSeen;

/// What decides whether this admin may lead.
#[derive(Debug, Clone)]
pub(crate) struct Eligibility {
    /// The host group whose machines shall lead.
    group: HostGroupId,
    /// This admin among the others.
    name: String,
    /// Names and addresses of this machine.
    hosts: Vec<String>,
    /// The admins that are alive, as far as this one has met them.
    admins: watch::Receiver<Vec<AdminSeen>>,
    /// Processes of the group that were waited for in vain: alive, but taking no lead.
    passed_over: Arc<Mutex<BTreeSet<(String, Timestamp)>>>,
}

impl Eligibility {
    pub(crate) fn new(
        group: HostGroupId,
        name: String,
        hosts: Vec<String>,
        admins: watch::Receiver<Vec<AdminSeen>>,
    ) -> Self {
        Self {
            group,
            name,
            hosts,
            admins,
            passed_over: Arc::default(),
        }
    }

    /// The host group whose machines shall lead.
    pub(super) const fn group(&self) -> HostGroupId {
        self.group
    }

    /// Whether this admin may lead while these are alive.
    pub(super) fn among(
        &self,
        admins: &[AdminSeen],
        groups: &BTreeMap<HostGroupId, HostGroup>,
    ) -> bool {
        let passed_over = self.passed_over.lock();
        let passed_over = passed_over.unwrap_or_else(PoisonError::into_inner);
        let counts = |admin: &&AdminSeen| {
            admin.at.name != self.name && !passed_over.contains(&process(admin))
        };
        let others = admins.iter().filter(counts);
        let others: Vec<String> = others.map(|admin| host_of(&admin.at.http)).collect();
        may_lead(groups.get(&self.group), &self.hosts, &others)
    }

    /// Whether this admin, which leads since then by the database's clock, may go on. Who has not
    /// been seen since may be the former leader, which has gone.
    pub(super) fn lasts(
        &self,
        since: Timestamp,
        groups: &BTreeMap<HostGroupId, HostGroup>,
    ) -> bool {
        let admins = self.admins.borrow().clone().into_iter();
        let there: Vec<_> = admins.filter(|admin| admin.seen_at > since).collect();
        self.among(&there, groups)
    }

    /// Waits no longer for these.
    pub(super) fn pass_over(&self, admins: &[AdminSeen]) {
        let passed_over = self.passed_over.lock();
        let mut passed_over = passed_over.unwrap_or_else(PoisonError::into_inner);
        passed_over.extend(admins.iter().map(process));
    }
}

/// A restarted admin is another one.
fn process(admin: &AdminSeen) -> (String, Timestamp) {
    (admin.at.name.clone(), admin.started_at)
}

/// Whether an admin of this machine may lead: the host group for leaders holds everybody, is not
/// there, or names the machine, or no other admin that is alive may.
fn may_lead(group: Option<&HostGroup>, mine: &[String], others: &[String]) -> bool {
    let Some(group) = group.filter(|group| !group.everyone) else {
        return true;
    };
    let named = |host: &String| group.members.contains(host);
    mine.iter().any(named) || !others.iter().any(named)
}

/// The host of host:port.
fn host_of(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_matches(['[', ']']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hera_domain::clock::from_millis;

    fn group(everyone: bool, members: &[&str]) -> HostGroup {
        HostGroup {
            id: HostGroupId(1),
            name: "leaders".into(),
            description: String::new(),
            revision: hera_domain::id::Revision(1),
            effective: true,
            everyone,
            members: members.iter().map(|&host| host.to_owned()).collect(),
        }
    }

    fn hosts(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn only_machines_of_the_group_lead_unless_none_of_them_is_alive() {
        let chosen = group(false, &["a", "10.0.0.2"]);
        let me = hosts(&["c", "10.0.0.3"]);
        assert!(may_lead(None, &me, &hosts(&["a"])));
        assert!(may_lead(Some(&group(true, &[])), &me, &hosts(&["a"])));
        assert!(!may_lead(Some(&chosen), &me, &hosts(&["a"])));
        assert!(!may_lead(Some(&chosen), &me, &hosts(&["10.0.0.2", "d"])));
        assert!(may_lead(Some(&chosen), &me, &hosts(&["d"])));
        assert!(may_lead(Some(&chosen), &me, &[]));
        assert!(may_lead(
            Some(&chosen),
            &hosts(&["a"]),
            &hosts(&["10.0.0.2"])
        ));
    }

    #[test]
    fn the_lead_is_handed_to_who_is_seen_after_it_was_taken_and_once() {
        let seen = |name: &str, started, seen| AdminSeen {
            at: crate::store::Holder {
                name: format!("{name}:8080"),
                http: format!("{name}:8080"),
                connect: format!("{name}:9887"),
            },
            version: String::new(),
            started_at: from_millis(started),
            seen_at: from_millis(seen),
        };
        let groups = BTreeMap::from([(HostGroupId(1), group(false, &["a"]))]);
        let (met, admins) = watch::channel(vec![seen("c", 0, 90), seen("a", 0, 90)]);
        let me = Eligibility::new(HostGroupId(1), "c:8080".into(), hosts(&["c"]), admins);
        // The former leader's last sign of life.
        assert!(me.lasts(from_millis(100), &groups));
        assert!(!me.among(&met.borrow(), &groups));
        met.send_replace(vec![seen("c", 0, 110), seen("a", 0, 110)]);
        assert!(!me.lasts(from_millis(100), &groups));
        // It was waited for in vain, until it is another process.
        me.pass_over(&met.borrow());
        assert!(me.lasts(from_millis(100), &groups));
        met.send_replace(vec![seen("a", 120, 130)]);
        assert!(!me.lasts(from_millis(100), &groups));
    }

    #[test]
    fn the_host_of_an_address_is_found_with_brackets_too() {
        assert_eq!(host_of("10.0.0.2:9887"), "10.0.0.2");
        assert_eq!(host_of("[::1]:9887"), "::1");
        assert_eq!(host_of("admin-1"), "admin-1");
    }
}
