//! Checking what lies on the disk: every byte against its digest, every reference against what it points at.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use transload_oci::{Digest, Manifest};

use super::durable::{names, there};
use super::manifests::digest;
use super::paths::ALGORITHMS;
use super::writer::hash;
use super::{Folder, Inner, failed};
use crate::contents::{Fault, FaultKind};

/// How a check is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOptions {
    /// Puts damaged blobs aside, so that they count as missing and can be pushed again, and finds referrers that another
    /// registry has written.
    pub repair: bool,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckProgress {
    /// Blobs whose bytes were read.
    pub blobs: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that there are.
    pub bytes_total: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Blobs and manifests that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Repositories that were looked through.
    pub repositories: u64,
    /// Tags that were followed.
    pub tags: u64,
    /// Blobs and manifests whose bytes do not match their digest.
    pub damaged: Vec<Damaged>,
    /// Things that are pointed at and not there.
    pub missing: Vec<Missing>,
    /// Manifests that indexes name and the repository does not have. That is allowed: an index may be sparse.
    pub sparse: u64,
    /// Tags and digests that cannot be pulled whole, for one of these reasons: `repository:tag`, `repository@digest`.
    pub affected: BTreeSet<String>,
    /// Whether the damaged ones were put aside.
    pub repaired: bool,
}

/// A blob with other bytes than its digest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damaged {
    /// What the bytes should have.
    pub digest: Digest,
    /// What they have, or why they cannot be read.
    pub found: String,
    /// Where the file is now.
    pub path: String,
}

/// Something that is pointed at and not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What points: `repository:tag` or `repository@digest`.
    pub from: String,
    /// At what; empty where a tag's file does not say it.
    pub to: String,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }
}

impl Folder {
    /// Reads everything. Requests go on meanwhile. `progress` is told now and then, on a thread that may block.
    ///
    /// # Errors
    /// `Unavailable` when `stop` ended it, `Failed` when folders cannot be listed.
    pub async fn check(
        &self,
        options: CheckOptions,
        progress: impl Fn(CheckProgress) + Send + 'static,
        stop: CancellationToken,
    ) -> Result<CheckReport, Fault> {
        self.run(move |inner| {
            let mut check =
                Check { inner, options, stop: &stop, bad: HashSet::new(), report: CheckReport::default() };
            check.blobs(&progress)?;
            for repository in inner.all_repositories()?.iter() {
                check.stop()?;
                check.repository(repository)?;
            }
            check.report.repaired = options.repair;
            Ok(check.report)
        })
        .await
    }
}

struct Check<'a> {
    inner: &'a Inner,
    options: CheckOptions,
    stop: &'a CancellationToken,
    /// Digests whose bytes are damaged.
    bad: HashSet<Digest>,
    report: CheckReport,
}

