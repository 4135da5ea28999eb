//! `transload registry serve --bundle`: bundles as the contents of a registry.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use transload_blobstore::Location;
use transload_depot::{Blob, BlobStream, Contents, Depot, Fault, FaultKind, Page, Reference};
use transload_oci::{Descriptor, Digest, Manifest};
use transload_transfer::{
    Code, Engine, Error, Event, Events, Limits, Place, Shelf, ShelfBlob, ShelfOptions, ShelfPage,
};

use crate::cli::{ShelfArgs, StoreArgs};
use crate::config::Environment;
use crate::location;
use crate::output::{Output, counted};

/// Opens what `--bundle` names. Gives the registry, and in words what it is.
pub(super) async fn depot(
    args: &ShelfArgs,
    limits: transload_depot::Limits,
    environment: &Environment,
    output: &Output,
) -> Result<(Depot, String), Error> {
    let stores = stores(&args.bundle, &args.store)?;
    let places = args.bundle.iter().zip(&stores).map(|(text, store)| {
        let (store, name) = location::open(text, store, &args.trust, environment)?;
        Ok(Place { store, name })
    });
    let places = places.collect::<Result<Vec<_>, Error>>()?;
    let options = ShelfOptions {
        renames: args.map.clone(),
        repository: args.repository.clone(),
        ..ShelfOptions::default()
    };
    let engine = Engine::new(Limits::default(), warnings(output), CancellationToken::new());
    let shelf = Shelf::open(&engine, &places, options).await?;
    for note in shelf.notes() {
        output.warning(note);
    }
    let what = described(&shelf);
    Ok((Depot::read_only(Arc::new(Bundles(shelf)), limits), what))
}

/// Where faults of bundles are told for as long as the registry runs.
fn warnings(output: &Output) -> Events {
    let output = output.clone();
    Events::to(Arc::new(move |event: &Event| {
        if let Event::Warning { message } = event {
            output.warning(message);
        }
    }))
}

fn described(shelf: &Shelf) -> String {
    let (repositories, tags) = shelf.counts();
    let repositories = match repositories {
        1 => "1 repository".to_owned(),
        several => format!("{several} repositories"),
    };
    let locations = shelf.locations();
    format!("read-only: {repositories} with {} from {}", counted(tags, "tag"), locations.join(", "))
}

/// The options for each location. Each kind of place gets its own only, so that a bundle on a disk may lie over one in a
/// container; options that are for none of the places are given to the first, which refuses them.
fn stores(bundles: &[String], given: &StoreArgs) -> Result<Vec<StoreArgs>, Error> {
    let locations = bundles.iter().map(|text| Location::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let azure = locations.iter().any(|location| location.container().is_some());
    let buckets = locations.iter().any(|location| location.bucket().is_some());
    let stores = locations.iter().enumerate().map(|(index, location)| {
        let mut store = given.clone();
        if location.container().is_none() && (azure || index > 0) {
            store.sas_token_env = None;
            store.sas_token_file = None;
            store.account_key_env = None;
            store.account_key_file = None;
            store.managed_identity = None;
        }
        if location.bucket().is_none() && (buckets || index > 0) {
            store.endpoint = None;
            store.region = None;
            store.virtual_host = false;
            store.anonymous = false;
        }
        store
    });
    Ok(stores.collect())
}

/// A shelf as the contents of a registry.
#[derive(Debug)]
pub(super) struct Bundles(pub(super) Shelf);

#[async_trait]
impl Contents for Bundles {
    async fn repositories(&self, after: &str, most: usize) -> Result<Page, Fault> {
        Ok(page(self.0.repositories(after, most)))
    }

    async fn tags(&self, repository: &str, after: &str, most: usize) -> Result<Page, Fault> {
        self.0.tags(repository, after, most).map(page).map_err(|error| fault(&error))
    }

    async fn manifest(&self, repository: &str, reference: &Reference) -> Result<Arc<Manifest>, Fault> {
        let found = match reference {
            Reference::Tag(tag) => self.0.tagged(repository, tag).await,
            Reference::Digest(digest) => self.0.manifest(repository, digest).await,
        };
        found.map_err(|error| fault(&error))
    }

    async fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>, Fault> {
        match self.0.referrers(repository, subject).await {
            Err(error) if error.code() == Code::RepositoryNotFound => Ok(Vec::new()),
            found => found.map_err(|error| fault(&error)),
        }
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Box<dyn Blob>, Fault> {
        match self.0.blob(repository, digest).await {
            Ok(blob) => Ok(Box::new(Found(blob))),
            Err(error) => Err(fault(&error)),
        }
    }
}

/// A blob of a bundle.
#[derive(Debug)]
struct Found(ShelfBlob);

#[async_trait]
impl Blob for Found {
    fn len(&self) -> u64 {
        self.0.len()
    }

    async fn read(&self, range: Range<u64>) -> Result<BlobStream, Fault> {
        let bytes = self.0.read(range).await.map_err(|error| fault(&error))?;
        Ok(bytes.map_err(io::Error::other).boxed())
    }
}

fn page(page: ShelfPage) -> Page {
    Page { names: page.names, more: page.more }
}

/// What whoever asked is told. Where the bundle lies is for this side's log only.
fn fault(error: &Error) -> Fault {
    let told = |kind| {
        let detail = format!("{}: {}", error.subject(), error.detail());
        Fault::new(kind, detail)
    };
    match error.code() {
        Code::RepositoryNotFound => told(FaultKind::NameUnknown),
        Code::TagNotFound | Code::ManifestNotFound => told(FaultKind::ManifestUnknown),
        Code::BlobNotFound => told(FaultKind::BlobUnknown),
        Code::BundleDamaged | Code::LimitExceeded | Code::ManifestUnsupported | Code::Internal => {
            let text = format!("the bundle behind this registry is damaged there [{}]", error.code());
            Fault::new(FaultKind::Failed, text)
        }
        Code::BundleChanged | Code::BundleNotFound => {
            let text = "the bundle behind this registry was replaced or removed: start the registry again";
            Fault::new(FaultKind::Unavailable, text)
        }
        code => {
            let text = format!("the bundle behind this registry cannot be read at the moment [{code}]");
            Fault::new(FaultKind::Unavailable, text)
        }
    }
}
