//! Which admins may lead.

use std::collections::BTreeMap;

use hera_domain::engine::HostGroup;
use hera_domain::id::HostGroupId;
use tokio::sync::watch;

use crate::store::AdminSeen;

/// What decides whether this admin may lead.
#[derive(Debug, Clone)]
pub(crate) struct Eligibility {
    /// The host group whose machines shall lead.
    pub(crate) group: HostGroupId,
    /// This admin among the others.
    pub(crate) name: String,
    /// Names and addresses of this machine.
    pub(crate) hosts: Vec<String>,
    /// The admins that are alive, as far as this one has met them.
    pub(crate) admins: watch::Receiver<Vec<AdminSeen>>,
}

impl Eligibility {
    /// Whether this admin may lead while these are alive.
    pub(super) fn among(
        &self,
        admins: &[AdminSeen],
        groups: &BTreeMap<HostGroupId, HostGroup>,
    ) -> bool {
        let others = admins.iter().filter(|admin| admin.at.name != self.name);
        let others: Vec<String> = others.map(|admin| host_of(&admin.at.http)).collect();
        may_lead(groups.get(&self.group), &self.hosts, &others)
    }

    /// Whether this admin may go on leading.
    pub(super) fn lasts(&self, groups: &BTreeMap<HostGroupId, HostGroup>) -> bool {
        self.among(&self.admins.borrow(), groups)
    }
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
    fn the_host_of_an_address_is_found_with_brackets_too() {
        assert_eq!(host_of("10.0.0.2:9887"), "10.0.0.2");
        assert_eq!(host_of("[::1]:9887"), "::1");
        assert_eq!(host_of("admin-1"), "admin-1");
    }
}
