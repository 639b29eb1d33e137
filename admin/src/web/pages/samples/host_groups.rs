//! The pages of host groups.

use std::collections::BTreeSet;

use hera_domain::engine::HostGroup;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{HostGroupId, Revision};

use super::data::{definitions, frame};
use super::others::worker_views;
use crate::web::i18n::Lang;
use crate::web::pages::frame::Section;
use crate::web::pages::host_groups::{HostGroupForm, HostGroupsPage, form, row};

fn groups() -> [HostGroup; 3] {
    let group = |id, name: &str, everyone, effective, members: &[&str]| {
        let content = HostGroupContent {
            name: name.to_owned(),
            description: if id == 2 { "显卡机器" } else { "" }.to_owned(),
            effective,
            everyone,
            members: members
                .iter()
                .map(|m| (*m).to_owned())
                .collect::<BTreeSet<_>>(),
        };
        content.of(HostGroupId(id), Revision(1))
    };
    [
        group(1, "默认组", true, true, &[]),
        group(2, "gpu", false, true, &["label:gpu", "node-c"]),
        group(3, "night", false, false, &[]),
    ]
}

pub(super) fn list(lang: Lang) -> HostGroupsPage {
    let defs = definitions();
    let workers = worker_views();
    HostGroupsPage {
        frame: frame(lang, Section::HostGroups),
        can_administer: true,
        rows: groups()
            .iter()
            .map(|group| row(&defs, group, &workers))
            .collect(),
    }
}

pub(super) fn edit(lang: Lang) -> HostGroupForm {
    let [_, group, _] = groups();
    let frame = frame(lang, Section::HostGroups);
    form(frame, Some(group.id), &(&group).into(), &worker_views())
}
