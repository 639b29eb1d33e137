//! The worker's own files: whole or absent, whatever dies when, and nobody else's.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// Writes a file that is either absent (or its former self) or complete, whatever dies when.
///
/// # Errors
/// When the folder cannot be written, for example because the disk is full.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    write_private(&unfinished, bytes)?.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_folder(folder_of(path))
}

/// Whether nothing is at this path. Where that cannot be told, something may be.
pub(crate) fn is_absent(path: &Path) -> bool {
    let found = std::fs::symlink_metadata(path);
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Makes the content of a file survive a power failure.
///
/// # Errors
/// When there is none, or the disk fails.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    open(path)?.sync_all()
}

/// Writes a file that only its owner may read; no promise about the disk.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = open_private(path)?;
    // Not before it is known whose it is.
    file.set_len(0)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Opens a file that only its owner may read, with what it holds, or makes it.
///
/// # Errors
/// When the folder cannot be written, or something else is in its place.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    open_own(
        path,
        OpenOptions::new().write(true).create(true).mode(0o600),
    )
}

/// Makes a folder that is there for whom `mode` says, whatever this program's own habit (umask).
///
/// # Errors
/// When it cannot be made, or is another's.
pub(crate) fn make_folder(folder: &Path, mode: u32) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(mode).create(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(mode))
}

/// Makes the names in a folder survive a power failure.
///
/// # Errors
/// When the folder cannot be opened.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

/// The content of a file, or `None` when there is none.
///
/// # Errors
/// When it exists and cannot be read.
pub(crate) fn read_if_present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match open(path) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// One of the worker's own files, for reading.
///
/// # Errors
/// When there is none, or something else is in its place.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_own(path, OpenOptions::new().read(true))
}

/// One of the worker's own files, for reading and changing.
///
/// # Errors
/// When there is none, or something else is in its place.
pub(crate) fn open_to_change(path: &Path) -> io::Result<File> {
    open_own(path, OpenOptions::new().read(true).write(true))
}

/// Opens a file without being led elsewhere, made to wait, or shown what somebody else has put
/// there: the worker may be root.
fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A FIFO would hold up whoever opens it until somebody comes to its other end.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = options.custom_flags(flags.bits()).open(path)?;
    let meta = file.metadata()?;
    // Of an earlier worker, if this one has become another user since.
    let owner = || std::fs::metadata(folder_of(path)).map(|folder| folder.uid());
    let is_ours = meta.uid() == geteuid().as_raw() || meta.uid() == owner()?;
    if meta.is_file() && is_ours {
        return Ok(file);
    }
    let path = path.display();
    Err(io::Error::other(format!(
        "{path} is not a file of this worker's; find out who has put it there, and remove it"
    )))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn a_link_a_fifo_and_a_strangers_file_are_neither_read_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("precious"), "as it was").unwrap();
        symlink(at("precious"), at("link")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        let mut planted = vec!["link", "fifo"];
        if geteuid().is_root() {
            std::fs::write(at("strange"), "forged").unwrap();
            chown(at("strange"), Some(65_534), None).unwrap();
            planted.push("strange");
        }
        for name in planted {
            assert!(read_if_present(&at(name)).is_err(), "{name}");
            assert!(write_private(&at(name), b"new").is_err(), "{name}");
        }
        assert_eq!(std::fs::read(at("precious")).unwrap(), b"as it was");
    }

    #[test]
    fn what_is_ours_is_read_written_and_missed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own");
        assert_eq!(read_if_present(&file).unwrap(), None);
        write_private(&file, b"longer").unwrap();
        write_private(&file, b"own").unwrap();
        assert_eq!(read_if_present(&file).unwrap(), Some(b"own".to_vec()));
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
