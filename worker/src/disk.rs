//! Keeps room on the disk: bounds the logs of live runs, and gives up old ones when it gets tight.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hera_proto::LOG_KEEP_BYTES;
use nix::fcntl::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tokio::sync::watch;

use crate::files;
use crate::installation::{Context, Installation};
use crate::masks::Masks;
use crate::retention;
use crate::run::Run;
use crate::rundir::RunDir;

const MIB: u64 = 1024 * 1024;

/// How often the logs and the disk are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is free for this user on the disk of `folder`; `None` if nobody can tell.
pub(crate) fn free_mib(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(disk.blocks_available() * disk.fragment_size() / MIB)
}

/// Looks after the disk for ever.
pub(crate) async fn guard(context: Arc<Context>, installation: watch::Receiver<Arc<Installation>>) {
    let mut full = false;
    // Not every file system can give up a part of a file.
    let mut can_bound = true;
    loop {
        let (context, installation) = (Arc::clone(&context), Arc::clone(&installation.borrow()));
        let looked = tokio::task::spawn_blocking(move || {
            let limits = context.settings.disk;
            let runs = installation.runs();
            let can_bound = can_bound && bound_logs(&runs, limits.max_log_mib * MIB);
            let folder = &context.settings.work_dir;
            let free = free_mib(folder).unwrap_or(u64::MAX);
            if free < limits.min_free_mib {
                let room = || free_mib(folder).is_none_or(|free| free >= limits.min_free_mib);
                let removed = retention::make_room(folder, room);
                if removed > 0 {
                    tracing::warn!(removed, "gave up the oldest logs of ended runs for room");
                }
            }
            let free = free_mib(folder).unwrap_or(u64::MAX);
            (can_bound, free, free < limits.min_free_mib)
        })
        .await;
        if let Ok((bounded, free, is_full)) = looked {
            can_bound = bounded;
            let was_full = std::mem::replace(&mut full, is_full);
            match (was_full, is_full) {
                (false, true) => tracing::error!(
                    "{free} MiB are left on the disk of hera.workDir, less than hera.worker.minDiskFree: taking no more runs until there is room"
                ),
                (true, false) => tracing::info!("there is room on the disk again: taking runs"),
                (true, true) | (false, false) => {}
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Bounds the logs of live runs; false if the disk can give up no part of a file.
fn bound_logs(runs: &[Arc<Run>], most: u64) -> bool {
    for run in runs.iter().filter(|run| run.is_live()) {
        let bounded = run
            .masks()
            .and_then(|masks| bound_log(&run.dir, masks, most));
        match bounded.map_err(|error| (Errno::from_io_error(&error), error)) {
            Ok(()) => {}
            Err((Some(Errno::OPNOTSUPP | Errno::NOSYS), error)) => {
                tracing::warn!(
                    "logs are not bounded by hera.worker.maxLog, because the disk of hera.workDir cannot: {error}"
                );
                return false;
            }
            // A moment later, then; the others' must not wait for it.
            Err((_, error)) => {
                tracing::warn!(run.id = %run.key.run, "cannot bound a log: {error}");
            }
        }
    }
    true
}

/// Gives up the middle of a log that takes more than `most` bytes of the disk. Offsets stay: what
/// is given up reads as zeros.
fn bound_log(dir: &RunDir, masks: &Masks, most: u64) -> io::Result<()> {
    let Ok(meta) = std::fs::symlink_metadata(dir.log()) else {
        return Ok(());
    };
    if meta.blocks() * 512 <= most {
        return Ok(());
    }
    let head = LOG_KEEP_BYTES;
    let tail = meta.len() - (most / 2).min(meta.len());
    let end = i64::try_from(tail).map_err(io::Error::other)?;
    if end <= head {
        return Ok(());
    }
    let log = files::open_to_change(&dir.log())?;
    // Half a secret would not be known for one any more.
    for edge in [LOG_KEEP_BYTES.unsigned_abs(), tail] {
        masks.cover_file(&log, edge..edge + 1)?;
    }
    let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    fallocate(log, punch, head, end - head)?;
    Ok(())
}

/// Whether the middle of a log was given up.
pub(crate) fn has_gap(dir: &RunDir, most: u64) -> bool {
    std::fs::symlink_metadata(dir.log())
        .is_ok_and(|meta| meta.len() > most && meta.blocks() * 512 < meta.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_log_that_cannot_be_bounded_now_keeps_no_other_from_it() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root, to give a file away");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let run = |id: i64| {
            let dir = RunDir::new(folder.path().join(id.to_string()));
            dir.create(None).unwrap();
            std::fs::write(dir.log(), vec![7; 24 << 20]).unwrap();
            let key = hera_domain::engine::RunRef {
                run: hera_domain::id::RunId(id),
                nonce: String::new(),
            };
            Arc::new(Run::new(key, dir, crate::run::Phase::Accepted))
        };
        let runs = [run(1), run(2)];
        std::os::unix::fs::chown(runs[0].dir.log(), Some(65_534), None).unwrap();
        assert!(bound_logs(&runs, 16 * MIB));
        let held = |run: &Run| std::fs::metadata(run.dir.log()).unwrap().blocks() * 512;
        assert_eq!(held(&runs[0]), 24 * MIB);
        assert!(held(&runs[1]) <= 16 * MIB);
    }

    #[test]
    fn a_log_keeps_its_head_and_its_end_and_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let mut log = std::fs::File::create_new(dir.log()).unwrap();
        let most = 16 * MIB;
        // Every eight bytes tell their own offset, in eighths.
        for chunk in 0..40 {
            let numbers = (0..MIB / 8).map(|number| chunk * MIB / 8 + number);
            let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
            log.write_all(&bytes).unwrap();
            bound_log(&dir, &Masks::default(), most).unwrap();
        }
        let meta = log.metadata().unwrap();
        assert_eq!(meta.len(), 40 * MIB);
        assert!(meta.blocks() * 512 <= most, "{} blocks", meta.blocks());
        assert!(has_gap(&dir, most));
        let log = std::fs::File::open(dir.log()).unwrap();
        let number_at = |offset: u64| {
            let mut bytes = [0; 8];
            log.read_exact_at(&mut bytes, offset).unwrap();
            u64::from_le_bytes(bytes) * 8
        };
        for kept in [8, 4 * MIB - 8, 40 * MIB - 4 * MIB, 40 * MIB - 8] {
            assert_eq!(number_at(kept), kept);
        }
        assert_eq!(number_at(20 * MIB), 0);
    }
}
