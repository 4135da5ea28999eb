//! Where everything lies: the layout of the distribution project's registry, so that a folder of either can be
//! served by the other. What is ours alone is `_referrers/`, `media-type` and what lies beside `docker/`.

use std::path::{Path, PathBuf};

use transload_oci::{Algorithm, Digest};

/// The algorithms that have folders.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

/// The paths of one store.
#[derive(Debug)]
pub(super) struct Paths {
    /// The folder that was named.
    pub(super) top: PathBuf,
    root: PathBuf,
}

impl Paths {
    pub(super) fn new(top: PathBuf) -> Self {
        Self { root: top.join("docker/registry/v2"), top }
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.top.join("transload.lock")
    }

    /// Where damaged blobs are put aside.
    pub(super) fn quarantine(&self) -> PathBuf {
        self.top.join("quarantine")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(super) fn repositories(&self) -> PathBuf {
        self.root.join("repositories")
    }

    /// The folder of a blob, which has one file.
    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join(format!("blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2]))
    }

    pub(super) fn data(&self, digest: &Digest) -> PathBuf {
        self.blob(digest).join("data")
    }

    pub(super) fn repository(&self, repository: &str) -> Repository {
        Repository(self.repositories().join(repository))
    }
}

/// The paths of one repository.
#[derive(Debug, Clone)]
pub(super) struct Repository(PathBuf);

impl Repository {
    pub(super) fn at(&self) -> &Path {
        &self.0
    }

    /// Says that the repository has a blob.
    pub(super) fn layer(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("_layers/{}/{}/link", digest.algorithm().as_str(), digest.hex()))
    }

    pub(super) fn layers(&self) -> PathBuf {
        self.0.join("_layers")
    }

    pub(super) fn manifests(&self) -> PathBuf {
        self.0.join("_manifests")
    }

    pub(super) fn revisions(&self) -> PathBuf {
        self.0.join("_manifests/revisions")
    }

    /// Says that the repository has a manifest.
    pub(super) fn revision(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("_manifests/revisions/{}/{}/link", digest.algorithm().as_str(), digest.hex()))
    }

    /// The media type of a manifest that does not say it itself.
    pub(super) fn media_type(&self, digest: &Digest) -> PathBuf {
        self.revision(digest).with_file_name("media-type")
    }

    pub(super) fn tags(&self) -> PathBuf {
        self.0.join("_manifests/tags")
    }

    pub(super) fn tag(&self, tag: &str) -> PathBuf {
        self.tags().join(tag)
    }

    /// Says which manifest a tag means.
    pub(super) fn current(&self, tag: &str) -> PathBuf {
        self.tag(tag).join("current/link")
    }

    /// There from the time on when every referrer of the repository is in it.
    pub(super) fn all_referrers(&self) -> PathBuf {
        self.0.join("_referrers/complete")
    }

    pub(super) fn referrers(&self, subject: &Digest) -> PathBuf {
        self.0.join(format!("_referrers/{}/{}", subject.algorithm().as_str(), subject.hex()))
    }

    pub(super) fn referrer(&self, subject: &Digest, digest: &Digest) -> PathBuf {
        self.referrers(subject).join(format!("{}/{}/link", digest.algorithm().as_str(), digest.hex()))
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.0.join("_uploads")
    }

    /// The folder of an upload session.
    pub(super) fn upload(&self, id: &str) -> PathBuf {
        self.uploads().join(id)
    }
}
