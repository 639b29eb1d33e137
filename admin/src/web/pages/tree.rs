//! The tree of groups beside every page of the schedule.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use askama::filters::HtmlSafe;
use hera_domain::id::{GroupId, JobId};
use hera_domain::status::{RunStatus, Switch};

use super::parts::{Chip, Crumb};
use super::visit::Visit;
use crate::master::Definitions;
use crate::web::BASE;
use crate::web::error::Result;
use crate::web::i18n::Lang;

/// Matches of a filter that are shown; more help nobody.
const MAX_MATCHES: usize = 200;

/// A group or a job in the tree.
#[derive(Debug, Clone, Template)]
#[template(path = "partials/tree_node.html")]
pub(super) struct TreeNode {
    pub group: bool,
    pub id: i64,
    pub name: String,
    pub href: String,
    pub current: bool,
    pub closed: bool,
    pub open: bool,
    pub dot: Option<Chip>,
    /// `None` = fetched from `lazy` when it is opened.
    pub children: Option<Vec<Self>>,
    pub lazy: String,
}

// Its template escapes every value; what it yields is markup.
impl HtmlSafe for TreeNode {}

/// The tree as far as it is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub nodes: Vec<TreeNode>,
    pub filter: String,
    /// The node that the page is about, as `g1` or `j10`.
    pub at: String,
}

/// What the page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    Nowhere,
    Group(GroupId),
    Job(JobId),
}

impl Spot {
    pub(super) fn parse(text: &str) -> Self {
        let id = |rest: &str| rest.parse().ok();
        if let Some(group) = text.strip_prefix('g').and_then(id) {
            return Self::Group(GroupId(group));
        }
        match text.strip_prefix('j').and_then(id) {
            Some(job) => Self::Job(JobId(job)),
            None => Self::Nowhere,
        }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::Group(id) => write!(f, "g{id}"),
            Self::Job(id) => write!(f, "j{id}"),
        }
    }
}

/// The whole picture that nodes are drawn from.
pub(super) struct Forest<'a> {
    defs: &'a Definitions,
    groups: BTreeMap<Option<GroupId>, Vec<GroupId>>,
    jobs: BTreeMap<GroupId, Vec<JobId>>,
    latest: BTreeMap<JobId, RunStatus>,
    lang: Lang,
}

impl<'a> Forest<'a> {
    /// Sorts the definitions into parents and children.
    pub(super) fn new(
        defs: &'a Definitions,
        latest: BTreeMap<JobId, RunStatus>,
        lang: Lang,
    ) -> Self {
        let mut groups: BTreeMap<_, Vec<GroupId>> = BTreeMap::new();
        for group in defs.groups.values() {
            groups
                .entry(group.content.parent_id)
                .or_default()
                .push(group.id);
        }
        let mut jobs: BTreeMap<_, Vec<JobId>> = BTreeMap::new();
        for job in defs.jobs.values() {
            jobs.entry(job.group).or_default().push(job.id);
        }
        Self {
            defs,
            groups,
            jobs,
            latest,
            lang,
        }
    }

    /// The tree opened down to `spot`, or what a filter finds.
    pub(super) fn tree(&self, spot: Spot, filter: &str) -> Tree {
        let filter = filter.trim().to_lowercase();
        let open = if filter.is_empty() {
            self.way_to(spot)
        } else {
            self.found(&filter)
        };
        let only = (!filter.is_empty()).then_some(filter.as_str());
        let roots = self.groups.get(&None).map_or(&[][..], Vec::as_slice);
        Tree {
            nodes: roots
                .iter()
                .filter(|id| only.is_none() || open.contains(id))
                .map(|id| self.group(*id, spot, &open, only))
                .collect(),
            filter,
            at: spot.to_string(),
        }
    }

    /// The children of one group, closed.
    pub(super) fn branch(&self, group: GroupId) -> Vec<TreeNode> {
        self.children(group, Spot::Nowhere, &BTreeSet::new(), None)
    }

    fn group(
        &self,
        id: GroupId,
        spot: Spot,
        open: &BTreeSet<GroupId>,
        only: Option<&str>,
    ) -> TreeNode {
        let opened = open.contains(&id);
        TreeNode {
            group: true,
            id: id.0,
            name: self.defs.groups[&id].content.name.clone(),
            href: format!("{BASE}/schedule/groups/{id}"),
            current: spot == Spot::Group(id),
            closed: false,
            open: opened,
            dot: self.worst(id).map(|status| Chip::run(status, self.lang)),
            children: opened.then(|| self.children(id, spot, open, only)),
            lazy: format!("{BASE}/schedule/tree/{id}"),
        }
    }

