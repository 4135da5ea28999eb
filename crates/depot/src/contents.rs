//! The seam: what the HTTP interface asks of that which it serves.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use transload_oci::{Descriptor, Digest, Manifest};

/// The bytes of a blob as they are read. An error ends the answer early, so that its length gives it away.
pub type BlobStream = BoxStream<'static, io::Result<Bytes>>;

/// A registry's contents, to be read. Names of repositories and tags have been held against their grammar.
#[async_trait]
pub trait Contents: fmt::Debug + Send + Sync + 'static {
    /// At most `most` repositories behind `after`, in lexical order; an empty `after` is before the first.
    ///
    /// # Errors
    /// `Unavailable` and `Failed`.
    async fn repositories(&self, after: &str, most: usize) -> Result<Page, Fault>;

    /// At most `most` tags of the repository behind `after`, in lexical order.
    ///
    /// # Errors
    /// `NameUnknown`, `Unavailable` and `Failed`.
    async fn tags(&self, repository: &str, after: &str, most: usize) -> Result<Page, Fault>;

    /// A manifest, byte for byte.
    ///
    /// # Errors
    /// `NameUnknown` without the repository, `ManifestUnknown`, `Unavailable` and `Failed`.
    async fn manifest(&self, repository: &str, reference: &Reference) -> Result<Arc<Manifest>, Fault>;

    /// The manifests whose subject is `subject`, as the referrers API describes them (with artifact type and
    /// annotations). Nothing, without an error, where there are none or there is no such repository.
    ///
    /// # Errors
    /// `Unavailable` and `Failed`.
    async fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>, Fault>;

    /// A blob of the repository; its bytes are not touched yet.
    ///
    /// # Errors
    /// `NameUnknown`, `BlobUnknown`, `Unavailable` and `Failed`.
    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Box<dyn Blob>, Fault>;
}

/// A blob that is there.
#[async_trait]
pub trait Blob: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> u64;

    /// Whether it has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of this range, which lies inside.
    ///
    /// # Errors
    /// `BlobUnknown` where it went in between, `Unavailable` and `Failed`.
    async fn read(&self, range: Range<u64>) -> Result<BlobStream, Fault>;
}

/// How a manifest is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By a tag.
    Tag(String),
    /// By its digest.
    Digest(Digest),
}

/// Some names in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The names.
    pub names: Vec<String>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Why something is not given.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of fault: the answer's status and code follow from it.
    pub kind: FaultKind,
    /// Words for whoever asked. No path of this machine and no secret is in them.
    pub message: String,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// There is no such repository.
    NameUnknown,
    /// The repository has no such manifest or tag.
    ManifestUnknown,
    /// The repository has no such blob.
    BlobUnknown,
    /// A manifest points at a blob that the repository does not have.
    ChildUnknown,
    /// There is no room left.
    Full,
    /// Not now: the store behind it does not answer, or was changed. Trying again may help.
    Unavailable,
    /// The store fails, or what is in it is damaged.
    Failed,
}

impl Fault {
    /// A fault in these words.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// There is no such repository.
    pub fn no_repository(repository: &str) -> Self {
        Self::new(FaultKind::NameUnknown, format!("there is no repository {repository}"))
    }

    /// The repository has no such manifest.
    pub fn no_manifest(repository: &str, reference: &Reference) -> Self {
        let text = format!("the repository {repository} has no manifest {reference}");
        Self::new(FaultKind::ManifestUnknown, text)
    }

    /// The repository has no such blob.
    pub fn no_blob(repository: &str, digest: &Digest) -> Self {
        Self::new(FaultKind::BlobUnknown, format!("the repository {repository} has no blob {digest}"))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
        }
    }
}

impl Page {
    /// A page of `names`, which are in lexical order: at most `most` of those behind `after`.
    pub fn of(names: &[String], after: &str, most: usize) -> Self {
        let rest = &names[names.partition_point(|name| name.as_str() <= after)..];
        let names = rest[..most.min(rest.len())].to_vec();
        Self { more: !names.is_empty() && names.len() < rest.len(), names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_behind_the_last_name() {
        let page = |after, most| {
            let page = Page::of(&["a", "b", "c"].map(str::to_owned), after, most);
            (page.names.join(""), page.more)
        };
        assert_eq!(page("", 2), ("ab".to_owned(), true));
        assert_eq!(page("b", 2), ("c".to_owned(), false));
        assert_eq!(page("aa", 9), ("bc".to_owned(), false));
        assert_eq!(page("", 0), (String::new(), false));
        assert_eq!(page("z", 5), (String::new(), false));
    }
}
