//! Cases of reading, listing and deleting.

use super::{assert_kind, bytes_of, make, names, read, stage};
use crate::error::ErrorKind;
use crate::store::BlobStore;

pub(super) async fn ranges_are_exact(store: &dyn BlobStore) {
    let name = "conformance/ranges";
    make(store, name, b"0123456789").await;
    for (range, content) in
        [(0..10, &b"0123456789"[..]), (0..1, b"0"), (9..10, b"9"), (3..7, b"3456"), (4..4, b"")]
    {
        let bytes = read(store, name, range.clone(), None).await.expect("the range is within the blob");
        assert_eq!(bytes, content, "ranges: {range:?}");
    }
    let empty = "conformance/ranges-empty";
    make(store, empty, b"").await;
    assert!(read(store, empty, 0..0, None).await.expect("nothing of nothing").is_empty());
}

pub(super) async fn a_range_past_the_end_is_truncated(store: &dyn BlobStore) {
    let name = "conformance/past-the-end";
    make(store, name, b"0123456789").await;
    for range in [5..11, 0..100, 10..11, 50..60] {
        let case = format!("past the end: {range:?}");
        assert_kind(read(store, name, range, None).await, ErrorKind::Truncated, &case);
    }
}

pub(super) async fn another_etag_is_another_blob(store: &dyn BlobStore) {
    let name = "conformance/etag";
    make(store, name, b"before").await;
    let before = store.stat(name).await.expect("stat").expect("the blob is there");
    let etag = before.etag.as_deref();
    assert!(etag.is_some(), "etag: there is one");
    assert_eq!(read(store, name, 0..6, etag).await.expect("the same blob"), b"before");
    make(store, name, b"after!").await;
    assert_kind(read(store, name, 0..6, etag).await, ErrorKind::Changed, "etag: read");
    assert_kind(store.delete(name, etag).await, ErrorKind::Changed, "etag: delete");
    let after = store.stat(name).await.expect("stat").expect("the blob is there");
    store.delete(name, after.etag.as_deref()).await.expect("delete of the blob that is there");
}

pub(super) async fn what_is_absent_is_not_found(store: &dyn BlobStore) {
    let name = "conformance/absent";
    assert_eq!(store.stat(name).await.expect("stat"), None, "absent: stat");
    assert_kind(store.read(name, 0..1, None).await.map(|_| ()), ErrorKind::NotFound, "absent: read");
    assert_kind(store.read(name, 0..0, None).await.map(|_| ()), ErrorKind::NotFound, "absent: read nothing");
    assert_kind(store.delete(name, None).await, ErrorKind::NotFound, "absent: delete");
}

pub(super) async fn listing_is_ordered_and_by_prefix(store: &dyn BlobStore) {
    for name in
        ["conformance/list/b", "conformance/list/a/2", "conformance/list/a-1", "conformance/list/a/1 ä"]
    {
        make(store, name, b"x").await;
    }
    let hidden = stage(store, "conformance/list/hidden", false).await.expect("stage");
    assert_eq!(
        names(store, "conformance/list/").await,
        ["conformance/list/a-1", "conformance/list/a/1 ä", "conformance/list/a/2", "conformance/list/b"]
    );
    assert_eq!(names(store, "conformance/list/a/").await, ["conformance/list/a/1 ä", "conformance/list/a/2"]);
    assert_eq!(names(store, "conformance/list/a-").await, ["conformance/list/a-1"]);
    assert!(names(store, "conformance/nothing-here").await.is_empty());
    drop(hidden);
}

pub(super) async fn deleting_removes_one_blob(store: &dyn BlobStore) {
    make(store, "conformance/delete/a", b"a").await;
    make(store, "conformance/delete/b", b"b").await;
    store.delete("conformance/delete/a", None).await.expect("delete");
    assert_eq!(names(store, "conformance/delete/").await, ["conformance/delete/b"]);
    assert_eq!(bytes_of(store, "conformance/delete/b").await, b"b");
}

pub(super) async fn names_that_escape_are_refused(store: &dyn BlobStore) {
    for name in ["", "/etc/x", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b"] {
        let case = format!("name {name:?}");
        assert_kind(store.stat(name).await, ErrorKind::LocationInvalid, &case);
        assert_kind(store.read(name, 0..1, None).await.map(|_| ()), ErrorKind::LocationInvalid, &case);
        assert_kind(store.delete(name, None).await, ErrorKind::LocationInvalid, &case);
        assert_kind(stage(store, name, true).await.map(|_| ()), ErrorKind::LocationInvalid, &case);
    }
}
