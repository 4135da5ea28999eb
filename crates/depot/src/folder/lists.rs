//! Lists of names: repositories and tags, sorted once and kept until one comes or goes.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use transload_oci::{is_repository, is_tag};

use super::durable::{names, there};
use super::{Inner, failed};
use crate::contents::{Fault, Page};

/// Folders that a repository's name can lead through.
const DEPTH_MAX: usize = 128;

/// Lists that are known, within a bound on names.
#[derive(Debug)]
pub(super) struct Lists {
    names_max: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Grows with every change: a list that was read before one is not kept after it.
    changes: u64,
    repositories: Option<Arc<Vec<String>>>,
    tags: HashMap<String, Arc<Vec<String>>>,
    /// Names in all of `tags`.
    tag_names: usize,
}

impl Lists {
    pub(super) fn new(names_max: usize) -> Self {
        Self { names_max, known: Mutex::default() }
    }

    /// A repository came or went.
    pub(super) fn repositories_changed(&self) {
        let mut known = self.known.lock();
        known.changes += 1;
        known.repositories = None;
    }

    /// A tag of the repository came or went.
    pub(super) fn tags_changed(&self, repository: &str) {
        let mut known = self.known.lock();
        known.changes += 1;
        if let Some(list) = known.tags.remove(repository) {
            known.tag_names -= list.len();
        }
    }

    fn repositories(
        &self,
        read: impl FnOnce() -> Result<Vec<String>, Fault>,
    ) -> Result<Arc<Vec<String>>, Fault> {
        let changes = {
            let known = self.known.lock();
            if let Some(list) = &known.repositories {
                return Ok(Arc::clone(list));
            }
            known.changes
        };
        let list = Arc::new(read()?);
        let mut known = self.known.lock();
        if known.changes == changes && list.len() <= self.names_max {
            known.repositories = Some(Arc::clone(&list));
        }
        Ok(list)
    }

    fn tags(
        &self,
        repository: &str,
        read: impl FnOnce() -> Result<Vec<String>, Fault>,
    ) -> Result<Arc<Vec<String>>, Fault> {
        let changes = {
            let known = self.known.lock();
            if let Some(list) = known.tags.get(repository) {
                return Ok(Arc::clone(list));
            }
            known.changes
        };
        let list = Arc::new(read()?);
        let mut known = self.known.lock();
        if known.changes == changes && list.len() <= self.names_max {
            if known.tag_names + list.len() > self.names_max {
                known.tags.clear();
                known.tag_names = 0;
            }
            known.tag_names += list.len();
            if let Some(older) = known.tags.insert(repository.to_owned(), Arc::clone(&list)) {
                known.tag_names -= older.len();
            }
        }
        Ok(list)
    }
}

impl Inner {
    /// Whether anything was ever pushed to the repository.
    pub(super) fn has_repository(&self, repository: &str) -> bool {
        let paths = self.paths.repository(repository);
        paths.manifests().exists() || paths.layers().exists()
    }

    pub(super) fn repositories(&self, after: &str, most: usize) -> Result<Page, Fault> {
        let list = self.all_repositories()?;
        Ok(Page::of(&list, after, most))
    }

    /// Every repository, in lexical order.
    pub(super) fn all_repositories(&self) -> Result<Arc<Vec<String>>, Fault> {
        self.lists.repositories(|| {
            let top = self.paths.repositories();
            let mut list = Vec::new();
            collect(&top, "", 0, &["_layers", "_manifests"], &mut list).map_err(failed(&top))?;
            list.sort_unstable();
            Ok(list)
        })
    }

    /// Every repository, and every name under which there is but an upload.
    pub(super) fn all_places(&self) -> Result<Vec<String>, Fault> {
        let top = self.paths.repositories();
        let mut list = Vec::new();
        collect(&top, "", 0, &["_layers", "_manifests", "_uploads"], &mut list).map_err(failed(&top))?;
        Ok(list)
    }

    pub(super) fn tags(&self, repository: &str, after: &str, most: usize) -> Result<Page, Fault> {
        let list = self.all_tags(repository)?;
        if list.is_empty() && !self.has_repository(repository) {
            return Err(Fault::no_repository(repository));
        }
        Ok(Page::of(&list, after, most))
    }

    /// Every tag of the repository, in lexical order.
    pub(super) fn all_tags(&self, repository: &str) -> Result<Arc<Vec<String>>, Fault> {
        self.lists.tags(repository, || {
            let paths = self.paths.repository(repository);
            let folder = paths.tags();
            let mut list = names(&folder).map_err(failed(&folder))?;
            // one that points nowhere is what is left of a tag that was being made or removed
            list.retain(|tag| is_tag(tag) && paths.current(tag).exists());
            Ok(list)
        })
    }
}

/// Finds repositories below a folder: what has one of the `signs` in it. A name that begins with `_` is a repository's own.
fn collect(
    folder: &Path,
    name: &str,
    depth: usize,
    signs: &[&str],
    list: &mut Vec<String>,
) -> std::io::Result<()> {
    let Some(entries) = there(fs::read_dir(folder))? else { return Ok(()) };
    let mut has_contents = false;
    for entry in entries {
        let entry = entry?;
        let Ok(part) = entry.file_name().into_string() else { continue };
        if part.starts_with('_') {
            has_contents |= signs.contains(&part.as_str());
        } else if depth < DEPTH_MAX && entry.file_type()?.is_dir() {
            let inner = if name.is_empty() { part } else { format!("{name}/{part}") };
            collect(&entry.path(), &inner, depth + 1, signs, list)?;
        }
    }
    if has_contents && is_repository(name) {
        list.push(name.to_owned());
    }
    Ok(())
}
