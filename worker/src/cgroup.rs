//! A control group for each run, where the machine lets this worker make them (cgroup2).
//!
//! Nothing leaves its group by forking, `setsid` or an emptied environment, and the kernel kills a
//! group as a whole, whosever its processes are. Groups lie below the one the worker is in:
//!
//! ```text
//! <the worker's own>/
//!   hera-worker/          the worker and its runners, if limits asked for it
//!   hera-<node>/<run>/    the scripts of a run, never its runner
//! ```

use std::collections::BTreeSet;
use std::fs::{DirEntry, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hera_domain::id::RunId;
use hera_settings::CgroupChoice;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// The group of a run, and where its runner goes back to once the script has been born in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    group: PathBuf,
    home: PathBuf,
}

impl Cgroup {
    /// From here on children of this process are born in the group.
    ///
    /// # Errors
    /// When the group is gone, or the machine has changed its mind.
    pub fn enter(&self) -> io::Result<()> {
        join(&self.group)
    }

    /// Undoes [`Cgroup::enter`] for this process alone.
    ///
    /// # Errors
    /// When the machine has changed its mind.
    pub fn leave(&self) -> io::Result<()> {
        join(&self.home)
    }

    /// The processes in it, without those in groups below it.
    pub(crate) fn members(&self) -> Vec<i32> {
        let pids = std::fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        pids.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Whether it or a group below it has a process.
    pub(crate) fn is_populated(&self) -> bool {
        match std::fs::read_to_string(self.group.join("cgroup.events")) {
            Ok(events) => !events.lines().any(|line| line == "populated 0"),
            // Who cannot look has not seen that there is nothing.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// KILL to all of it at once. A kernel before 5.14 cannot; the members are killed singly then.
    pub(crate) fn kill(&self) {
        let _ = std::fs::write(self.group.join("cgroup.kill"), "1");
    }

    /// How many of its processes the kernel has killed for want of memory.
    #[must_use]
    pub fn oom_kills(&self) -> u64 {
        value(&self.group.join("memory.events"), "oom_kill").unwrap_or(0)
    }

    /// Removes it, unless something lives in it still.
    pub(crate) fn remove(&self) {
        remove(&self.group);
    }
}

/// Groups that a script made, root's at most, go first.
fn remove(group: &Path) {
    let Ok(entries) = std::fs::read_dir(group) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(group);
}

/// Makes the group of a worker and says that it is in use.
fn hold(group: &Path) -> io::Result<File> {
    loop {
        if let Err(error) = std::fs::create_dir(group)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        let held = match File::open(group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        held.lock()?;
        // Another may have taken it for abandoned in between.
        let same = |there: std::fs::Metadata| Ok(there.ino() == held.metadata()?.ino());
        if std::fs::metadata(group).and_then(same).unwrap_or(false) {
            return Ok(held);
        }
    }
}

/// Removes what workers left that were killed and never came back, once nothing is in it.
fn remove_abandoned(own: &Path) {
    let Ok(entries) = std::fs::read_dir(own) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"hera-")
            && let Ok(group) = File::open(entry.path())
            && group.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

fn join(group: &Path) -> io::Result<()> {
    let file = group.join("cgroup.procs");
    std::fs::write(&file, "0")
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

/// The number beside `key` in a file of `key number` lines.
pub(crate) fn value(file: &Path, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == key)?.1.trim().parse().ok()
}

/// Where the groups of this worker's runs are made.
#[derive(Debug)]
pub(crate) struct Cgroups {
    runs: PathBuf,
    /// Locked: it is in use.
    _held: File,
    home: PathBuf,
    /// The machine enforces these on groups.
    pub(crate) controllers: Controllers,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Controllers {
    pub(crate) memory: bool,
    pub(crate) cpu: bool,
    pub(crate) pids: bool,
}

impl Cgroups {
    /// Prepares the groups of the worker called `node`; `None` where that cannot be done.
    pub(crate) fn prepare(choice: CgroupChoice, node: &str, limits: &Limits) -> Option<Self> {
        match choice {
            CgroupChoice::Off => return None,
            CgroupChoice::Auto => {}
        }
        let own = own_group()?;
        match Self::below(&own, node, limits) {
            Ok(groups) => Some(groups),
            Err(error) => {
                let own = own.display();
                tracing::info!("runs get no control groups: {own} cannot be used: {error}");
                None
            }
        }
    }

    fn below(own: &Path, node: &str, limits: &Limits) -> io::Result<Self> {
        // Runners pass through this one's file on their way.
        let procs = own.join("cgroup.procs");
        nix::unistd::access(&procs, nix::unistd::AccessFlags::W_OK)?;
        remove_abandoned(own);
        let runs = own.join(format!("hera-{node}"));
        let mut groups = Self {
            _held: hold(&runs)?,
            runs,
            home: own.to_owned(),
            controllers: Controllers::default(),
        };
        for (name, wanted) in [
            ("memory", limits.memory_mib > 0),
            ("cpu", limits.cpu_millis > 0),
            ("pids", limits.processes > 0),
        ] {
            if !wanted {
                continue;
            }
            match groups.enable(own, name) {
                Ok(()) => groups.controllers.note(name),
                Err(error) => {
                    tracing::warn!("{} cannot limit {name} of groups: {error}", own.display());
                }
            }
        }
        groups.probe()?;
        Ok(groups)
    }

    /// Goes the way of a runner once: not every machine that shows groups lets processes move.
    fn probe(&self) -> io::Result<()> {
        let group = self.runs.join("probe");
        let _ = std::fs::create_dir(&group);
        let moved = join(&group).and_then(|()| join(&self.home));
        remove(&group);
        moved
    }

    /// Lets the groups of runs have a controller. A group with processes of its own must not hand
    /// one down: the worker steps aside into a group beside theirs if it is alone.
    fn enable(&mut self, own: &Path, controller: &str) -> io::Result<()> {
        let offered = std::fs::read_to_string(own.join("cgroup.controllers"))?;
        if !offered.split_whitespace().any(|name| name == controller) {
            return Err(io::Error::other("the machine does not offer that here"));
        }
        let enable = |group: &Path| {
            std::fs::write(
                group.join("cgroup.subtree_control"),
                format!("+{controller}"),
            )
        };
        if enable(own).is_err() {
            let aside = own.join("hera-worker");
            let _ = std::fs::create_dir(&aside);
            join(&aside)?;
            self.home = aside;
            enable(own)?;
        }
        enable(&self.runs)
    }

    /// Makes a group for a run. Everybody can read its name, which is therefore another than that
    /// of the run's folder.
    pub(crate) fn create(&self, run: RunId, limits: &Limits) -> io::Result<Cgroup> {
        let group = self
            .runs
            .join(format!("{run}-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&group)?;
        let set = |file: &str, value: String| std::fs::write(group.join(file), value);
        if self.controllers.memory {
            set("memory.max", (limits.memory_mib << 20).to_string())?;
            // A script that lost one of its processes to this would go on with half of its data.
            set("memory.oom.group", "1".to_owned())?;
        }
        if self.controllers.cpu {
            const PERIOD_US: u64 = 100_000;
            let quota = u64::from(limits.cpu_millis) * PERIOD_US / 1000;
            set("cpu.max", format!("{} {PERIOD_US}", quota.max(1000)))?;
        }
        if self.controllers.pids {
            set("pids.max", limits.processes.to_string())?;
        }
        Ok(Cgroup {
            group,
            home: self.home.clone(),
        })
    }

    /// Leaves nothing behind if nothing runs. A group that is empty may be about to be entered.
    pub(crate) fn close(&self) {
        let _ = std::fs::remove_dir(&self.runs);
    }

    /// Removes what earlier runs left, except for groups in which something lives, and those
    /// of these runs.
    pub(crate) fn sweep(&self, runs: impl FnOnce() -> BTreeSet<RunId>) {
        let Ok(entries) = std::fs::read_dir(&self.runs) else {
            return;
        };
        let is_group = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let groups: Vec<_> = entries.flatten().filter(is_group).collect();
        // Asked for only now: a run is known before it has a group, so none of these is newer.
        let runs = runs();
        for group in groups {
            let run = group.file_name().to_str().and_then(run_of);
            if !run.is_some_and(|run| runs.contains(&run)) {
                remove(&group.path());
            }
        }
    }
}

fn run_of(group: &str) -> Option<RunId> {
    let (run, _) = group.split_once('-')?;
    run.parse().ok().map(RunId)
}

impl Controllers {
    fn note(&mut self, name: &str) {
        self.memory |= name == "memory";
        self.cpu |= name == "cpu";
        self.pids |= name == "pids";
    }
}

/// The folder of the group that this process is in.
fn own_group() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    group_folder(&mounts, &groups)
}

fn group_folder(mounts: &str, groups: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (folder, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(folder.replace("\\040", " ")))
    })?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // Outside of what this mount shows.
    (!path.starts_with("..")).then(|| mount.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_among_old_and_new_hierarchies() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = group_folder(mounts, "8:pids:/x\n0::/system.slice/hera.service\n");
        let expected = "/sys/fs/cgroup/unified/system.slice/hera.service";
        assert_eq!(found, Some(PathBuf::from(expected)));
        assert_eq!(group_folder(mounts, "8:pids:/x\n"), None);
        assert_eq!(group_folder(mounts, "0::/../elsewhere\n"), None);
        assert_eq!(group_folder("cgroup /c cgroup rw 0 0\n", "0::/\n"), None);
    }

    #[test]
    fn what_a_worker_has_abandoned_goes_and_what_is_in_use_stays() {
        let own = tempfile::tempdir().unwrap();
        let [used, abandoned, populated] =
            ["hera-1", "hera-2", "hera-3"].map(|n| own.path().join(n));
        let _held = hold(&used).unwrap();
        drop(hold(&abandoned).unwrap());
        std::fs::create_dir_all(populated.join("7-a")).unwrap();
        remove_abandoned(own.path());
        assert!(used.exists() && !abandoned.exists() && populated.exists());
    }

    #[test]
    fn limits_are_written_as_the_kernel_reads_them_and_its_kills_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let groups = Cgroups {
            _held: File::open(folder.path()).unwrap(),
            runs: folder.path().to_owned(),
            home: folder.path().to_owned(),
            controllers: Controllers {
                memory: true,
                cpu: true,
                pids: true,
            },
        };
        let limits = Limits {
            memory_mib: 3,
            cpu_millis: 1500,
            processes: 7,
            ..Limits::default()
        };
        let group = groups.create(RunId(1), &limits).unwrap();
        let read = |file: &str| std::fs::read_to_string(group.group.join(file)).unwrap();
        assert_eq!(read("memory.max"), "3145728");
        assert_eq!(read("cpu.max"), "150000 100000");
        assert_eq!(read("pids.max"), "7");
        assert_eq!(group.oom_kills(), 0);
        let events = "low 0\noom 3\noom_kill 2\noom_group_kill 1\n";
        std::fs::write(group.group.join("memory.events"), events).unwrap();
        assert_eq!(group.oom_kills(), 2);
    }

    #[test]
    fn groups_of_runs_that_are_over_go() {
        let folder = tempfile::tempdir().unwrap();
        let groups = Cgroups {
            _held: File::open(folder.path()).unwrap(),
            runs: folder.path().to_owned(),
            home: folder.path().to_owned(),
            controllers: Controllers::default(),
        };
        let [live, over] = [1, 11].map(|run| groups.create(RunId(run), &Limits::default()));
        let mut born = None;
        groups.sweep(|| {
            // A run may start at any time; its group is empty at first.
            born = Some(groups.create(RunId(2), &Limits::default()));
            BTreeSet::from([RunId(1)])
        });
        assert!(live.unwrap().group.exists() && !over.unwrap().group.exists());
        assert!(born.unwrap().unwrap().group.exists());
    }
}
