//! Writing so that what was acknowledged is there after a crash, and nothing is ever there by half.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Whether files and folders are synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    /// Before anything is acknowledged.
    Synced,
    /// Never: the store does not outlive the process.
    Unsynced,
}

/// A sync is what a push waits for: each costs a commit of the file system's journal, or at least a flush of the disk.
/// So there are as few as can be, and they rely on what file systems on Linux do beyond POSIX: a file that is synced
/// takes the names of its new folders along.
impl Durable {
    /// Makes a folder, and its parents as far as they are missing. Durable with the first file in it.
    pub(super) fn make_folder(self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let Some(parent) = path.parent() else { return Err(error) };
                self.make_folder(parent)?;
                self.make_folder(path)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a small file where there may be one already: whoever reads it sees the old or the new bytes.
    pub(super) fn replace(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write_beside(path, bytes)?;
        self.settle(path)
    }

    /// Writes a small file unless there is one: its bytes are always the same. Durable by [`settle`](Self::settle).
    pub(super) fn write_once(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match fs::read(path) {
            // other bytes are what a power cut leaves, or rot
            Ok(found) if found == bytes => Ok(()),
            _ => self.write_beside(path, bytes),
        }
    }

    /// Writes a file that says by its name alone what it says, unless there is one: somebody may see it while it is
    /// empty.
    pub(super) fn point(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if is_whole(path, bytes) {
            return Ok(());
        }
        self.make_folder(parent(path)?)?;
        let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
        file.write_all(bytes)?;
        // with its name, which is new as well
        if self == Self::Synced { file.sync_all() } else { Ok(()) }
    }

    /// Writes bytes, synced, under another name, and then gives the file its own.
    fn write_beside(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = parent(path)?;
        self.make_folder(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        self.sync(file.as_file())?;
        file.persist(path).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// Gives a file another place in the same file system. Durable by [`settle`](Self::settle).
    pub(super) fn rename(self, from: &Path, to: &Path) -> io::Result<()> {
        self.make_folder(parent(to)?)?;
        fs::rename(from, to)
    }

    /// Makes the name of a file that was written or renamed durable. After a file that points there was synced this
    /// costs little: the journal has both.
    pub(super) fn settle(self, path: &Path) -> io::Result<()> {
        self.sync_folder_of(path)
    }

    /// Syncs the bytes of a file.
    pub(super) fn sync(self, file: &File) -> io::Result<()> {
        if self == Self::Synced { file.sync_data() } else { Ok(()) }
    }

    /// Removes a file; whether there was one.
    pub(super) fn remove(self, path: &Path) -> io::Result<bool> {
        if !found(fs::remove_file(path))? {
            return Ok(false);
        }
        self.sync_folder_of(path).map(|()| true)
    }

    /// Removes a folder with all that is in it; whether there was one.
    pub(super) fn remove_folder(self, path: &Path) -> io::Result<bool> {
        if !found(fs::remove_dir_all(path))? {
            return Ok(false);
        }
        self.sync_folder_of(path).map(|()| true)
    }

    /// Makes the name of `path` durable.
    fn sync_folder_of(self, path: &Path) -> io::Result<()> {
        if self == Self::Unsynced {
            return Ok(());
        }
        match File::open(parent(path)?) {
            Ok(folder) => folder.sync_all(),
            // removed since, with all that was in it
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// One of no length is what a power cut leaves.
fn is_whole(path: &Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|found| found.len() == bytes.len() as u64)
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
}

/// `false` for what was not there.
pub(super) fn found(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `None` for what was not there.
pub(super) fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a folder, in lexical order; none where there is no folder. Names that are no UTF-8 are nobody's.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = there(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
