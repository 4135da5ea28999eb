//! Cases of staging and committing.

use bytes::Bytes;
use futures_util::future::join;

use super::{assert_kind, blocks, bytes_of, make, names, opened, positioned, put_all, stage};
use crate::error::ErrorKind;
use crate::store::{BlobStore, Block, BlockId, BlockOrder};

/// Blocks' contents that begin with these words, as long as the store wants blocks to be.
fn contents(store: &dyn BlobStore, parts: &[&'static str]) -> Vec<Bytes> {
    parts.iter().map(|part| grown(store, part)).collect()
}

pub(super) fn grown(store: &dyn BlobStore, part: &str) -> Bytes {
    let len =
        usize::try_from(store.limits().block_bytes_min).expect("a block fits into memory").max(part.len());
    let mut bytes = part.as_bytes().to_vec();
    bytes.resize(len, b'.');
    Bytes::from(bytes)
}

/// How many blocks a case of many may have: blocks that must be large are few.
fn many(store: &dyn BlobStore) -> usize {
    if store.limits().block_bytes_min > 1024 { 20 } else { 2_000 }
}

pub(super) async fn blocks_in_any_order_make_the_blob(store: &dyn BlobStore) {
    let name = "conformance/any-order/blob.tar";
    let contents = contents(store, &["first ", "second block ", "third"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    for i in [2, 0, 1] {
        stage.put(&blocks[i], contents[i].clone()).await.expect("any order is good");
    }
    let stat = stage.commit(&blocks).await.expect("the blob can be committed");
    assert_eq!(stat.name, name);
    assert_eq!(stat.size, contents.concat().len() as u64, "any order: size of the commit");
    let seen = store.stat(name).await.expect("stat").expect("the blob is there");
    assert_eq!(
        (seen.size, seen.etag),
        (stat.size, stat.etag),
        "any order: the commit tells the same as stat"
    );
    assert!(bytes_of(store, name).await == contents.concat(), "any order: content");
}

pub(super) async fn a_block_put_again_is_replaced(store: &dyn BlobStore) {
    let name = "conformance/replaced";
    let mut contents = contents(store, &["old!", "tail"]);
    let mut list = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &list, &contents).await;
    contents[0] = grown(store, "new!");
    stage.put(&list[0], contents[0].clone()).await.expect("the same id again");
    if store.limits().order != BlockOrder::AtCommit {
        // another id at the same place takes the place over
        list[1].id = BlockId([9; 64]);
        contents[1] = grown(store, "TAIL");
        stage.put(&list[1], contents[1].clone()).await.expect("another id at the same place");
    }
    stage.commit(&list).await.expect("commit");
    assert!(bytes_of(store, name).await == contents.concat(), "replaced: content");
}

pub(super) async fn a_block_left_out_is_left_out(store: &dyn BlobStore) {
    let name = "conformance/left-out";
    let contents = contents(store, &["keep", "drop", "last"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &blocks, &contents).await;
    if positioned(store) {
        stage.commit(&blocks[..1]).await.expect("what is behind the list is cut off");
        assert!(bytes_of(store, name).await == contents[0], "left out: content");
    } else {
        stage.commit(&[blocks[0], blocks[2]]).await.expect("what is behind a gap moves up");
        let left = [contents[0].clone(), contents[2].clone()].concat();
        assert!(bytes_of(store, name).await == left, "left out: content");
    }
    let again = opened(store, name, true).await;
    assert!(again.staged().is_empty(), "left out: a commit drops what it does not list");
}

pub(super) async fn a_hole_reads_as_zeroes(store: &dyn BlobStore) {
    if !matches!(store.limits().order, BlockOrder::Positioned | BlockOrder::Numbered) {
        return;
    }
    let name = "conformance/hole";
    let mut contents = contents(store, &["keep", "bad!", "last"]);
    let mut list = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &list, &contents).await;
    list[1].id = BlockId::HOLE;
    contents[1] = Bytes::from(vec![0; contents[1].len()]);
    let offset = contents.concat().len() as u64;
    list.push(Block { id: BlockId::HOLE, offset, len: 3, index: 3 });
    contents.push(Bytes::from_static(&[0; 3]));
    stage.commit(&list).await.expect("holes need no bytes");
    assert!(bytes_of(store, name).await == contents.concat(), "hole: content");
}

pub(super) async fn an_empty_blob_can_be_made(store: &dyn BlobStore) {
    let name = "conformance/empty";
    let stat = opened(store, name, false).await.commit(&[]).await.expect("no block makes an empty blob");
    assert_eq!(stat.size, 0);
    assert!(bytes_of(store, name).await.is_empty());
}

pub(super) async fn many_blocks_can_be_made(store: &dyn BlobStore) {
    let name = "conformance/many";
    let contents: Vec<_> = (0..many(store)).map(|i| grown(store, &format!("{i:05}"))).collect();
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    let stage = stage.as_ref();
    for (blocks, contents) in blocks.chunks(16).zip(contents.chunks(16)) {
        let puts = blocks.iter().zip(contents).map(|(block, bytes)| stage.put(block, bytes.clone()));
        for result in futures_util::future::join_all(puts).await {
            result.expect("many at a time are good");
        }
    }
    stage.commit(&blocks).await.expect("many blocks");
    assert!(bytes_of(store, name).await == contents.concat(), "many: content");
}

pub(super) async fn nothing_is_visible_before_the_commit(store: &dyn BlobStore) {
    let name = "conformance/invisible";
    let contents = contents(store, &["not yet"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &blocks, &contents).await;
    assert_eq!(store.stat(name).await.expect("stat"), None, "invisible: stat");
    assert_kind(store.read(name, 0..1, None).await.map(|_| ()), ErrorKind::NotFound, "invisible: read");
    assert!(names(store, name).await.is_empty(), "invisible: list");
    stage.commit(&blocks).await.expect("commit");
    assert_eq!(names(store, name).await, [name]);
}

pub(super) async fn what_was_staged_is_found_again(store: &dyn BlobStore, later: &dyn BlobStore) {
    let name = "conformance/found-again";
    let contents = contents(store, &["first", "second", "third"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    assert!(stage.staged().is_empty(), "found again: nothing at first");
    put_all(stage.as_ref(), &blocks[1..], &contents[1..]).await;
    stage.keep().await.expect("what was staged can be kept");
    drop(stage);
    let unfinished = later.unfinished("conformance/found").await.expect("what is unfinished can be listed");
    if let [seen] = &unfinished[..] {
        assert_eq!(seen.name, name, "found again: its name");
    }
    assert!(unfinished.len() < 2, "found again: at most one is unfinished, not {unfinished:?}");

    let stage = opened(later, name, false).await;
    let mut found = stage.staged();
    found.sort_by_key(|b| b.id); // which begins with the offset
    assert_eq!(found.len(), 2, "found again: {found:?}");
    for (found, staged) in found.iter().zip(&blocks[1..]) {
        assert_eq!((found.id, found.len), (staged.id, staged.len), "found again: id and length");
        assert_eq!(found.offset, positioned(later).then_some(staged.offset), "found again: place");
        let numbered = later.limits().order == BlockOrder::Numbered;
        assert_eq!(found.index, numbered.then_some(staged.index), "found again: number");
    }
    put_all(stage.as_ref(), &blocks[..1], &contents[..1]).await;
    stage.commit(&blocks).await.expect("what was found can be committed");
    assert!(bytes_of(later, name).await == contents.concat(), "found again: content");
}

pub(super) async fn what_is_discarded_is_gone(store: &dyn BlobStore) {
    let name = "conformance/discarded";
    let contents = contents(store, &["gone"]);
    let list = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &list, &contents).await;
    stage.discard().await.expect("discard");
    drop(stage);
    assert_eq!(store.stat(name).await.expect("stat"), None, "discarded: no blob");
    let again = opened(store, name, false).await;
    assert!(again.staged().is_empty(), "discarded: nothing staged");
    put_all(again.as_ref(), &list, &contents).await;
    again.commit(&list).await.expect("it can be written after that");
}

pub(super) async fn a_commit_of_what_is_not_staged_fails(store: &dyn BlobStore) {
    let name = "conformance/missing-block";
    let contents = contents(store, &["here", "nowhere"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, false).await;
    put_all(stage.as_ref(), &blocks[..1], &contents[..1]).await;
    assert_kind(stage.commit(&blocks).await, ErrorKind::BlocksMissing, "missing block");
    assert_eq!(store.stat(name).await.expect("stat"), None, "missing block: no blob");
    put_all(stage.as_ref(), &blocks[1..], &contents[1..]).await;
    stage.commit(&blocks).await.expect("staged at last");
}

pub(super) async fn nothing_is_overwritten_unasked(store: &dyn BlobStore) {
    let name = "conformance/kept";
    make(store, name, b"the first").await;
    let result = stage(store, name, false).await.map(|_| ());
    assert_kind(result, ErrorKind::AlreadyExists, "unasked");
    assert_eq!(bytes_of(store, name).await, b"the first");
}

pub(super) async fn an_overwritten_blob_is_whole_until_the_commit(store: &dyn BlobStore) {
    let name = "conformance/overwritten";
    make(store, name, b"the old content").await;
    let before = store.stat(name).await.expect("stat").expect("the blob is there");
    let contents = contents(store, &["the new ", "one"]);
    let blocks = blocks(&contents);
    let stage = opened(store, name, true).await;
    put_all(stage.as_ref(), &blocks, &contents).await;
    assert_eq!(bytes_of(store, name).await, b"the old content");
    let after = stage.commit(&blocks).await.expect("commit");
    assert!(bytes_of(store, name).await == contents.concat(), "overwritten: content");
    assert_ne!(before.etag, after.etag, "overwritten: another etag");
}

pub(super) async fn of_two_commits_one_wins(one: &dyn BlobStore, other: &dyn BlobStore) {
    let name = "conformance/race";
    let contents = [Bytes::from_static(b"raced for")];
    let blocks = blocks(&contents);
    let first = opened(one, name, false).await;
    // a store may let only one writer in, which decides the race before it starts
    let second = match stage(other, name, false).await {
        Ok(second) => second,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Busy, "race: {error:?}");
            put_all(first.as_ref(), &blocks, &contents).await;
            first.commit(&blocks).await.expect("the only writer wins");
            return;
        }
    };
    put_all(first.as_ref(), &blocks, &contents).await;
    put_all(second.as_ref(), &blocks, &contents).await;
    let (a, b) = join(first.commit(&blocks), second.commit(&blocks)).await;
    let lost = match (a, b) {
        (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
        (a, b) => panic!("race: one wins, not {a:?} and {b:?}"),
    };
    assert_eq!(lost.kind(), ErrorKind::AlreadyExists, "race: {lost:?}");
    assert_eq!(bytes_of(one, name).await, contents.concat());
}
