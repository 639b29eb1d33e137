//! Removes what is left of ended and acknowledged runs, by age and number.

use std::fs::DirEntry;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hera_domain::clock::Clock;

use crate::rundir::RunDir;
use crate::settings::Retention;

/// How often it is looked for.
pub(crate) const EVERY: Duration = Duration::from_mins(10);

/// One pass over all installations' folders below `work_dir`. Live runs are never touched.
pub(crate) fn sweep(work_dir: &Path, keep: Retention, clock: &dyn Clock) -> io::Result<usize> {
    let now = SystemTime::from(clock.now());
    let mut removed = 0;
    for installation in std::fs::read_dir(work_dir)?.flatten() {
        for folder in ["ended", "tombstones"] {
            let Ok(entries) = std::fs::read_dir(installation.path().join(folder)) else {
                continue;
            };
            let mut entries: Vec<(SystemTime, DirEntry)> = entries
                .flatten()
                .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry)))
                .collect();
            entries.sort_by_key(|(modified, _)| *modified);
            let surplus = entries.len().saturating_sub(keep.runs);
            for (index, (modified, entry)) in entries.iter().enumerate() {
                let age = now.duration_since(*modified).unwrap_or_default();
                if index < surplus || age > keep.age {
                    removed += usize::from(remove(entry));
                } else if age > EVERY {
                    finish_clearing(&RunDir::new(entry.path()));
                }
            }
        }
    }
    Ok(removed)
}

/// Removes what is left of ended runs, the oldest first, until there is `room`; how many.
pub(crate) fn make_room(work_dir: &Path, room: impl Fn() -> bool) -> usize {
    let Ok(installations) = std::fs::read_dir(work_dir) else {
        return 0;
    };
    let mut ended: Vec<(SystemTime, DirEntry)> = installations
        .flatten()
        .filter_map(|installation| std::fs::read_dir(installation.path().join("ended")).ok())
        .flat_map(Iterator::flatten)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry)))
        .collect();
    ended.sort_by_key(|(modified, _)| *modified);
    let mut removed = 0;
    for (_, entry) in ended {
        if room() {
            break;
        }
        // One that could not be removed is tried again, but not every second.
        let stuck = RunDir::new(entry.path()).is_stuck();
        removed += usize::from(!stuck && remove(&entry));
    }
    removed
}

/// One that cannot be removed must not keep the others.
fn remove(entry: &DirEntry) -> bool {
    let removed = entry.file_type().and_then(|kind| {
        if kind.is_dir() {
            RunDir::new(entry.path()).remove()
        } else {
            std::fs::remove_file(entry.path())
        }
    });
    if let Err(error) = &removed {
        tell_once(&RunDir::new(entry.path()), error);
    }
    removed.is_ok()
}

/// A worker that was killed just then has left a run with its secrets.
fn finish_clearing(dir: &RunDir) {
    if dir.holds_secrets()
        && !dir.is_stuck()
        && let Err(error) = dir.clear()
    {
        tell_once(dir, &error);
    }
}

/// Says once in the life of a run's folder that something of it cannot be removed.
pub(crate) fn tell_once(dir: &RunDir, error: &io::Error) {
    if dir.mark_stuck() {
        tracing::warn!(
            "cannot remove what a script has left: {error}; it is tried again now and then, remove it by hand if it never goes"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hera_domain::clock::{SystemClock, Timestamp};

    struct Later(Duration);

    impl Clock for Later {
        fn now(&self) -> Timestamp {
            SystemClock.now() + self.0
        }
    }

    #[test]
    fn old_and_surplus_runs_go_and_live_ones_stay() {
        let work = tempfile::tempdir().unwrap();
        let (ended, runs) = (work.path().join("i/ended"), work.path().join("i/runs"));
        for name in ["1-a", "2-b", "3-c"] {
            std::fs::create_dir_all(ended.join(name)).unwrap();
            std::fs::create_dir_all(runs.join(name)).unwrap();
        }
        let keep = Retention {
            age: Duration::from_hours(1),
            runs: 2,
        };
        let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
        assert_eq!(sweep(work.path(), keep, &SystemClock).unwrap(), 1);
        assert_eq!(left(&ended), 2);
        let later = Later(Duration::from_hours(2));
        assert_eq!(sweep(work.path(), keep, &later).unwrap(), 2);
        assert_eq!((left(&ended), left(&runs)), (0, 3));
    }

    #[test]
    fn secrets_that_a_killed_worker_has_left_go_before_the_log_does() {
        let work = tempfile::tempdir().unwrap();
        let run = work.path().join("i/ended/1-a");
        std::fs::create_dir_all(&run).unwrap();
        let dir = RunDir::new(&run);
        dir.write_masks(&["hunter2".to_owned()]).unwrap();
        std::fs::write(run.join("script.sh"), "echo hunter2").unwrap();
        std::fs::write(dir.log(), "hunter2\n").unwrap();
        let later = Later(EVERY * 2);
        assert_eq!(sweep(work.path(), Retention::default(), &later).unwrap(), 0);
        assert_eq!(std::fs::read_to_string(dir.log()).unwrap(), "*******\n");
        assert!(!dir.holds_secrets() && !run.join("script.sh").exists());
    }

    #[test]
    fn what_cannot_be_removed_keeps_nothing_else_and_is_told_once() {
        let work = tempfile::tempdir().unwrap();
        let run = work.path().join("i/ended/1-a");
        let busy = run.join("work/busy");
        std::fs::create_dir_all(&busy).unwrap();
        for file in ["spec.json", "output.log", "script.sh", "work/file"] {
            std::fs::write(run.join(file), "").unwrap();
        }
        // Nobody can remove what a file system is mounted on.
        let mount = |command: &mut std::process::Command| {
            command.output().is_ok_and(|done| done.status.success())
        };
        if !mount(
            std::process::Command::new("mount")
                .args(["-t", "tmpfs", "hera"])
                .arg(&busy),
        ) {
            eprintln!("skipped: this user cannot mount");
            return;
        }
        let none = Retention {
            age: Duration::ZERO,
            runs: 0,
        };
        let later = Later(Duration::from_secs(1));
        assert_eq!(sweep(work.path(), none, &later).unwrap(), 0);
        let left = || {
            let names = std::fs::read_dir(&run).unwrap().flatten();
            let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["spec.json", "stuck", "work"]);
        assert!(!run.join("work/file").exists());
        assert!(!RunDir::new(&run).mark_stuck());
        assert_eq!(make_room(work.path(), || false), 0);
        assert!(mount(std::process::Command::new("umount").arg(&busy)));
        assert_eq!(sweep(work.path(), none, &later).unwrap(), 1);
        assert!(!run.exists());
    }

    #[test]
    fn room_is_made_of_the_oldest_and_of_no_more_than_is_needed() {
        let work = tempfile::tempdir().unwrap();
        let folders = ["a/ended/1-x", "b/ended/2-x", "a/ended/3-x", "a/runs/0-x"];
        let folders = folders.map(|name| work.path().join(name));
        for (age, folder) in folders.iter().enumerate() {
            std::fs::create_dir_all(folder).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(age as u64);
            std::fs::File::open(folder)
                .unwrap()
                .set_modified(at)
                .unwrap();
        }
        let [first, second, third, live] = &folders;
        assert_eq!(make_room(work.path(), || !second.exists()), 2);
        assert!(!first.exists() && third.exists());
        assert_eq!(make_room(work.path(), || false), 1);
        assert!(live.exists());
    }
}
