//! Blobs: looked up, kept, shared between repositories, taken out.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use transload_oci::Digest;

use super::durable::there;
use super::reading::BlobFile;
use super::writer::WriteError;
use super::{Folder, Inner, failed};
use crate::contents::Fault;

/// A look at a blob renews its age, so that one which somebody is about to refer to is not collected; but not more often
/// than this.
const RENEW_AFTER: Duration = Duration::from_secs(60);

impl Folder {
    /// Shares a blob that another repository has, or any without `from`; `false` where that one does not have it.
    pub(crate) async fn mount(
        &self,
        repository: &str,
        digest: &Digest,
        from: Option<&str>,
    ) -> Result<bool, Fault> {
        let (repository, from, digest) = (repository.to_owned(), from.map(str::to_owned), *digest);
        self.run(move |inner| inner.mount(&repository, &digest, from.as_deref())).await
    }

    /// Takes a blob out of a repository. Manifests that point at it stay, as with other registries; the bytes go with
    /// the next collection of garbage, unless another repository has them.
    pub(crate) async fn delete_blob(&self, repository: &str, digest: &Digest) -> Result<(), Fault> {
        let (repository, digest) = (repository.to_owned(), *digest);
        self.run(move |inner| inner.delete_blob(&repository, &digest)).await
    }
}

impl Inner {
    /// A blob of the repository.
    pub(super) fn blob(&self, repository: &str, digest: &Digest) -> Result<BlobFile, Fault> {
        let link = self.paths.repository(repository).layer(digest);
        let Some(linked) = there(fs::metadata(&link)).map_err(failed(&link))? else {
            return Err(self.no_blob(repository, digest));
        };
        let path = self.paths.data(digest);
        let Some(data) = there(fs::metadata(&path)).map_err(failed(&path))? else {
            return Err(Fault::no_blob(repository, digest));
        };
        renew(&link, linked.modified().ok());
        self.sweep.pointing().note(digest);
        Ok(BlobFile { digest: *digest, path, len: data.len() })
    }

    fn no_blob(&self, repository: &str, digest: &Digest) -> Fault {
        if self.has_repository(repository) {
            Fault::no_blob(repository, digest)
        } else {
            Fault::no_repository(repository)
        }
    }

    /// Whether the repository has the blob, bytes and all.
    pub(super) fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        self.paths.repository(repository).layer(digest).exists() && self.paths.data(digest).exists()
    }

    /// Gives a finished file its place, and the repository the blob. What lies there already is replaced: these bytes
    /// have just been checked, and those may have rotted.
    pub(super) fn keep_blob(&self, repository: &str, digest: &Digest, file: &Path) -> Result<(), WriteError> {
        let pointing = self.sweep.pointing();
        let data = self.paths.data(digest);
        self.durable.rename(file, &data)?;
        pointing.note(digest);
        self.link_blob(repository, digest)?;
        // last, when the journal has it already: a link whose blob a power cut took away is as good as none
        self.durable.settle(&data)?;
        Ok(())
    }

    fn mount(&self, repository: &str, digest: &Digest, from: Option<&str>) -> Result<bool, Fault> {
        let pointing = self.sweep.pointing();
        let there = match from {
            Some(from) => self.has_blob(from, digest),
            None => self.paths.data(digest).exists(),
        };
        if !there {
            return Ok(false);
        }
        pointing.note(digest);
        self.link_blob(repository, digest).map_err(failed(self.paths.repository(repository).at()))?;
        Ok(true)
    }

    fn link_blob(&self, repository: &str, digest: &Digest) -> std::io::Result<()> {
        let link = self.paths.repository(repository).layer(digest);
        let new = !self.has_repository(repository);
        self.durable.point(&link, digest.to_string().as_bytes())?;
        renew(&link, there(fs::metadata(&link))?.and_then(|link| link.modified().ok()));
        if new {
            self.lists.repositories_changed();
        }
        Ok(())
    }

    fn delete_blob(&self, repository: &str, digest: &Digest) -> Result<(), Fault> {
        let _change = self.change(repository);
        let link = self.paths.repository(repository).layer(digest);
        if !self.durable.remove(&link).map_err(failed(&link))? {
            return Err(self.no_blob(repository, digest));
        }
        // the link's folder stays: somebody may be linking the blob anew, and the next collection has an eye on it
        Ok(())
    }
}

/// Makes a file young again, if it is not. Where that fails the file just counts as older than it is.
fn renew(path: &Path, modified: Option<SystemTime>) {
    let old = modified.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > RENEW_AFTER);
    if old
        && let Err(error) =
            fs::File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()))
    {
        tracing::warn!(path = %path.display(), %error, "a file's time cannot be set");
    }
}
