//! The depot: what is served, and its bounds, shared by every request.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::access::{Anonymous, Gate, Open};
use crate::care::Care;
use crate::contents::Contents;
use crate::error::Error;
use crate::folder::Folder;
use crate::limits::Limits;
use crate::upload::Uploads;

/// What is served, and the gate before it. Clones share both.
#[derive(Debug, Clone)]
pub struct Depot(Arc<Inner>, Arc<dyn Gate>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    contents: Arc<dyn Contents>,
    /// The same, where it can be written to.
    folder: Option<Folder>,
    uploads: Uploads,
}

impl Depot {
    /// The registry in a folder, which is made when it is missing.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it, [`Error::Folder`].
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::in_folder_with(folder, Limits::default())
    }

    /// As [`in_folder`](Self::in_folder), with these bounds.
    ///
    /// # Errors
    /// As [`in_folder`](Self::in_folder).
    pub fn in_folder_with(folder: impl Into<PathBuf>, limits: Limits) -> Result<Self, Error> {
        let folder = Folder::open(folder, &limits)?;
        Ok(Self::over(folder, limits))
    }

    /// An empty registry in a temporary folder that goes with it.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn temporary() -> Result<Self, Error> {
        Self::temporary_with(Limits::default())
    }

    /// As [`temporary`](Self::temporary), with these bounds.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn temporary_with(limits: Limits) -> Result<Self, Error> {
        let folder = Folder::temporary(&limits)?;
        Ok(Self::over(folder, limits))
    }

    /// A registry that can be read and nothing else.
    pub fn read_only(contents: Arc<dyn Contents>, limits: Limits) -> Self {
        let uploads = Uploads::new(limits.uploads_max);
        Self::new(Inner { limits, contents, folder: None, uploads })
    }

    fn over(folder: Folder, limits: Limits) -> Self {
        let uploads = Uploads::new(limits.uploads_max);
        Self::new(Inner { limits, contents: Arc::new(folder.clone()), folder: Some(folder), uploads })
    }

    fn new(inner: Inner) -> Self {
        Self(Arc::new(inner), Arc::new(Open(Anonymous::Everything)))
    }

    /// The same content behind a gate that says who may do what. Without one everybody may everything.
    #[must_use]
    pub fn behind(&self, gate: Arc<dyn Gate>) -> Self {
        Self(Arc::clone(&self.0), gate)
    }

    /// The HTTP interface, to be mounted at the root of a server of your own.
    pub fn router(&self) -> Router {
        crate::http::router(self.clone())
    }

    pub(crate) fn gate(&self) -> &dyn Gate {
        &*self.1
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What it serves.
    pub fn contents(&self) -> &dyn Contents {
        self.0.contents.as_ref()
    }

    /// The folder that it writes to; `None` where it is read-only.
    pub fn folder(&self) -> Option<&Folder> {
        self.0.folder.as_ref()
    }

    /// Looks after a registry that is left running, until `stop`: drops uploads that were given up, and collects garbage.
    /// What it finds and what fails is logged.
    pub async fn tend(&self, care: Care, stop: CancellationToken) {
        crate::care::tend(self, care, stop).await;
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }
}
