//! Collecting garbage while the registry runs: what nothing refers to goes, after a grace.
//!
//! First everything that is referred to is marked, repository by repository; then what is not marked is removed. What
//! comes to be referred to in between is noted by [`Sweep`](super::sweep::Sweep), and looked up at the moment of each
//! removal. The grace is for clients, who push blobs long before the manifest that refers to them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use transload_oci::{Digest, Manifest};

use super::durable::{names, there};
use super::manifests::{digest, digests};
use super::paths::{ALGORITHMS, Repository};
use super::{Folder, Inner, Stored, failed};
use crate::contents::{Fault, FaultKind};

/// Removals that are made while nobody may point at anything.
const AT_ONCE: usize = 32;

/// What a collection takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcOptions {
    /// What is younger stays. A blob is as old as the last push, mount or look-up of it.
    pub grace: Duration,
    /// Takes manifests, too, that no tag leads to, neither directly nor through an index nor as the subject's referrer.
    pub untagged: bool,
    /// Uploads that were not written to for so long go.
    pub uploads_idle: Duration,
    /// Only says what would be taken.
    pub dry_run: bool,
}

/// What a collection took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// Repositories that were looked through.
    pub repositories: u64,
    /// Repositories that had nothing left in them, and are gone.
    pub repositories_removed: u64,
    /// Manifests that stay, counted in each repository.
    pub manifests: u64,
    /// Manifests that are gone, counted in each repository.
    pub manifests_removed: u64,
    /// Blobs and manifests whose bytes stay.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Blobs and manifests whose bytes are gone.
    pub blobs_removed: u64,
    /// Their bytes.
    pub blob_bytes_removed: u64,
    /// Of the blobs that stay, those that nothing refers to and that are younger than the grace.
    pub blobs_young: u64,
    /// Uploads that had been given up.
    pub uploads_removed: u64,
    /// Their bytes.
    pub upload_bytes_removed: u64,
    /// What could not be looked at. Where a manifest cannot be read, everything that the repository has stays.
    pub problems: Vec<String>,
    /// Whether nothing was removed, only counted.
    pub dry_run: bool,
}

impl Folder {
    /// Collects garbage. Requests go on meanwhile.
    ///
    /// # Errors
    /// `Unavailable` when a collection runs already or `stop` ended this one, `Failed` when the disk fails.
    pub async fn collect(&self, options: GcOptions, stop: CancellationToken) -> Result<GcReport, Fault> {
        self.run(move |inner| {
            if !inner.sweep.begin() {
                let text = "a collection of garbage is running already; wait for it to end";
                return Err(Fault::new(FaultKind::Unavailable, text));
            }
            let mut collection = Collection::new(inner, options, &stop);
            let collected = collection.run();
            inner.sweep.end();
            collected?;
            let GcReport { blobs, blob_bytes: bytes, .. } = collection.report;
            *inner.stored.lock() = Some(Stored { blobs, bytes });
            Ok(collection.report)
        })
        .await
    }
}

struct Collection<'a> {
    inner: &'a Inner,
    options: GcOptions,
    stop: &'a CancellationToken,
    now: SystemTime,
    /// Digests that something refers to.
    used: HashSet<Digest>,
    report: GcReport,
}

impl<'a> Collection<'a> {
    fn new(inner: &'a Inner, options: GcOptions, stop: &'a CancellationToken) -> Self {
        let report = GcReport { dry_run: options.dry_run, ..GcReport::default() };
        Self { inner, options, stop, now: SystemTime::now(), used: HashSet::new(), report }
    }

    fn run(&mut self) -> Result<(), Fault> {
        for repository in &self.inner.all_places()? {
            self.check_stop()?;
            self.repository(repository)?;
        }
        self.blobs()
    }

