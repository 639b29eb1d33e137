//! What a process was started with and where it prints. To look there may take for ever: a process
//! whose memory waits for a file system out of reach (FUSE, NFS) keeps whoever looks. It is looked
//! from threads that can be left behind.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long one process may keep us, and all together.
const ONE: Duration = Duration::from_secs(1);
const ALL: Duration = Duration::from_secs(5);

/// A process: its number and its start time.
pub(super) type Seen = (i32, u64);

/// Remembers who does not let us look.
#[derive(Debug, Clone, Default)]
pub(super) struct Inside {
    /// Each with the thread that it keeps: whether that is free again.
    closed: BTreeMap<Seen, Arc<AtomicBool>>,
    /// Not everybody could be looked at in the latest look.
    partial: bool,
}

impl Inside {
    /// Whether everybody could be looked at.
    pub(super) fn is_whole(&self) -> bool {
        !self.partial
    }

    /// Those of `there` of whom `is_sought` holds.
    pub(super) fn seek(
        &mut self,
        mut there: Vec<Seen>,
        is_sought: impl Fn(i32) -> io::Result<bool> + Clone + Send + 'static,
    ) -> io::Result<Vec<i32>> {
        let end = Instant::now() + ALL;
        self.closed
            .retain(|seen, free| there.contains(seen) && !free.load(Ordering::Relaxed));
        self.partial = !self.closed.is_empty();
        there.retain(|seen| !self.closed.contains_key(seen));
        let mut sought = Vec::new();
        while !there.is_empty() {
            let Some(looker) = Looker::new(&there, is_sought.clone()) else {
                // A run may have taken all the threads that this user may have.
                self.partial = true;
                return Ok(sought);
            };
            let mut looked = 0;
            for seen in &there {
                let left = end.saturating_duration_since(Instant::now());
                looked += 1;
                match looker.answers.recv_timeout(left.min(ONE)) {
                    Ok(answer) => sought.extend(answer?.then_some(seen.0)),
                    Err(RecvTimeoutError::Timeout) => {
                        self.partial = true;
                        self.closed.insert(*seen, looker.free);
                        if left < ONE {
                            return Ok(sought);
                        }
                        break;
                    }
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(io::Error::other("a thread has ended too early"));
                    }
                }
            }
            there.drain(..looked);
        }
        Ok(sought)
    }
}

/// A thread that looks at one after the other.
struct Looker {
    answers: mpsc::Receiver<io::Result<bool>>,
    free: Arc<AtomicBool>,
}

impl Looker {
    /// `None` if there is no thread for it.
    fn new(
        there: &[Seen],
        is_sought: impl Fn(i32) -> io::Result<bool> + Send + 'static,
    ) -> Option<Self> {
        let (say, answers) = mpsc::channel();
        let free = Arc::new(AtomicBool::new(false));
        let (pids, now_free) = (there.to_vec(), Arc::clone(&free));
        let look = move || {
            for (pid, _) in pids {
                if say.send(is_sought(pid)).is_err() {
                    // Left behind, and back.
                    break;
                }
            }
            now_free.store(true, Ordering::Relaxed);
        };
        let thread = std::thread::Builder::new()
            .name("look".to_owned())
            .stack_size(256 * 1024);
        thread.spawn(look).ok()?;
        Some(Self { answers, free })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_let_us_look_hides_nobody_else_and_is_looked_at_again() {
        let (let_go, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let is_sought = move |pid: i32| {
            if pid == 2 {
                let _ = held.lock().unwrap().recv();
            }
            Ok(pid > 1)
        };
        let there = vec![(1, 10), (2, 20), (3, 30)];
        let mut inside = Inside::default();
        let found = inside.seek(there.clone(), is_sought.clone()).unwrap();
        assert_eq!((found, inside.is_whole()), (vec![3], false));
        // Nobody waits for it again while it keeps the first thread.
        let begun = Instant::now();
        let found = inside.seek(there.clone(), is_sought.clone()).unwrap();
        assert_eq!((found, inside.is_whole()), (vec![3], false));
        assert!(begun.elapsed() < ONE);
        drop(let_go);
        let free = Arc::clone(&inside.closed[&(2, 20)]);
        while !free.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let found = inside.seek(there, is_sought).unwrap();
        assert_eq!((found, inside.is_whole()), (vec![2, 3], true));
    }

    #[test]
    fn who_cannot_look_for_want_of_descriptors_says_so() {
        let fails = |_| Err(io::Error::other("no descriptor is left"));
        assert!(Inside::default().seek(vec![(1, 1)], fails).is_err());
    }
}
