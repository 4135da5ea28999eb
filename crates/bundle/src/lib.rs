//! The bundle format: one object that is an uncompressed, deterministic tar and a valid OCI image layout.
//!
//! Nothing in here does I/O. Writing is arithmetic: [`place`] says where every blob will lie, [`cut`] cuts the
//! data section into blocks, [`head_len`] and [`build_head`] make what stands in front of it. Reading is a
//! conversation: [`Opener`] says which bytes it wants next and is fed them:
//!
//! ```
//! use transload_bundle::{Error, Limits, OpenBundle, Opener};
//!
//! fn open(file: &[u8]) -> Result<OpenBundle, Error> {
//!     let mut opener = Opener::new(file.len() as u64, Limits::default());
//!     while let Some(range) = opener.want() {
//!         opener.feed(&file[range.start as usize..range.end as usize])?;
//!     }
//!     opener.finish()
//! }
//!
//! let error = open(b"<!DOCTYPE html><p>Sign in").unwrap_err();
//! assert_eq!(error.to_string(), "it is an HTML or XML document, not a tar");
//! ```

mod block;
mod catalog;
mod compression;
mod cut;
mod error;
mod head;
mod index;
mod layout;
mod limits;
mod names;
mod open;
mod outcome;
mod sniff;
mod stream;
mod tar;
mod transfer_manifest;

pub use block::{BlockKey, BlockPlan, Piece, block_id, block_key, block_midstate, bytes_key, is_block_id};
pub use compression::Compression;
pub use cut::{BLOCKS_RESERVED, BlockPolicy, arrange, cut, even};
pub use error::{Error, ErrorKind};
pub use head::{HeadInput, build_head, head_len, trailer};
pub use index::{Root, annotation};
pub use layout::{Entry, Placed, TRAILER_LEN, place};
pub use limits::Limits;
pub use names::EntryRole;
pub use open::{Extent, Format, OpenBundle, Opener, StreamOpener, is_own, transfer_digest};
pub use outcome::{FailedArtifact, StreamOutcome};
pub use stream::{EntryForm, StreamEntry, StreamEvent, StreamReader};
pub use transfer_manifest::{
    Artifact, Blob, CATALOG_MEDIA_TYPE, Delta, ForeignLayer, Omitted, Platforms, Referrer, SCHEMA_VERSION,
    Status, TRANSFER_ARTIFACT_TYPE, TRANSFER_MEDIA_TYPE, Totals, TransferManifest,
};
