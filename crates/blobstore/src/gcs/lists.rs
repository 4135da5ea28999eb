//! The bucket's list.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::Deserialize;

use super::Inner;
use super::ask::{Ask, Object};
use crate::error::Error;
use crate::retry::retry;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    items: Vec<Object>,
    next_page_token: Option<String>,
}

/// Pages of objects, asked for as they are wanted.
struct Listing {
    store: Arc<Inner>,
    prefix: String,
    found: VecDeque<Object>,
    /// Where the next page begins; `None` when there is none.
    token: Option<String>,
}

/// The objects whose names start with `prefix`, in name order. The first page is awaited, so what is wrong shows here.
pub(super) async fn objects(
    store: Arc<Inner>,
    prefix: &str,
) -> Result<BoxStream<'static, Result<Object, Error>>, Error> {
    let mut listing = Listing { store, prefix: prefix.to_owned(), found: VecDeque::new(), token: None };
    listing.turn().await?;
    let objects = stream::try_unfold(listing, async |mut listing: Listing| {
        while listing.found.is_empty() && listing.token.is_some() {
            listing.turn().await?;
        }
        Ok(listing.found.pop_front().map(|object| (object, listing)))
    });
    Ok(objects.boxed())
}

impl Listing {
    async fn turn(&mut self) -> Result<(), Error> {
        let ask = Ask::list().query("fields", "nextPageToken,items(name,size,generation,updated)");
        let ask = if self.prefix.is_empty() { ask } else { ask.query("prefix", &self.prefix) };
        let ask = &match &self.token {
            Some(token) => ask.query("pageToken", token),
            None => ask,
        };
        let page: Page = retry(&self.store.retry, |_| self.store.ask_json(ask)).await?;
        self.found.extend(page.items);
        self.token = page.next_page_token.filter(|t| !t.is_empty());
        Ok(())
    }
}
