//! The Azure adapter against Azurite, and through a proxy that breaks things.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conforming;
mod failures;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use transload_blobstore::conformance::blocks;
use transload_blobstore::{
    BlobStat, BlobStore, Credential, Error, Location, RetryLimits, StageOptions, StoreOptions, open,
};

/// Options that do not wait long.
fn options() -> StoreOptions {
    let retry = RetryLimits {
        delay_first: Duration::from_millis(10),
        delay_max: Duration::from_millis(50),
        ..RetryLimits::default()
    };
    StoreOptions { retry, ..StoreOptions::default() }
}

fn store_at(url: &str) -> Arc<dyn BlobStore> {
    opened(url, &options())
}

fn opened(url: &str, options: &StoreOptions) -> Arc<dyn BlobStore> {
    let location = Location::parse(url).unwrap();
    open(&location, Credential::None, options).unwrap().0
}

/// Writes a whole blob, a block for each part.
async fn write(
    store: &dyn BlobStore,
    name: &str,
    parts: &[Bytes],
    overwrite: bool,
) -> Result<BlobStat, Error> {
    let stage = store.stage(name, StageOptions { overwrite, ..StageOptions::default() }).await?;
    let blocks = blocks(parts);
    for (block, part) in blocks.iter().zip(parts) {
        stage.put(block, part.clone()).await?;
    }
    stage.commit(&blocks).await
}

async fn read(store: &dyn BlobStore, name: &str, range: std::ops::Range<u64>) -> Result<Vec<u8>, Error> {
    let pieces: Vec<Bytes> = store.read(name, range, None).await?.try_collect().await?;
    Ok(pieces.concat())
}
