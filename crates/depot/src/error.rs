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
    /// A certificate, its key, or what is to make them, is not what it should be.
    #[error("{}: {problem}", .path.display())]
    Certificate {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it. Nothing of a key is in it.
        problem: String,
    },
    /// What says who may do what is no good.
    #[error("{subject}: {detail}")]
    Access {
        /// The file, with the line, or what else it is.
        subject: String,
        /// What is wrong.
        detail: String,
        /// What to do.
        next: String,
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
    /// What a person can do, where that is known.
    pub fn next_step(&self) -> Option<&str> {
        use io::ErrorKind as K;
        match self {
            Self::NotLoopback { .. } => Some("listen on 127.0.0.1, or say that others may reach it"),
            Self::Bind { source, .. } => match source.kind() {
                K::AddrInUse => Some("another program listens there: end it, or take another port"),
                K::PermissionDenied => {
                    Some("ports below 1024 need a privilege: take one above, or give it CAP_NET_BIND_SERVICE")
                }
                K::AddrNotAvailable => {
                    Some("this machine has no such address: take one of its own, or 0.0.0.0 or [::] for all")
                }
                _ => None,
            },
            Self::InUse { .. } => {
                Some("one process serves a folder: end the other one, or take another folder")
            }
            Self::NoRegistry { .. } => Some("name the folder that `registry serve --data` was given"),
            Self::Access { next, .. } => Some(next),
            Self::Certificate { .. } | Self::Folder { .. } => None,
        }
    }

    /// Whether the same call may well succeed a little later: the address may still be in use by a process that
    /// is about to end.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}
