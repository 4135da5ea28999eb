//! The adapter for Google Cloud Storage against fake-gcs-server, and through a proxy that breaks things.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conforming;
mod failures;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use transload_blobstore::conformance::blocks;
use transload_blobstore::{
    BlobStat, BlobStore, Credential, Error, GcsIdentity, GcsOptions, Location, RetryLimits, StageOptions,
    StoreOptions, open,
};

/// Options that do not wait long.
fn options(endpoint: &str) -> StoreOptions {
    let retry = RetryLimits {
        delay_first: Duration::from_millis(10),
        delay_max: Duration::from_millis(50),
        ..RetryLimits::default()
    };
    let gcs = GcsOptions { endpoint: Some(endpoint.to_owned()), ..GcsOptions::default() };
    StoreOptions { retry, gcs, ..StoreOptions::default() }
}

fn store_at(endpoint: &str, bucket: &str) -> Arc<dyn BlobStore> {
    opened(bucket, GcsIdentity::Anonymous, &options(endpoint)).unwrap()
}

fn opened(bucket: &str, identity: GcsIdentity, options: &StoreOptions) -> Result<Arc<dyn BlobStore>, Error> {
    let location = Location::parse(&format!("gs://{bucket}")).unwrap();
    open(&location, Credential::Gcs(identity), options).map(|(store, _)| store)
}

/// Writes a whole blob, a block for each part.
async fn write(store: &dyn BlobStore, name: &str, parts: &[Bytes]) -> Result<BlobStat, Error> {
    let stage = store.stage(name, StageOptions::default()).await?;
    let blocks = blocks(parts);
    for (block, part) in blocks.iter().zip(parts) {
        stage.put(block, part.clone()).await?;
    }
    stage.commit(&blocks).await
}
