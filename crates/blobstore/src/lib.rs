//! The store seam: where bundles are kept, and how they are written block by block.
//!
//! A store holds named blobs. A blob is written by **staging** blocks in any order and **committing** a list
//! of them: nothing is visible before the commit, and what a dead run staged is found again by the next.
//! Reading is by range. Adapters: [`file`], [`azure`], [`s3`], [`gcs`], [`memory`]; every one passes the same conformance suite.

pub mod azure;
pub mod conformance;
mod error;
mod extents;
pub mod file;
pub mod gcs;
pub mod location;
pub mod memory;
mod names;
mod open;
mod outward;
pub mod pipe;
mod ranged;
mod retry;
pub mod s3;
pub mod sas;
mod store;
mod wire;

pub use error::{Error, ErrorKind};
pub use gcs::{GcsIdentity, GcsOptions};
pub use location::{Bucket, ContainerUrl, Location, Provider};
pub use names::{NAME_CHARS_MAX, check_name};
pub use open::{Credential, ProxyOptions, StoreOptions, Timeouts, open};
pub use retry::RetryLimits;
pub use s3::{S3Identity, S3Options};
pub use sas::{AccountKey, Sas};
pub use store::{
    BlobStat, BlobStore, Block, BlockId, BlockLimits, BlockOrder, ByteStream, CopySource, Stage,
    StageOptions, StagedBlock,
};
