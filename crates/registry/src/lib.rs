//! The registry seam ([`Source`], [`Target`]) and the distribution client behind it.
//!
//! [`Client`] speaks the OCI distribution specification 1.1 and what registries did before it.
//! [`memory::MemoryRegistry`] is a double of it for tests, and [`conformance`] is what both have to pass.

mod auth;
mod client;
pub mod conformance;
pub mod credentials;
mod error;
mod http;
mod limits;
pub mod memory;
mod options;
mod seam;
mod web;

pub use client::{Client, LoginCheck};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use options::{ClientOptions, OnWait, ProxySettings, Wait};
pub use seam::{BlobReader, ByteStream, Pushed, Source, Target};
pub use web::Web;
