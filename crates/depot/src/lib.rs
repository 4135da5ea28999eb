//! The embedded OCI registry: distribution-spec 1.1 over HTTP.
//!
//! A [`Depot`] serves [`Contents`]: a [`Folder`] that can be written to, or anything else that can be read. Its router
//! can be mounted in any server; [`Server`] is one.
//!
//! Where the specification leaves a choice it does as the distribution project's registry does: a manifest is refused
//! unless the repository has the blobs that it points at (a subject may be missing, a foreign layer too). The manifests
//! of an index may be missing as well.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use transload_depot::{Depot, Server};
//! let server = Server::start(([127, 0, 0, 1], 0).into(), Depot::temporary()?).await?;
//! println!("docker push {}/team/app:v1", server.addr());
//! server.shutdown().await;
//! # Ok::<_, transload_depot::Error>(()) }).unwrap();
//! ```

pub mod access;
mod care;
mod contents;
pub mod control;
mod depot;
mod error;
mod folder;
mod http;
mod limits;
mod server;
mod upload;

pub use care::Care;
pub use contents::{Blob, BlobStream, Contents, Fault, FaultKind, Page, Reference};
pub use depot::Depot;
pub use error::Error;
pub use folder::{
    CheckOptions, CheckProgress, CheckReport, Damaged, Folder, GcOptions, GcReport, Missing,
    RemovedRepository, RepositoryManifest, Stored,
};
pub use limits::Limits;
pub use server::{
    AccessLog, Arrival, Asked, Authority, Ending, Issued, Metrics, Record, RequestId, RouteName, Server,
    Serving, Tls,
};
