//! Listing a folder's files as blobs.

use std::fs;
use std::io;
use std::path::Path;

use super::{PARTIAL_SUFFIX, is_ours, stat_of};
use crate::store::BlobStat;

/// The files below `folder` whose name starts with `prefix`, in name order. What is being written, and what has no
/// name in UTF-8, is left out; folders below the first that may not be read are passed over; links to folders are not
/// followed.
pub(super) fn list(folder: &Path, prefix: &str) -> io::Result<Vec<BlobStat>> {
    files(folder, prefix, |name| !is_ours(name))
}

/// What is being written below `folder`, or was once, under names that start with `prefix`, in name order.
pub(super) fn unfinished(folder: &Path, prefix: &str) -> io::Result<Vec<BlobStat>> {
    let mut found = files(folder, prefix, |name| name.ends_with(PARTIAL_SUFFIX))?;
    for stat in &mut found {
        stat.name.truncate(stat.name.len() - PARTIAL_SUFFIX.len());
    }
    Ok(found)
}

fn files(folder: &Path, prefix: &str, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<BlobStat>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(within) = folders.pop() {
        let entries = match fs::read_dir(folder.join(&within)) {
            Ok(entries) => entries,
            Err(e) if within.is_empty() => return Err(e),
            Err(_) => continue,
        };
        for entry in entries {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else { continue };
            let name = format!("{within}{file_name}");
            if entry.file_type()?.is_dir() {
                let below = format!("{name}/");
                if below.starts_with(prefix) || prefix.starts_with(&below) {
                    folders.push(below);
                }
            } else if name.starts_with(prefix)
                && wanted(&name)
                && let Ok(meta) = fs::metadata(entry.path())
                && meta.is_file()
            {
                found.push(stat_of(name, &meta));
            }
        }
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
