//! Removes what a script has left, whatever that is: closed to its owner, nested without end, or
//! still growing.
//!
//! Folders inside are not descended into but moved up to the top, one after the other: depth costs
//! neither descriptors nor stack, and no path is longer than two names.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, chmodat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

/// What is still there then is left for the next time: whoever makes files as fast as they are
/// removed must not keep the worker.
const LONGEST: Duration = Duration::from_secs(10);

/// Removes a folder with all that is in it; one that is not there is no fault. What cannot be
/// removed does not keep the rest.
///
/// # Errors
/// When something stays; the first such thing is named.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    empty(folder)?;
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| of(folder, &error)),
    }
}

/// Removes all that is in a folder.
///
/// # Errors
/// As [`remove`].
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    let top = match open(CWD, folder) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(of(folder, &error.into())),
    };
    let mut removal = Removal {
        top: &top,
        folders: Vec::new(),
        moved: 0,
        until: Instant::now() + LONGEST,
        fault: None,
    };
    removal.run();
    let fault = removal.fault;
    fault.map_or(Ok(()), |(name, error)| {
        let name = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
        Err(of(&folder.join(name), &error.into()))
    })
}

fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens a folder, and opens it up if its owner has closed it.
fn open(folder: impl AsFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    unlocked(&folder, name, || {
        openat(&folder, name, flags, Mode::empty())
    })
}

/// Tries again after opening up what was closed. Root never has to, and must not: `chmod` follows
/// links, which somebody may put there meanwhile.
fn unlocked<T>(
    folder: impl AsFd,
    name: impl Arg,
    act: impl Fn() -> Result<T, Errno>,
) -> Result<T, Errno> {
    match act() {
        Err(Errno::ACCESS) if !nix::unistd::geteuid().is_root() => {
            chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
            act()
        }
        done => done,
    }
}

struct Removal<'a> {
    top: &'a OwnedFd,
    /// In the top, and not empty.
    folders: Vec<CString>,
    /// How many were moved there: their names.
    moved: u64,
    until: Instant,
    /// The first thing that could not be removed.
    fault: Option<(CString, Errno)>,
}

impl Removal<'_> {
    fn run(&mut self) {
        let top = self.top;
        self.clear(top, true);
        while let Some(name) = self.folders.pop() {
            let cleared = open(top, name.as_c_str()).map(|folder| self.clear(&folder, false));
            match cleared.and_then(|()| unlinkat(top, name.as_c_str(), AtFlags::REMOVEDIR)) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => self.fault(&name, error),
            }
        }
    }

    fn fault(&mut self, name: &CStr, error: Errno) {
        self.fault.get_or_insert_with(|| (name.to_owned(), error));
    }

    /// Removes the files of a folder, and takes note of the folders in it, at the top.
    fn clear(&mut self, folder: &OwnedFd, is_top: bool) {
        let entries = match Dir::read_from(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fault(c".", error),
        };
        for entry in entries {
            let name = match &entry {
                Ok(entry) if [c".", c".."].contains(&entry.file_name()) => continue,
                Ok(entry) => entry.file_name(),
                Err(error) => return self.fault(c".", *error),
            };
            if Instant::now() > self.until {
                return self.fault(name, Errno::TIMEDOUT);
            }
            let removed = match unlinkat(folder, name, AtFlags::empty()) {
                Err(Errno::ISDIR) => self.note(folder, name, is_top),
                removed => removed,
            };
            match removed {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => self.fault(name, error),
            }
        }
    }

    fn note(&mut self, folder: &OwnedFd, name: &CStr, is_top: bool) -> Result<(), Errno> {
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            removed => return removed,
        }
        if is_top {
            self.folders.push(name.to_owned());
            return Ok(());
        }
        loop {
            self.moved += 1;
            let new = CString::new(format!(".{}", self.moved)).map_err(|_zero| Errno::INVAL)?;
            // A folder that is moved elsewhere must itself be writable.
            match unlocked(folder, name, || {
                renameat(folder, name, self.top, new.as_c_str())
            }) {
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Ok(()) => {
                    self.folders.push(new);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn a_tree_deeper_than_a_process_has_descriptors_goes() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("work");
        std::fs::create_dir(&folder).unwrap();
        let mut deepest = open(CWD, &folder).unwrap();
        for depth in 0..3_000 {
            // The names that removal gives are taken at times.
            let name = format!(".{}", depth % 7);
            mkdirat(&deepest, &name, Mode::RWXU).unwrap();
            deepest = open(&deepest, &name).unwrap();
        }
        drop(deepest);
        remove(&folder).unwrap();
        assert!(!folder.exists());
        remove(&folder).unwrap();
    }

    #[test]
    fn links_and_fifos_go_and_what_they_lead_to_stays() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, other) = (parent.path().join("work"), parent.path().join("other"));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&other, folder.join("link")).unwrap();
        std::os::unix::fs::symlink(&other, folder.join("a/b/link")).unwrap();
        nix::unistd::mkfifo(&folder.join("a/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        remove(&folder).unwrap();
        assert!(!folder.exists() && other.join("file").exists());
    }
}
