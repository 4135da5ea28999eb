//! What every adapter must do, as one suite that tests run over each of them and over every wrapper.
//!
//! [`run`] panics at the first case that a store fails, with the case's name in front.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::error::{Error, ErrorKind};
use crate::store::{BlobStore, Block, BlockId, BlockOrder, Stage, StageOptions};

mod copying;
mod reading;
mod writing;

/// Runs every case. `open` opens the place anew, as another process would: what it returns shares its content
/// with what it returned before. The place may hold other blobs, but none whose name starts with `conformance/`.
pub async fn run<F>(open: F)
where
    F: AsyncFn() -> Arc<dyn BlobStore>,
{
    let store = open().await;
    let store = store.as_ref();
    writing::blocks_in_any_order_make_the_blob(store).await;
    writing::a_block_put_again_is_replaced(store).await;
    writing::a_block_left_out_is_left_out(store).await;
    writing::a_hole_reads_as_zeroes(store).await;
    writing::an_empty_blob_can_be_made(store).await;
    writing::many_blocks_can_be_made(store).await;
    writing::nothing_is_visible_before_the_commit(store).await;
    writing::what_was_staged_is_found_again(store, open().await.as_ref()).await;
    writing::what_is_discarded_is_gone(store).await;
    writing::a_commit_of_what_is_not_staged_fails(store).await;
    writing::nothing_is_overwritten_unasked(store).await;
    writing::an_overwritten_blob_is_whole_until_the_commit(store).await;
    writing::of_two_commits_one_wins(store, open().await.as_ref()).await;
    copying::a_store_copies_blocks_by_itself_or_says_that_it_does_not(store).await;
    reading::ranges_are_exact(store).await;
    reading::a_range_past_the_end_is_truncated(store).await;
    reading::another_etag_is_another_blob(store).await;
    reading::what_is_absent_is_not_found(store).await;
    reading::listing_is_ordered_and_by_prefix(store).await;
    reading::deleting_removes_one_blob(store).await;
    reading::names_that_escape_are_refused(store).await;
}

/// A block at `offset` with an id made of its bytes, so that different content has different ids.
pub fn block(offset: u64, bytes: &[u8]) -> Block {
    let mut id = [0; 64];
    id[..8].copy_from_slice(&offset.to_be_bytes());
    id[8..12].copy_from_slice(&crc32fast::hash(bytes).to_be_bytes());
    id[12..20].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
    Block { id: BlockId(id), offset, len: bytes.len() as u64, index: 0 }
}

/// Blocks for these contents, one behind the other.
pub fn blocks(contents: &[Bytes]) -> Vec<Block> {
    let mut offset = 0;
    let mut placed = Vec::with_capacity(contents.len());
    for (index, bytes) in (0..).zip(contents) {
        placed.push(Block { index, ..block(offset, bytes) });
        offset += bytes.len() as u64;
    }
    placed
}

async fn opened(store: &dyn BlobStore, name: &str, overwrite: bool) -> Box<dyn Stage> {
    stage(store, name, overwrite).await.expect("the blob can be opened for writing")
}

async fn stage(store: &dyn BlobStore, name: &str, overwrite: bool) -> Result<Box<dyn Stage>, Error> {
    let metadata = [("category".to_owned(), "conformance".to_owned())].into();
    store.stage(name, StageOptions { overwrite, metadata, len: 0 }).await
}

async fn put_all(stage: &dyn Stage, blocks: &[Block], contents: &[Bytes]) {
    for (block, bytes) in blocks.iter().zip(contents) {
        stage.put(block, bytes.clone()).await.expect("the block can be staged");
    }
}

/// Makes a whole blob of one block.
async fn make(store: &dyn BlobStore, name: &str, content: &'static [u8]) {
    let contents = [Bytes::from_static(content)];
    let blocks = blocks(&contents);
    let stage = opened(store, name, true).await;
    put_all(stage.as_ref(), &blocks, &contents).await;
    stage.commit(&blocks).await.expect("the blob can be committed");
}

async fn bytes_of(store: &dyn BlobStore, name: &str) -> Vec<u8> {
    let stat = store.stat(name).await.expect("the blob can be looked at").expect("the blob is there");
    read(store, name, 0..stat.size, stat.etag.as_deref()).await.expect("the blob can be read")
}

async fn read(
    store: &dyn BlobStore,
    name: &str,
    range: std::ops::Range<u64>,
    etag: Option<&str>,
) -> Result<Vec<u8>, Error> {
    let stream = store.read(name, range, etag).await?;
    stream
        .try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

async fn names(store: &dyn BlobStore, prefix: &str) -> Vec<String> {
    let stream = store.list(prefix).await.expect("the place can be listed");
    stream.map_ok(|blob| blob.name).try_collect().await.expect("the list can be read to its end")
}

fn positioned(store: &dyn BlobStore) -> bool {
    store.limits().order == BlockOrder::Positioned
}

#[track_caller]
fn assert_kind<T>(result: Result<T, Error>, kind: ErrorKind, case: &str) {
    match result {
        Ok(_) => panic!("{case}: this should have failed with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{case}: {error:?}"),
    }
}
