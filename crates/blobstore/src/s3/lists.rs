//! The store's lists: of objects, and of an upload's parts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::ask::Ask;
use super::ledger::{self, Ledger};
use super::{Inner, quoted};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::store::BlobStat;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ObjectsPage {
    #[serde(default)]
    contents: Vec<Object>,
    next_continuation_token: Option<String>,
    /// `url` where the store did as it was asked.
    encoding_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
    size: u64,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    last_modified: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartsPage {
    #[serde(default, rename = "Part")]
    parts: Vec<PartItem>,
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartItem {
    part_number: u32,
    size: u64,
    #[serde(rename = "ETag")]
    etag: String,
}

/// An uploaded part as the store knows it: length in bytes and etag.
pub(super) type ListedPart = (u64, String);

/// Which objects a list is to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Blobs,
    Ledgers,
}

/// Pages of objects, asked for as they are wanted.
struct Listing {
    store: Arc<Inner>,
    prefix: String,
    wanted: Wanted,
    found: VecDeque<BlobStat>,
    /// Where the next page begins; `None` when there is none.
    token: Option<String>,
}

/// The objects whose names start with `prefix`. The first page is awaited, so what is wrong shows here.
pub(super) async fn objects(
    store: Arc<Inner>,
    prefix: &str,
) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
    listed(store, prefix, Wanted::Blobs).await
}

/// The blobs whose names start with `prefix` and that have a ledger, with the length of the parts it tells of.
pub(super) async fn unfinished(store: Arc<Inner>, prefix: &str) -> Result<Vec<BlobStat>, Error> {
    let ledgers: Vec<BlobStat> =
        listed(Arc::clone(&store), prefix, Wanted::Ledgers).await?.try_collect().await?;
    let mut found = Vec::new();
    for mut stat in ledgers {
        stat.name = ledger::blob_of(&stat.name).to_owned();
        let Some(ledger) = Ledger::read(&store, &stat.name).await? else { continue };
        stat.size = ledger.parts.values().map(|part| part.len).sum();
        found.push(stat);
    }
    Ok(found)
}

async fn listed(
    store: Arc<Inner>,
    prefix: &str,
    wanted: Wanted,
) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
    let mut listing =
        Listing { store, prefix: prefix.to_owned(), wanted, found: VecDeque::new(), token: None };
    listing.turn().await?;
    let blobs = stream::try_unfold(listing, async |mut listing: Listing| {
        while listing.found.is_empty() && listing.token.is_some() {
            listing.turn().await?;
        }
        Ok(listing.found.pop_front().map(|blob| (blob, listing)))
    });
    Ok(blobs.boxed())
}

impl Listing {
    async fn turn(&mut self) -> Result<(), Error> {
        let this = &*self;
        let page = retry(&this.store.retry, |_| this.page()).await?;
        self.token = page.next_continuation_token.filter(|t| !t.is_empty());
        let encoded = page.encoding_type.is_some();
        let ledgers = self.wanted == Wanted::Ledgers;
        let stats = page.contents.into_iter().filter_map(|object| stat_of(object, encoded));
        self.found.extend(stats.filter(|stat| ledger::is_ledger(&stat.name) == ledgers));
        Ok(())
    }

    async fn page(&self) -> Result<ObjectsPage, Failure> {
        // names may hold what XML cannot
        let mut ask = Ask::new(Method::GET, "").query("encoding-type", "url").query("list-type", &2);
        ask = if self.prefix.is_empty() { ask } else { ask.query("prefix", &self.prefix) };
        ask = match &self.token {
            Some(token) => ask.query("continuation-token", token),
            None => ask,
        };
        parsed(&self.store, "", &self.store.ask_text(&ask).await?)
    }
}

fn stat_of(object: Object, encoded: bool) -> Option<BlobStat> {
    let name = if encoded {
        // a form's encoding: '+' is a space
        percent_decode_str(&object.key.replace('+', " ")).decode_utf8().ok()?.into_owned()
    } else {
        object.key
    };
    Some(BlobStat {
        name,
        size: object.size,
        etag: object.etag.as_deref().map(quoted),
        modified: object
            .last_modified
            .as_deref()
            .and_then(|t| OffsetDateTime::parse(t, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)),
    })
}

/// The parts of an upload by number; `None` when there is no such upload.
pub(super) async fn parts(
    store: &Inner,
    name: &str,
    upload: &str,
) -> Result<Option<HashMap<u32, ListedPart>>, Error> {
    let mut found = HashMap::new();
    let mut marker = None;
    loop {
        let page = retry(&store.retry, |_| async move {
            let ask = Ask::new(Method::GET, name);
            let ask = match marker {
                Some(marker) => ask.query("part-number-marker", &marker),
                None => ask,
            };
            let text = store.ask_text(&ask.query("uploadId", upload)).await?;
            parsed::<PartsPage>(store, name, &text)
        });
        let page = match page.await {
            Ok(page) => page,
            Err(e) if matches!(e.kind(), ErrorKind::BlocksMissing | ErrorKind::NotFound) => return Ok(None),
            Err(e) => return Err(e),
        };
        found.extend(page.parts.into_iter().map(|p| (p.part_number, (p.size, quoted(&p.etag)))));
        match page.next_part_number_marker {
            Some(next) if page.is_truncated && marker.is_none_or(|m| next > m) => marker = Some(next),
            _ => return Ok(Some(found)),
        }
    }
}

/// An answer's XML, understood.
pub(super) fn parsed<T: DeserializeOwned>(store: &Inner, name: &str, text: &str) -> Result<T, Failure> {
    quick_xml::de::from_str(text).map_err(|_| Failure {
        error: Error::new(ErrorKind::Failed, store.describe(name), "the answer cannot be understood"),
        again: true,
        after: None,
    })
}

pub(super) fn seconds_of_http_date(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp)
}
