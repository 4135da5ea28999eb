//! The registry seam ([`Source`], [`Target`]) and the distribution client behind it.

mod error;
mod seam;

pub use error::{Error, ErrorKind};
pub use seam::{BlobReader, ByteStream, Pushed, Source, Target};
