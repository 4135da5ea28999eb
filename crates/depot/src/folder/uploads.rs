//! Where the bytes of uploads lie until they are blobs: `_uploads/<id>/data`, beside `startedat`.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use transload_oci::{Algorithm, Digest};

use super::durable::{Durable, names, there};
use super::paths::Repository;
use super::writer::{WriteError, Writer};
use super::{Folder, Inner, failed};
use crate::contents::Fault;

impl Folder {
    /// A place for a new upload. Blocks.
    pub(crate) fn begin_upload(
        &self,
        repository: &str,
        id: &str,
        algorithm: Algorithm,
    ) -> Result<Writer, WriteError> {
        // a repository that is being collected is made anew and not found half gone
        let _pointing = self.0.sweep.pointing();
        let paths = self.0.paths.repository(repository);
        self.0.durable.make_folder(&paths.uploads())?;
        let folder = paths.upload(id);
        fs::create_dir(&folder)?;
        Ok(Writer::create(folder.join("data"), algorithm)?)
    }

    /// An upload that an earlier process began, if there is one. Reads all that it has. Blocks.
    pub(crate) fn resume_upload(&self, repository: &str, id: &str) -> Result<Option<Writer>, WriteError> {
        if !is_id(id) {
            return Ok(None);
        }
        let path = self.0.paths.repository(repository).upload(id).join("data");
        Ok(there(Writer::resume(path))?)
    }

    /// Makes a blob of an upload, if its digest is this one. Blocks.
    pub(crate) fn finish_upload(
        &self,
        repository: &str,
        id: &str,
        writer: Writer,
        digest: &Digest,
    ) -> Result<(), WriteError> {
        let file = writer.finish(digest, self.0.durable)?;
        self.0.keep_blob(repository, digest, &file)?;
        self.remove_upload(repository, id);
        Ok(())
    }

    /// Removes the uploads that have not been written to for so long, those of earlier processes too; how many.
    pub(crate) async fn expire_uploads(&self, idle: Duration) -> Result<u64, Fault> {
        self.run(move |inner| {
            let mut count = 0;
            for repository in inner.all_places()? {
                count += inner.expire_uploads(&inner.paths.repository(&repository), idle, false)?.0;
            }
            Ok(count)
        })
        .await
    }

    /// Gives up an upload. What cannot be removed now goes when it has expired. Blocks.
    pub(crate) fn remove_upload(&self, repository: &str, id: &str) {
        let folder = self.0.paths.repository(repository).upload(id);
        if let Err(error) = Durable::Unsynced.remove_folder(&folder) {
            tracing::warn!(path = %folder.display(), %error, "an upload's folder stays behind");
        }
    }
}

impl Inner {
    /// Removes (or with `dry_run` counts) the repository's uploads that have not been written to for so long; how many, and their bytes.
    pub(super) fn expire_uploads(
        &self,
        paths: &Repository,
        idle: Duration,
        dry_run: bool,
    ) -> Result<(u64, u64), Fault> {
        let (mut count, mut bytes) = (0, 0);
        let uploads = paths.uploads();
        for id in names(&uploads).map_err(failed(&uploads))? {
            let folder = paths.upload(&id);
            let Some((age, len)) = age_of(&folder) else { continue };
            if age >= idle {
                if !dry_run {
                    self.durable.remove_folder(&folder).map_err(failed(&folder))?;
                }
                count += 1;
                bytes += len;
            }
        }
        Ok((count, bytes))
    }
}

/// How long an upload has been idle, and how long it is.
fn age_of(folder: &Path) -> Option<(Duration, u64)> {
    let data = there(fs::metadata(folder.join("data"))).ok()?;
    let of = data.map_or_else(|| fs::metadata(folder), Ok).ok()?;
    let age = SystemTime::now().duration_since(of.modified().ok()?).unwrap_or_default();
    Some((age, if of.is_file() { of.len() } else { 0 }))
}

/// Whether a text is an upload's name: nothing that leads elsewhere.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
