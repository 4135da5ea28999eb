//! What the operating system says, in this crate's words.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::error::{Error, ErrorKind};

/// Size of the pieces in which zeroes are written, in bytes.
const ZEROES_BYTES: u64 = 1 << 20;

/// The error of failing to `act` on what is at `subject`.
pub(super) fn error(subject: &str, act: &str, cause: &io::Error) -> Error {
    use io::ErrorKind as E;
    let kind = match cause.kind() {
        E::NotFound => ErrorKind::NotFound,
        E::PermissionDenied | E::ReadOnlyFilesystem => ErrorKind::Denied,
        E::StorageFull | E::QuotaExceeded | E::FileTooLarge => ErrorKind::Full,
        E::WouldBlock | E::ResourceBusy => ErrorKind::Busy,
        _ => ErrorKind::Io,
    };
    let error = Error::new(kind, subject, format!("cannot {act}: {cause}"));
    match cause.kind() {
        E::FileTooLarge => error.with_hint(
            "the file system (FAT32: 4 GiB) or a limit of this account bounds the size of a file: use another place",
        ),
        E::StorageFull | E::QuotaExceeded => {
            error.with_hint("make room and run the command again: what was written is used")
        }
        E::PermissionDenied => error.with_hint("check who may read and write there"),
        _ => error,
    }
}

/// Whether the error says that there is nothing of that name.
pub(super) fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a folder is missing and its parent is there.
pub(super) fn can_be_made(folder: &Path) -> bool {
    !folder.exists()
        && match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.is_dir(),
            Some(_) => true,
            None => false,
        }
}

/// Changes whenever a file is written or replaced: size, time of the last write in nanoseconds, inode.
pub(super) fn etag(meta: &Metadata) -> String {
    format!("{:x}-{:x}.{:x}-{:x}", meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino())
}

/// Whether two files are one.
pub(super) fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Refuses what will not fit: `len` bytes planned, of which `partial` already has some.
pub(super) fn check_room(subject: &str, folder: &Path, len: u64, partial: &Metadata) -> Result<(), Error> {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        // not knowing the room is no reason to refuse
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let wanted = len.saturating_sub(partial.blocks() * 512);
    if wanted <= free {
        return Ok(());
    }
    let detail = format!("it needs {} and the disk has {} free", show_bytes(wanted), show_bytes(free));
    Err(Error::new(ErrorKind::Full, subject, detail).with_hint("make room, or write to another disk"))
}

/// Makes a stretch read as zeroes, without using the disk for it where the file system can do that.
pub(super) fn zero(file: &File, mut offset: u64, len: u64) -> io::Result<()> {
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if len == 0 || fallocate(file, punch, offset, len).is_ok() {
        return Ok(());
    }
    let zeroes = vec![0; ZEROES_BYTES.min(len) as usize];
    let end = offset + len;
    while offset < end {
        let piece = (end - offset).min(ZEROES_BYTES);
        file.write_all_at(&zeroes[..piece as usize], offset)?;
        offset += piece;
    }
    Ok(())
}

fn show_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{bytes} bytes"),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_get_their_kind() {
        for (code, kind) in [
            (28, ErrorKind::Full),
            (122, ErrorKind::Full),
            (27, ErrorKind::Full),
            (13, ErrorKind::Denied),
            (30, ErrorKind::Denied),
            (5, ErrorKind::Io),
        ] {
            assert_eq!(error("x", "write", &io::Error::from_raw_os_error(code)).kind(), kind, "{code}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_figures() {
        let folder = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
        let meta = file.as_file().metadata().unwrap();
        check_room("x", folder.path(), 1, &meta).unwrap();
        let error = check_room("x", folder.path(), u64::MAX / 2, &meta).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.detail().contains("needs 9223372036.9 GB"), "{error}");
    }
}