    fn check_stop(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::new(FaultKind::Unavailable, "the collection of garbage was stopped"));
        }
        Ok(())
    }

    fn repository(&mut self, repository: &str) -> Result<(), Fault> {
        let paths = self.inner.paths.repository(repository);
        self.report.repositories += 1;
        let (uploads, bytes) =
            self.inner.expire_uploads(&paths, self.options.uploads_idle, self.options.dry_run)?;
        self.report.uploads_removed += uploads;
        self.report.upload_bytes_removed += bytes;
        let (manifests, all_read) = self.manifests(repository, &paths)?;
        let mut live: HashSet<Digest> = HashSet::new();
        for manifest in &manifests {
            live.insert(manifest.digest);
            live.extend(manifest.view.children.blobs.iter().map(|blob| blob.digest));
        }
        for linked in digests(&paths.layers())? {
            let link = paths.layer(&linked);
            let kept = live.contains(&linked) || !all_read || self.is_young(&link);
            if kept || !self.remove(&linked, |inner| inner.durable.remove(&link).map_err(failed(&link)))? {
                live.insert(linked);
            }
        }
        self.used.extend(&live);
        self.tidy(&paths)?;
        self.remove_empty(repository, &paths)
    }

    /// The manifests of the repository that stay, and whether all of them could be read.
    fn manifests(
        &mut self,
        repository: &str,
        paths: &Repository,
    ) -> Result<(Vec<Arc<Manifest>>, bool), Fault> {
        let mut manifests = Vec::new();
        let mut all_read = true;
        for digest in self.inner.revisions(paths)? {
            // whatever is wrong with it: what the repository says it has is not garbage
            self.used.insert(digest);
            match self.inner.revision(repository, &digest) {
                Ok(Some(manifest)) => manifests.push(manifest),
                Ok(None) => {
                    all_read = false;
                    self.report.problems.push(format!("{repository}@{digest}: its bytes are missing"));
                }
                Err(fault) => {
                    all_read = false;
                    self.report.problems.push(format!("{repository}@{digest}: {fault}"));
                }
            }
        }
        if self.options.untagged && all_read {
            manifests = self.drop_untagged(repository, paths, manifests)?;
        }
        self.report.manifests += manifests.len() as u64;
        Ok((manifests, all_read))
    }

    fn drop_untagged(
        &mut self,
        repository: &str,
        paths: &Repository,
        manifests: Vec<Arc<Manifest>>,
    ) -> Result<Vec<Arc<Manifest>>, Fault> {
        let reached = self.reached(repository, paths, &manifests)?;
        let mut kept = Vec::new();
        for manifest in manifests {
            let digest = manifest.digest;
            let stays = reached.contains(&digest)
                || !self.remove(&digest, |inner| inner.delete_revision(repository, &digest))?;
            if stays {
                kept.push(manifest);
            } else {
                self.used.remove(&digest);
                self.report.manifests_removed += 1;
            }
        }
        Ok(kept)
    }

    /// What tags and young manifests lead to: children of indexes, and referrers of what is reached.
    fn reached(
        &self,
        repository: &str,
        paths: &Repository,
        manifests: &[Arc<Manifest>],
    ) -> Result<HashSet<Digest>, Fault> {
        let mut reached = HashSet::new();
        for tag in self.inner.all_tags(repository)?.iter() {
            reached.extend(self.inner.tagged(repository, tag)?);
        }
        let young = manifests.iter().filter(|manifest| self.is_young(&paths.revision(&manifest.digest)));
        reached.extend(young.map(|manifest| manifest.digest));
        loop {
            let before = reached.len();
            for manifest in manifests {
                let view = &manifest.view;
                if view.subject.as_ref().is_some_and(|subject| reached.contains(&subject.digest)) {
                    reached.insert(manifest.digest);
                }
                if reached.contains(&manifest.digest) {
                    reached.extend(view.children.manifests.iter().map(|child| child.digest));
                }
            }
            if reached.len() == before {
                return Ok(reached);
            }
        }
    }

    /// Removes what is not noted; whether it was (or would be) removed.
    fn remove(
        &self,
        digest: &Digest,
        remove: impl FnOnce(&Inner) -> Result<bool, Fault>,
    ) -> Result<bool, Fault> {
        if self.options.dry_run {
            return Ok(true);
        }
        let removing = self.inner.sweep.removing();
        if removing.is_noted(digest) {
            return Ok(false);
        }
        remove(self.inner).map(|_| true)
    }

    /// Removes the folders of links that are gone.
    fn tidy(&self, paths: &Repository) -> Result<(), Fault> {
        if self.options.dry_run {
            return Ok(());
        }
        let _removing = self.inner.sweep.removing();
        for algorithm in ALGORITHMS {
            let folder = paths.layers().join(algorithm.as_str());
            for name in names(&folder).map_err(failed(&folder))? {
                let link = folder.join(name);
                if !link.join("link").exists() {
                    // it fails where something else is in it, which stays
                    let _ = fs::remove_dir(link);
                }
            }
        }
        Ok(())
    }

    /// Removes a repository that has nothing in it any more.
    fn remove_empty(&mut self, repository: &str, paths: &Repository) -> Result<(), Fault> {
        if self.options.dry_run {
            return Ok(());
        }
        let _removing = self.inner.sweep.removing();
        let uploads = paths.uploads();
        let empty = digests(&paths.layers())?.is_empty()
            && self.inner.revisions(paths)?.is_empty()
            && names(&uploads).map_err(failed(&uploads))?.is_empty();
        if !empty {
            return Ok(());
        }
        for name in names(paths.at()).map_err(failed(paths.at()))? {
            if name.starts_with('_') {
                let folder = paths.at().join(name);
                self.inner.durable.remove_folder(&folder).map_err(failed(&folder))?;
            }
        }
        // it stays where other repositories are below it
        let _ = fs::remove_dir(paths.at());
        self.inner.lists.repositories_changed();
        self.inner.lists.tags_changed(repository);
        self.report.repositories_removed += 1;
        Ok(())
    }

    /// Removes the bytes of what nothing refers to.
    fn blobs(&mut self) -> Result<(), Fault> {
        for algorithm in ALGORITHMS {
            let top = self.inner.paths.blobs().join(algorithm.as_str());
            for part in names(&top).map_err(failed(&top))? {
                self.check_stop()?;
                let folder = top.join(part);
                let mut unused = Vec::new();
                for hex in names(&folder).map_err(failed(&folder))? {
                    // a folder of another name is none of ours
                    let Some(digest) = digest(algorithm, &hex) else { continue };
                    unused.extend(self.look_at(digest, folder.join(hex))?);
                }
                for some in unused.chunks(AT_ONCE) {
                    self.remove_blobs(some)?;
                }
            }
        }
        Ok(())
    }

    /// Counts a blob; gives back one that may go.
    fn look_at(&mut self, digest: Digest, folder: PathBuf) -> Result<Option<Unused>, Fault> {
        let data = folder.join("data");
        // without its file it is the rest of a removal or of a write that was killed
        let found = there(fs::metadata(&data)).map_err(failed(&data))?;
        let bytes = found.as_ref().map(fs::Metadata::len);
        let used = self.used.contains(&digest);
        let young = self.is_young(if found.is_some() { &data } else { &folder });
        if !used && !young {
            return Ok(Some(Unused { digest, folder, bytes }));
        }
        self.report.blobs_young += u64::from(!used && bytes.is_some());
        self.report.blobs += u64::from(bytes.is_some());
        self.report.blob_bytes += bytes.unwrap_or(0);
        Ok(None)
    }

    fn remove_blobs(&mut self, unused: &[Unused]) -> Result<(), Fault> {
        let removing = self.inner.sweep.removing();
        for Unused { digest, folder, bytes } in unused {
            if removing.is_noted(digest) {
                self.report.blobs += u64::from(bytes.is_some());
                self.report.blob_bytes += bytes.unwrap_or(0);
                continue;
            }
            if !self.options.dry_run {
                // without a sync: what comes back after a power cut is collected again
                super::durable::Durable::Unsynced.remove_folder(folder).map_err(failed(folder))?;
                self.inner.manifests.remove(digest);
            }
            self.report.blobs_removed += u64::from(bytes.is_some());
            self.report.blob_bytes_removed += bytes.unwrap_or(0);
        }
        Ok(())
    }

    /// Whether a file is younger than the grace. One whose age is not known is.
    fn is_young(&self, path: &Path) -> bool {
        let modified = fs::metadata(path).and_then(|found| found.modified());
        modified.map_or(true, |at| self.now.duration_since(at).unwrap_or_default() < self.options.grace)
    }
}

/// A blob that nothing refers to.
struct Unused {
    digest: Digest,
    folder: PathBuf,
    /// Length of its file, where it has one.
    bytes: Option<u64>,
}