    fn children(
        &self,
        id: GroupId,
        spot: Spot,
        open: &BTreeSet<GroupId>,
        only: Option<&str>,
    ) -> Vec<TreeNode> {
        let groups = self.groups.get(&Some(id)).into_iter().flatten();
        let groups = groups
            .filter(|id| only.is_none() || open.contains(id))
            .map(|id| self.group(*id, spot, open, only));
        let jobs = self.jobs.get(&id).into_iter().flatten();
        let jobs = jobs
            .filter(|id| only.is_none_or(|filter| self.matches(**id, filter)))
            .map(|id| self.job(*id, spot));
        groups.chain(jobs).collect()
    }

    fn job(&self, id: JobId, spot: Spot) -> TreeNode {
        let job = &self.defs.jobs[&id];
        TreeNode {
            group: false,
            id: id.0,
            name: job.name.clone(),
            href: format!("{BASE}/schedule/jobs/{id}"),
            current: spot == Spot::Job(id),
            closed: job.switch != Switch::Open,
            open: false,
            dot: self
                .latest
                .get(&id)
                .map(|status| Chip::run(*status, self.lang)),
            children: None,
            lazy: String::new(),
        }
    }

    fn matches(&self, id: JobId, filter: &str) -> bool {
        self.defs.jobs[&id].name.to_lowercase().contains(filter)
            || id.to_string().starts_with(filter)
    }

    /// The groups on the way to the spot, itself included; the roots are always open.
    fn way_to(&self, spot: Spot) -> BTreeSet<GroupId> {
        let mut open: BTreeSet<_> = self
            .groups
            .get(&None)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let start = match spot {
            Spot::Nowhere => None,
            Spot::Group(id) => Some(id),
            Spot::Job(id) => self.defs.jobs.get(&id).map(|job| job.group),
        };
        open.extend(ancestors(self.defs, start));
        open
    }

    /// The groups above what a filter finds.
    fn found(&self, filter: &str) -> BTreeSet<GroupId> {
        let jobs = self.defs.jobs.values();
        let jobs = jobs
            .filter(|job| self.matches(job.id, filter))
            .map(|job| job.group);
        let groups = self.defs.groups.values();
        let groups = groups
            .filter(|group| group.content.name.to_lowercase().contains(filter))
            .map(|group| group.id);
        let mut open = BTreeSet::new();
        for group in jobs.chain(groups).take(MAX_MATCHES) {
            open.extend(ancestors(self.defs, Some(group)));
        }
        open
    }

    /// The status of a group's dot: of its latest runs the one that needs a person most.
    fn worst(&self, id: GroupId) -> Option<RunStatus> {
        let own = self.jobs.get(&id).into_iter().flatten();
        let own = own.filter_map(|job| self.latest.get(job).copied());
        let below = self.groups.get(&Some(id)).into_iter().flatten();
        let below = below.filter_map(|group| self.worst(*group));
        own.chain(below).max_by_key(|status| severity(*status))
    }
}

const fn severity(status: RunStatus) -> u8 {
    match status {
        RunStatus::Success => 0,
        RunStatus::Cancelled => 1,
        RunStatus::Queued => 2,
        RunStatus::Dispatched => 3,
        RunStatus::Running => 4,
        RunStatus::Lost => 5,
        RunStatus::Failed => 6,
    }
}

/// A group and the groups above it, nearest first. A loop, which a save refuses, ends it.
pub(super) fn ancestors(defs: &Definitions, start: Option<GroupId>) -> Vec<GroupId> {
    let mut way = Vec::new();
    let mut next = start;
    while let Some(id) = next.filter(|id| !way.contains(id)) {
        let Some(group) = defs.groups.get(&id) else {
            break;
        };
        way.push(id);
        next = group.content.parent_id;
    }
    way
}

/// The way from the schedule to a group, as links.
pub(super) fn crumbs(visit: &Visit, defs: &Definitions, group: Option<GroupId>) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb {
        name: visit.t().schedule.title.to_owned(),
        href: format!("{BASE}/schedule"),
    }];
    for id in ancestors(defs, group).into_iter().rev() {
        crumbs.push(Crumb {
            name: defs.groups[&id].content.name.clone(),
            href: format!("{BASE}/schedule/groups/{id}"),
        });
    }
    crumbs
}

/// The latest status of every job.
pub(super) async fn latest(
    visit: &Visit,
    defs: &Definitions,
) -> Result<BTreeMap<JobId, RunStatus>> {
    let jobs = defs.jobs.keys().copied().collect();
    let latest = visit.state.store.latest_runs(jobs).await?;
    Ok(latest
        .into_iter()
        .map(|(job, view)| (job, view.run.status))
        .collect())
}

/// The tree for a page.
pub(super) async fn for_page(visit: &Visit, defs: &Definitions, spot: Spot) -> Result<Tree> {
    let latest = latest(visit, defs).await?;
    Ok(Forest::new(defs, latest, visit.lang).tree(spot, ""))
}
