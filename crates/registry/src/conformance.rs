//! What every [`Target`] has to do, as functions to be run over each: the client before a real registry, the
//! doubles, the wrappers. Each makes repositories of its own and panics where something is not as it should be.

mod blobs;
mod manifests;
mod sample;

use crate::error::Error;
use crate::seam::Target;

pub use blobs::{
    blob_existing_is_not_sent, blob_missing, blob_mount, blob_of_no_bytes, blob_push_and_pull, blob_ranges,
    blob_sha512, blob_wrong_bytes_leave_nothing,
};
pub use manifests::{
    catalog_lists_repositories, index_with_children, manifest_bytes_are_kept, manifest_missing,
    manifest_refused_without_its_blobs, referrers_are_found, tags_over_pages,
};
pub use sample::Sample;

/// What the specification leaves open to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Blobs may be named by SHA-512.
    pub sha512: bool,
    /// It gives a catalog of its repositories.
    pub catalog: bool,
}

/// Everything.
///
/// # Panics
/// Where the target does not do what it should.
pub async fn all(target: &dyn Target, abilities: Abilities) {
    blob_push_and_pull(target).await;
    blob_ranges(target).await;
    blob_of_no_bytes(target).await;
    blob_existing_is_not_sent(target).await;
    blob_mount(target).await;
    blob_missing(target).await;
    blob_wrong_bytes_leave_nothing(target).await;
    if abilities.sha512 {
        blob_sha512(target).await;
    }
    manifest_bytes_are_kept(target).await;
    manifest_missing(target).await;
    manifest_refused_without_its_blobs(target).await;
    index_with_children(target).await;
    tags_over_pages(target).await;
    referrers_are_found(target).await;
    if abilities.catalog {
        catalog_lists_repositories(target).await;
    }
}

/// The value, or a panic that says what was being done.
fn done<T>(result: Result<T, Error>, doing: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{doing}: {error:?}"),
    }
}

/// The error, or a panic that says what should have failed.
fn failed<T>(result: Result<T, Error>, doing: &str) -> Error {
    match result {
        Ok(_) => panic!("{doing} should have failed"),
        Err(error) => error,
    }
}
