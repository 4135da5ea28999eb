//! The embedded OCI registry: distribution-spec 1.1 over HTTP, for the quick start and for tests.
//!
//! What it knows (repositories, tags, manifests, upload sessions) lives in memory and ends with the process; blobs
//! lie in memory under a bound, or as files in a folder. It asks nobody who they are, and therefore listens on
//! loopback only unless it is told otherwise.
//!
//! Where the specification leaves a choice it does as the distribution project's registry does: a manifest is
//! refused unless everything it points at is in the same repository (a subject may be missing, a foreign layer
//! too), and that holds for the children of an index.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use transload_depot::{Depot, Server};
//! let server = Server::start(([127, 0, 0, 1], 0).into(), Depot::in_memory()).await?;
//! println!("docker push {}/team/app:v1", server.addr());
//! server.shutdown().await;
//! # Ok::<_, transload_depot::Error>(()) }).unwrap();
//! ```

pub mod access;
mod contents;
mod depot;
mod error;
mod http;
mod limits;
mod server;
mod store;
mod upload;

pub use contents::{Blob, BlobStream, Contents, Fault, FaultKind, Page, Reference};
pub use depot::Depot;
pub use error::Error;
pub use limits::Limits;
pub use server::Server;
