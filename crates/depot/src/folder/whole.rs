//! A repository as a whole: every manifest in it, and taking all of it away. The distribution API has neither; registries
//! of clouds have both.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use transload_oci::Digest;

use super::durable::names;
use super::{Folder, Inner, failed};
use crate::contents::Fault;

/// A manifest of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositoryManifest {
    /// Its digest.
    pub digest: Digest,
    /// Since when the repository has it, as far as the disk knows.
    pub since: Option<SystemTime>,
}

/// What was taken away with a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemovedRepository {
    /// Its manifests.
    pub manifests: Vec<Digest>,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Folder {
    /// Every manifest of a repository, tagged or not, in the order of their digests.
    ///
    /// # Errors
    /// `NameUnknown`, `Failed`.
    pub async fn manifests(&self, repository: &str) -> Result<Vec<RepositoryManifest>, Fault> {
        let repository = repository.to_owned();
        self.run(move |inner| inner.kept(&repository)).await
    }

    /// Since when a tag points at what it points at, as far as the disk knows.
    pub async fn tagged_since(&self, repository: &str, tag: &str) -> Option<SystemTime> {
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        let asked = self.run(move |inner| Ok(since(&inner.paths.repository(&repository).current(&tag))));
        asked.await.ok().flatten()
    }

    /// Takes a repository away: its tags, its manifests, and its word that it has blobs. Their bytes go with the next
    /// collection of garbage, if no other repository has them. Uploads that run go on.
    ///
    /// # Errors
    /// `NameUnknown`, `Failed`; what was removed until then stays removed.
    pub async fn remove_repository(&self, repository: &str) -> Result<RemovedRepository, Fault> {
        let repository = repository.to_owned();
        self.run(move |inner| inner.remove_repository(&repository)).await
    }
}

impl Inner {
    fn kept(&self, repository: &str) -> Result<Vec<RepositoryManifest>, Fault> {
        if !self.has_repository(repository) {
            return Err(Fault::no_repository(repository));
        }
        let paths = self.paths.repository(repository);
        let digests = self.revisions(&paths)?;
        Ok(digests
            .into_iter()
            .map(|digest| RepositoryManifest { digest, since: since(&paths.revision(&digest)) })
            .collect())
    }

    fn remove_repository(&self, repository: &str) -> Result<RemovedRepository, Fault> {
        let mut removed =
            RemovedRepository { tags: self.all_tags(repository)?.to_vec(), manifests: Vec::new() };
        for RepositoryManifest { digest, .. } in self.kept(repository)? {
            // one at a time: whoever pushes elsewhere is not held up
            let _change = self.change(repository);
            if self.delete_revision(repository, &digest)? {
                removed.manifests.push(digest);
            }
        }
        self.remove_rest(repository)?;
        Ok(removed)
    }

    /// Removes what is left once the manifests are gone, unless another was pushed meanwhile.
    fn remove_rest(&self, repository: &str) -> Result<(), Fault> {
        // in the order in which a push takes them
        let _removing = self.sweep.removing();
        let _change = self.change(repository);
        let paths = self.paths.repository(repository);
        if !self.revisions(&paths)?.is_empty() {
            return Ok(());
        }
        for name in names(paths.at()).map_err(failed(paths.at()))? {
            if name.starts_with('_') && name != "_uploads" {
                let folder = paths.at().join(name);
                self.durable.remove_folder(&folder).map_err(failed(&folder))?;
            }
        }
        // it stays where uploads run or other repositories are below it
        let _ = fs::remove_dir(paths.at());
        self.lists.repositories_changed();
        self.lists.tags_changed(repository);
        Ok(())
    }
}

fn since(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}