impl Check<'_> {
    fn stop(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::new(FaultKind::Unavailable, "the check was stopped"));
        }
        Ok(())
    }

    fn blobs(&mut self, progress: &dyn Fn(CheckProgress)) -> Result<(), Fault> {
        let all = self.all_blobs()?;
        let mut seen =
            CheckProgress { bytes_total: all.iter().map(|(_, len)| len).sum(), ..CheckProgress::default() };
        for (digest, len) in all {
            self.stop()?;
            self.blob(&digest)?;
            seen.blobs += 1;
            seen.bytes += len;
            progress(seen);
        }
        Ok(())
    }

    fn all_blobs(&self) -> Result<Vec<(Digest, u64)>, Fault> {
        let mut all = Vec::new();
        for algorithm in ALGORITHMS {
            let top = self.inner.paths.blobs().join(algorithm.as_str());
            for part in names(&top).map_err(failed(&top))? {
                let folder = top.join(part);
                let digests = names(&folder).map_err(failed(&folder))?;
                for digest in digests.iter().filter_map(|hex| digest(algorithm, hex)) {
                    if let Ok(data) = fs::metadata(self.inner.paths.data(&digest)) {
                        all.push((digest, data.len()));
                    }
                }
            }
        }
        Ok(all)
    }

    fn blob(&mut self, digest: &Digest) -> Result<(), Fault> {
        let path = self.inner.paths.data(digest);
        let found = match there(hash(&path, digest.algorithm())) {
            // removed since it was listed
            Ok(None) => return Ok(()),
            Ok(Some((hasher, len))) => {
                self.report.blobs += 1;
                self.report.bytes += len;
                let actual = hasher.finish();
                if actual == *digest {
                    return Ok(());
                }
                format!("its {len} bytes have the digest {actual}")
            }
            Err(error) => error.to_string(),
        };
        self.bad.insert(*digest);
        let path = if self.options.repair { self.put_aside(digest)? } else { path };
        self.report.damaged.push(Damaged { digest: *digest, found, path: path.display().to_string() });
        Ok(())
    }

    fn put_aside(&self, digest: &Digest) -> Result<std::path::PathBuf, Fault> {
        // nobody may be about to say that it is there
        let _removing = self.inner.sweep.removing();
        let name = format!("{}-{}", digest.algorithm().as_str(), digest.hex());
        let to = self.inner.paths.quarantine().join(name);
        let durable = self.inner.durable;
        let moved = durable.rename(&self.inner.paths.data(digest), &to).and_then(|()| durable.settle(&to));
        moved.map_err(failed(&to))?;
        self.inner.manifests.remove(digest);
        Ok(to)
    }

    fn repository(&mut self, repository: &str) -> Result<(), Fault> {
        let paths = self.inner.paths.repository(repository);
        self.report.repositories += 1;
        if self.options.repair {
            self.inner.find_referrers(repository)?;
        }
        let mut tags: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for tag in self.inner.all_tags(repository)?.iter() {
            self.report.tags += 1;
            let name = format!("{repository}:{tag}");
            match self.inner.tagged(repository, tag)? {
                Some(digest) if paths.revision(&digest).exists() => {
                    tags.entry(digest).or_default().push(name);
                }
                other => self.miss(name, other.map(|digest| digest.to_string()).unwrap_or_default()),
            }
        }
        let mut broken = HashSet::new();
        let mut indexes = Vec::new();
        for digest in self.inner.revisions(&paths)? {
            let manifest = self.inner.revision(repository, &digest).ok().flatten();
            let sound = manifest.as_ref().is_some_and(|manifest| self.manifest(repository, manifest));
            if manifest.is_none() && !self.bad.contains(&digest) {
                self.miss(format!("{repository}@{digest}"), digest.to_string());
            }
            if !sound || self.bad.contains(&digest) {
                broken.insert(digest);
            }
            indexes.extend(manifest.filter(|manifest| !manifest.view.children.manifests.is_empty()));
        }
        spread(&mut broken, &indexes);
        for digest in broken {
            let names = tags.remove(&digest).unwrap_or_else(|| vec![format!("{repository}@{digest}")]);
            self.report.affected.extend(names);
        }
        Ok(())
    }

    /// Whether the repository has, undamaged, every blob of a manifest.
    fn manifest(&mut self, repository: &str, manifest: &Manifest) -> bool {
        let mut sound = true;
        for blob in &manifest.view.children.blobs {
            if self.bad.contains(&blob.digest) {
                sound = false;
            } else if !self.inner.has_blob(repository, &blob.digest) && !blob.is_foreign() {
                sound = false;
                self.miss(format!("{repository}@{}", manifest.digest), blob.digest.to_string());
            }
        }
        let paths = self.inner.paths.repository(repository);
        let children = manifest.view.children.manifests.iter();
        self.report.sparse += children.filter(|child| !paths.revision(&child.digest).exists()).count() as u64;
        sound
    }

    fn miss(&mut self, from: String, to: String) {
        self.report.affected.insert(from.clone());
        self.report.missing.push(Missing { from, to });
    }
}

/// An index with a child that is broken is broken.
fn spread(broken: &mut HashSet<Digest>, indexes: &[std::sync::Arc<Manifest>]) {
    loop {
        let before = broken.len();
        for index in indexes {
            if index.view.children.manifests.iter().any(|child| broken.contains(&child.digest)) {
                broken.insert(index.digest);
            }
        }
        if broken.len() == before {
            return;
        }
    }
}
