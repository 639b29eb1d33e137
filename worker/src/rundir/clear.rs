//! What goes of a run's folder when the run is over, and when it is old.

use std::ffi::OsStr;
use std::io;

use nix::unistd::geteuid;

use super::{RunDir, SCRIPT, SPEC};
use crate::{files, removal};

/// It has been told that the folder cannot be removed.
const STUCK: &str = "stuck";

impl RunDir {
    /// Removes what only the script needed: its text, its secrets, and its own folder, by its
    /// tenant if it has one.
    ///
    /// # Errors
    /// When something stays; all else is gone then.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let is_text = |name: &OsStr| name.as_encoded_bytes().starts_with(SCRIPT.as_bytes());
        // The log last: by its masks a text that is left is known.
        let text = self.remove_files(is_text).and_then(|()| self.cover_log());
        let own = removal::remove(&self.work());
        let tenants = self.clear_tenants();
        text.and(own).and(tenants)
    }

    /// Removes the folder.
    ///
    /// # Errors
    /// When something of the script's stays; all else is gone then, but for what leads there.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let cleared = self.clear();
        let leads_there = |name: &OsStr| name == SPEC || name == STUCK;
        let removed = self.remove_files(|name| !leads_there(name));
        cleared.and(removed)?;
        std::fs::remove_dir_all(&self.path)
    }

    /// Notes that something of this folder cannot be removed; whether that is news.
    pub(crate) fn mark_stuck(&self) -> bool {
        let news = !self.is_stuck();
        if news {
            // On a disk that takes no mark it will be news again.
            drop(files::write_private(&self.path.join(STUCK), b""));
        }
        news
    }

    /// Whether something of this folder could not be removed.
    pub(crate) fn is_stuck(&self) -> bool {
        self.path.join(STUCK).exists()
    }

    /// Removes the files that are so named.
    fn remove_files(&self, are_named: impl Fn(&OsStr) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)?.flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
            if is_file && are_named(&entry.file_name()) {
                unless_gone(std::fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    /// Removes what tenants have made. Only root goes into their folders: for anybody else a
    /// tenant does.
    fn clear_tenants(&self) -> io::Result<()> {
        let folder = self.tenants();
        if !folder.exists() {
            return Ok(());
        }
        // Its runner may have been killed in the wrong moment.
        self.open_to_tenant(false)?;
        if geteuid().is_root() {
            let removed = removal::remove(&folder);
            // A network's disk may know no root.
            if !matches!(&removed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
                return removed;
            }
        }
        let tenant = self.read_spec()?.and_then(|spec| spec.tenant);
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                std::fs::remove_file(entry.path())?;
                continue;
            }
            if let Some(tenant) = &tenant {
                tenant.empty(&entry.path())?;
            }
            std::fs::remove_dir(entry.path()).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", entry.path().display()))
            })?;
        }
        unless_gone(std::fs::remove_dir(&folder))
    }

    /// Whether its secrets are still here, the script's text among them.
    pub(crate) fn holds_secrets(&self) -> bool {
        self.masks().exists()
    }

    /// Covers in the log what must not be read there; nobody needs to know it any more then.
    fn cover_log(&self) -> io::Result<()> {
        if !self.holds_secrets() {
            return Ok(());
        }
        match files::open_to_change(&self.log()) {
            Ok(log) => {
                let size = log.metadata()?.len();
                self.read_masks()?.cover_file(&log, 0..size)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        unless_gone(std::fs::remove_file(self.masks()))
    }
}

/// Somebody else may be clearing, too.
fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
