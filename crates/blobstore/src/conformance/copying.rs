//! Cases of blocks that a store copies by itself.

use super::writing::grown;
use super::{blocks, bytes_of, opened, put_all};
use crate::store::BlobStore;

pub(super) async fn a_store_copies_blocks_by_itself_or_says_that_it_does_not(store: &dyn BlobStore) {
    let (from, to) = ("conformance/copied from ä", "conformance/copied-to");
    let contents = [grown(store, "kept"), grown(store, "copied"), grown(store, "last")];
    let list = blocks(&contents);
    let stage = opened(store, from, false).await;
    put_all(stage.as_ref(), &list, &contents).await;
    let stat = stage.commit(&list).await.expect("the source can be made");
    let Some(source) = store.copy_source(from, stat.etag.as_deref()) else { return };
    assert!(!format!("{source:?}").contains("sig="), "copying: no token is shown");

    let stage = opened(store, to, false).await;
    if stage.put_from(&list[1], &source, list[1].offset).await.expect("copied, or said that it is not") {
        put_all(stage.as_ref(), &list[..1], &contents[..1]).await;
        put_all(stage.as_ref(), &list[2..], &contents[2..]).await;
        stage.commit(&list).await.expect("a copied block is as good as another");
        assert!(bytes_of(store, to).await == contents.concat(), "copying: content");
    }
}
