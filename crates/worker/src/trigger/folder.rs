//! What the file system says of folders that are containers.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Folders in which something happened, and whether the ledger had a word. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Stirs(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    folders: Mutex<HashSet<String>>,
    poked: Mutex<bool>,
    wake: Notify,
}

impl Stirs {
    /// Until something happens in a folder.
    pub(super) async fn stirred(&self) {
        self.0.wake.notified().await;
    }

    /// The containers whose folders were written to since this was last asked.
    pub(super) fn take_folders(&self) -> HashSet<String> {
        std::mem::take(&mut *self.0.folders.lock())
    }

    /// The ledger may have a word.
    pub(super) fn poked(&self) {
        *self.0.poked.lock() = true;
    }

    pub(super) fn take_poked(&self) -> bool {
        std::mem::take(&mut *self.0.poked.lock())
    }

    fn tell(&self, container: &str) {
        if self.0.folders.lock().insert(container.to_owned()) {
            self.0.wake.notify_one();
        }
    }

    /// Watches a folder for a container until what is returned is dropped. `None` where the system does not watch it: then the
    /// interval has to do.
    pub(super) fn watch(&self, container: &str, folder: &Path) -> Option<RecommendedWatcher> {
        let (stirs, name) = (self.clone(), container.to_owned());
        let told = move |event: notify::Result<Event>| {
            // an error may mean that events were lost
            if event.map_or(true, |event| is_write(&event.kind)) {
                stirs.tell(&name);
            }
        };
        let watching = notify::recommended_watcher(told).and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        match watching {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "the system does not tell of new files; the folder is listed at intervals");
                None
            }
        }
    }
}

/// Reading is no news: the look at the folder itself reads.
fn is_write(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => *access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_stirs_and_one_that_is_read_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/a.tar");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        let stirs = Stirs::default();
        let watcher = stirs.watch("c", folder.path()).unwrap();
        std::fs::write(&file, "x").unwrap();
        stirs.stirred().await;
        assert_eq!(stirs.take_folders(), HashSet::from(["c".to_owned()]));
        drop(watcher);

        assert!(!is_write(&EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_write(&EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_write(&EventKind::Access(AccessKind::Close(AccessMode::Write))));
    }
}
