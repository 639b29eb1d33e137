//! What a script prints: a pipe, which its runner empties into output.log.
//!
//! A script that had the file itself could cut it short, by no more than `> /dev/stderr`, and as
//! its team's user could not open it at all. A pipe can be opened anew by whoever holds it, and
//! gives nothing back. What is printed waits while the disk has no room; only what still waits
//! when the script has ended is lost, and told.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fchmod};

use crate::rundir::RunDir;

/// The argument of hera-run that makes it empty a pipe when its run is over.
pub const ARGUMENT: &str = "output";

/// As much as a pipe holds.
const PIECE: usize = 64 * 1024;

/// After how many milliseconds a disk without room is tried again.
const AGAIN: u8 = 100;

/// The output of a script, from the runner's side.
pub(crate) struct Output(Arc<Mutex<Drain>>);

/// Both ends of the way into the log.
struct Drain {
    pipe: File,
    log: File,
    /// What was read last.
    piece: Vec<u8>,
    /// The part of it that is not yet written.
    waiting: Range<usize>,
}

/// How it goes on.
enum Turn {
    Again,
    NoRoom,
    /// Nobody can print any more.
    Over,
}

/// What is known once a script has ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Printed {
    pub(crate) log_size: u64,
    /// Bytes for which there was no room.
    pub(crate) lost: usize,
}

impl Output {
    /// Makes the pipe of a run, and empties it from now on; what the script is to be given twice.
    pub(crate) fn open(dir: &RunDir) -> io::Result<(Self, (File, File))> {
        let log = dir.create_log()?;
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // As another user the script opens its own output too, to print; only we can read it.
        fchmod(&write, Mode::from_bits_truncate(0o622))?;
        fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        dir.write_pipe(&File::from(read.try_clone()?).metadata()?)?;
        let filled = read.try_clone()?;
        let drain = Arc::new(Mutex::new(Drain {
            pipe: File::from(read),
            log,
            piece: vec![0; PIECE],
            waiting: 0..0,
        }));
        let output = Self(Arc::clone(&drain));
        std::thread::Builder::new()
            .stack_size(256 * 1024)
            .spawn(move || empty(&filled, || lock(&drain).turn()))?;
        let write = File::from(write);
        Ok((output, (write.try_clone()?, write)))
    }

    /// Takes all that has been printed up to now.
    pub(crate) fn settle(&self) -> Printed {
        lock(&self.0).settle()
    }

    /// What the script has left behind may go on printing: somebody must read it, or it is ended
    /// by that.
    pub(crate) fn hand_over(self) {
        let drain = lock(&self.0);
        let mut ends = [PollFd::new(drain.pipe.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut ends, PollTimeout::ZERO);
        let [end] = ends;
        if end
            .revents()
            .is_some_and(|now| now.contains(PollFlags::POLLHUP))
        {
            return;
        }
        let pipe = fcntl(&drain.pipe, FcntlArg::F_SETFL(OFlag::empty()));
        if let (Ok(_), Ok(pipe)) = (pipe, drain.pipe.try_clone()) {
            let _ = Command::new("/proc/self/exe")
                .arg(ARGUMENT)
                .current_dir("/")
                .stdin(pipe)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
        }
    }
}

/// Reads what comes through standard input until nobody prints, and keeps nothing: it belongs to
/// no run, and nothing would bound it.
///
/// # Errors
/// When it cannot be read.
pub fn serve() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

fn lock(drain: &Mutex<Drain>) -> MutexGuard<'_, Drain> {
    drain.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes turns whenever there is something, until all is over.
fn empty(pipe: &impl AsFd, mut turn: impl FnMut() -> Turn) {
    loop {
        let mut filled = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut filled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        loop {
            match turn() {
                Turn::Again => break,
                // Nothing is awaited but time: no more may ever be printed.
                Turn::NoRoom => drop(poll(&mut [], AGAIN)),
                Turn::Over => return,
            }
        }
    }
}

impl Drain {
    fn turn(&mut self) -> Turn {
        if self.waiting.is_empty() {
            match self.read(PIECE) {
                Ok(0) => return Turn::Over,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Again,
                Err(_) => return Turn::Over,
            }
        }
        match self.write() {
            Ok(()) => Turn::Again,
            Err(_) => Turn::NoRoom,
        }
    }

    /// Reads a piece; the one before has been written.
    fn read(&mut self, most: usize) -> io::Result<usize> {
        loop {
            match self
                .pipe
                .read(self.piece.get_mut(..most).unwrap_or_default())
            {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.waiting = 0..*read.as_ref().unwrap_or(&0);
                    return read;
                }
            }
        }
    }

    /// Writes what waits; what finds no room waits on.
    fn write(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let waiting = self.piece.get(self.waiting.clone()).unwrap_or_default();
            match self.log.write(waiting) {
                Ok(written) => self.waiting.start += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// No more than what is in the pipe now: others may print for ever.
    fn settle(&mut self) -> Printed {
        let there = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0);
        let mut left = usize::try_from(there).unwrap_or(0);
        let mut room = self.write().is_ok();
        while room && left > 0 {
            match self.read(left.min(PIECE)) {
                Ok(0) | Err(_) => break,
                Ok(read) => left -= read,
            }
            room = self.write().is_ok();
        }
        Printed {
            log_size: self.log.metadata().map_or(0, |log| log.len()),
            lost: self.waiting.len() + if room { 0 } else { left },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_room_is_written_although_no_more_is_printed() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let (mut read, mut write) = (File::from(read), File::from(write));
        write.write_all(b"x").unwrap();
        let pipe = read.try_clone().unwrap();
        let mut turns = 0;
        empty(&pipe, || {
            turns += 1;
            match turns {
                1 => {
                    read.read_exact(&mut [0]).unwrap();
                    Turn::NoRoom
                }
                2 => Turn::NoRoom,
                _ => Turn::Over,
            }
        });
        assert_eq!(turns, 3);
        drop(write);
    }
}
