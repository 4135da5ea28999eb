//! The one public error of this crate.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a depot does not start. What goes wrong later is answered to the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can be reached from elsewhere, and nobody asked for that.
    #[error("{addr} is not a loopback address, and the depot lets everybody read and write")]
    NotLoopback {
        /// Address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("{addr} cannot be listened on")]
    Bind {
        /// Address asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the folder.
    #[error("folder {} is in use by another registry", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds no registry.
    #[error("folder {} holds no registry", .path.display())]
    NoRegistry {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made or written to.
    #[error("folder {} cannot be used", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Error {
    /// Whether the same call may well succeed a little later: the address may still be in use by a process that
    /// is about to end.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}
