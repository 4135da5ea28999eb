//! Ends against what stands behind them: Azurite, a registry, folders.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod azure;
mod buckets;
mod folders;
mod registries;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use transload_blobstore::conformance::blocks;
use transload_blobstore::{BlobStat, BlobStore, Error, RetryLimits, StageOptions, StoreOptions};
use transload_endpoints::{Access, ContainerAt, Endpoints, Job, OpenContainer, Options, StoreSecret};

const SECRET: &str = "https://v1.vault.example/secrets/sas1";

/// Options that do not wait long.
fn options() -> Options {
    let retry = RetryLimits {
        delay_first: Duration::from_millis(10),
        delay_max: Duration::from_millis(50),
        ..RetryLimits::default()
    };
    Options { stores: StoreOptions { retry, ..StoreOptions::default() }, ..Options::default() }
}

/// A container that is opened with this secret.
fn at(uri: &str, value: &str, job: Job) -> ContainerAt {
    let secret = StoreSecret { value: value.into(), uri: SECRET.to_owned() };
    ContainerAt { uri: uri.to_owned(), endpoint: None, access: Access::Secret(secret), job }
}

fn open(uri: &str, value: &str, job: Job) -> Result<OpenContainer, transload_endpoints::Error> {
    Endpoints::new(options()).open_container(&at(uri, value, job))
}

async fn write(store: &Arc<dyn BlobStore>, name: &str, content: &'static [u8]) -> Result<BlobStat, Error> {
    let stage = store.stage(name, StageOptions { overwrite: true, ..StageOptions::default() }).await?;
    let contents = [Bytes::from_static(content)];
    let blocks = blocks(&contents);
    stage.put(&blocks[0], contents[0].clone()).await?;
    stage.commit(&blocks).await
}

async fn read(store: &Arc<dyn BlobStore>, name: &str, len: u64) -> Result<Vec<u8>, Error> {
    let pieces: Vec<Bytes> = store.read(name, 0..len, None).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn names(store: &Arc<dyn BlobStore>) -> Result<Vec<String>, Error> {
    store.list("").await?.map_ok(|blob| blob.name).try_collect().await
}
