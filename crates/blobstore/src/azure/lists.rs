//! The service's lists: of blobs, and of a blob's blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use azure_storage_blob::models::{BlobContainerClientListBlobsOptions, BlobItem, BlockListType};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::{Inner, quoted};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::sas::Action;
use crate::store::BlobStat;

/// A block's id, decoded, and its length in bytes.
pub(super) type ListedBlock = (Vec<u8>, u64);

/// The blocks that are staged under a name; none when there is nothing of that name.
pub(super) async fn uncommitted(store: &Inner, name: &str) -> Result<Vec<ListedBlock>, Error> {
    blocks(store, name, BlockListType::Uncommitted).await
}

/// The blocks of a blob, in their order; none when there is no such blob.
pub(super) async fn committed(store: &Inner, name: &str) -> Result<Vec<ListedBlock>, Error> {
    blocks(store, name, BlockListType::Committed).await
}

async fn blocks(store: &Inner, name: &str, which: BlockListType) -> Result<Vec<ListedBlock>, Error> {
    let client = store.blob(name, Action::Read)?.block_blob_client();
    let (client, committed) = (&client, which == BlockListType::Committed);
    let result = retry(&store.retry, |_| async move {
        let failed = |e| store.failure(name, Action::Read, &e);
        client.get_block_list(which, None).await.map_err(failed)?.into_model().map_err(failed)
    })
    .await;
    let lists = match result {
        Ok(lists) => lists,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let listed = if committed { lists.committed_blocks } else { lists.uncommitted_blocks };
    let listed = listed.unwrap_or_default().into_iter();
    Ok(listed.filter_map(|b| Some((b.name?, u64::try_from(b.size?).ok()?))).collect())
}

/// Pages of blobs, asked for as they are wanted.
struct Listing {
    store: Arc<Inner>,
    prefix: String,
    found: VecDeque<BlobStat>,
    /// Where the next page begins; `None` when there is none.
    marker: Option<String>,
}

/// The blobs whose names start with `prefix`. The first page is awaited, so what is wrong shows here.
pub(super) async fn blobs(
    store: Arc<Inner>,
    prefix: &str,
) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
    store.check_first("", &[Action::List])?;
    let mut listing = Listing { store, prefix: prefix.to_owned(), found: VecDeque::new(), marker: None };
    listing.turn().await?;
    let blobs = stream::try_unfold(listing, async |mut listing: Listing| {
        while listing.found.is_empty() && listing.marker.is_some() {
            listing.turn().await?;
        }
        Ok(listing.found.pop_front().map(|blob| (blob, listing)))
    });
    Ok(blobs.boxed())
}

impl Listing {
    async fn turn(&mut self) -> Result<(), Error> {
        let (store, this) = (Arc::clone(&self.store), &*self);
        let (found, marker) = retry(&store.retry, |_| this.page()).await?;
        self.found.extend(found);
        self.marker = marker;
        Ok(())
    }

    async fn page(&self) -> Result<(Vec<BlobStat>, Option<String>), Failure> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: (!self.prefix.is_empty()).then(|| self.prefix.clone()),
            marker: self.marker.clone(),
            ..Default::default()
        };
        let failed = |e| self.store.failure("", Action::List, &e);
        let mut pages = self.store.container()?.list_blobs(Some(options)).map_err(failed)?.into_pages();
        let Some(page) = pages.try_next().await.map_err(failed)? else {
            return Ok((Vec::new(), None));
        };
        let page = page.into_model().map_err(failed)?;
        let found = page.blob_items.into_iter().filter_map(stat_of_item).collect();
        Ok((found, page.next_marker.filter(|m| !m.is_empty())))
    }
}

fn stat_of_item(item: BlobItem) -> Option<BlobStat> {
    let properties = item.properties?;
    Some(BlobStat {
        name: item.name?,
        size: properties.content_length?,
        etag: properties.etag.map(|e| quoted(e.as_ref())),
        modified: properties.last_modified.map(|t| t.unix_timestamp()),
    })
}
