//! The one visible moment: a finished file gets its name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Gives `from` the name `to`, durably. With `overwrite` whatever is there is replaced; without it an existing `to` is
/// an error of kind `AlreadyExists`, also when it comes into being at the same moment.
pub(super) fn publish(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        fs::rename(from, to)?;
    } else {
        rename_to_new(from, to)?;
    }
    sync_folder(to.parent())
}

fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        Err(e) => return Err(e.into()),
    }
    link_to_new(from, to)
}

/// For file systems that cannot rename without replacing: a hard link never replaces. A crash between the two steps
/// leaves two names of one file, which the next writer tells by their inode.
fn link_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // without hard links either, looking first is the best there is
        Err(_) if to.try_exists()? => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Makes the names in a folder durable, where a folder can be synchronised.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder).and_then(|f| f.sync_all()) {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        // a folder that may be written and not read can be used all the same
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_replaced_only_when_asked() {
        for rename in [rename_to_new, link_to_new] {
            let folder = tempfile::tempdir().unwrap();
            let (from, to) = (folder.path().join("from"), folder.path().join("to"));
            fs::write(&from, "new").unwrap();
            fs::write(&to, "old").unwrap();
            assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).unwrap(), b"old");
            assert!(from.exists());
            publish(&from, &to, true).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new");
            fs::rename(&to, &from).unwrap();
            rename(&from, &to).unwrap();
            assert!(!from.exists() && to.exists());
        }
    }
}
