//! The double passes the suite that the real stores pass.

use std::sync::Arc;

use transload_blobstore::conformance;
use transload_blobstore::memory::MemoryStore;
use transload_blobstore::{BlobStore, BlockLimits, BlockOrder};

async fn conforms(order: BlockOrder) {
    let store = MemoryStore::new(order);
    conformance::run(async || Arc::new(store.clone()) as Arc<dyn BlobStore>).await;
}

#[tokio::test]
async fn memory_with_blocks_ordered_at_commit_conforms() {
    conforms(BlockOrder::AtCommit).await;
}

#[tokio::test]
async fn memory_with_positioned_blocks_conforms() {
    conforms(BlockOrder::Positioned).await;
}

#[tokio::test]
async fn memory_with_numbered_blocks_conforms() {
    conforms(BlockOrder::Numbered).await;
}

#[tokio::test]
async fn memory_with_numbered_blocks_of_some_length_conforms() {
    let limits = BlockLimits { block_bytes_min: 4_000, ..MemoryStore::new(BlockOrder::Numbered).limits() };
    let store = MemoryStore::with_limits(limits);
    conformance::run(async || Arc::new(store.clone()) as Arc<dyn BlobStore>).await;
}
