//! Lists: tags, repositories, referrers.

use axum::http::header;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use transload_oci::{Digest, media_type};

use super::Query;
use super::answer::Answer;
use super::refusal::{Code, Refusal};
use crate::access::Caller;
use crate::contents::{Fault, Page};
use crate::depot::Depot;

/// `GET /v2/<name>/tags/list?n=…&last=…`, in lexical order.
pub(super) async fn tags(depot: &Depot, repository: &str, query: Query<'_>) -> Result<Response, Refusal> {
    let (most, last) = paging(depot, query)?;
    let page = depot.contents().tags(repository, &last, most).await?;
    let answer = linked(Answer::ok(), &format!("/v2/{repository}/tags/list"), &page, most);
    Ok(answer.json(&json!({ "name": repository, "tags": page.names })))
}

/// `GET /v2/_catalog?n=…&last=…`, in lexical order: the repositories that the caller may see.
pub(super) async fn catalog(depot: &Depot, caller: &Caller, query: Query<'_>) -> Result<Response, Refusal> {
    let (most, last) = paging(depot, query)?;
    let page = visible(depot, caller, last, most).await?;
    Ok(linked(Answer::ok(), "/v2/_catalog", &page, most).json(&json!({ "repositories": page.names })))
}

/// A page of what the caller may see: as long as if there were nothing else.
async fn visible(depot: &Depot, caller: &Caller, mut after: String, most: usize) -> Result<Page, Fault> {
    let mut seen = Page::default();
    if most == 0 {
        return Ok(seen);
    }
    loop {
        // one more than is shown, which says whether there is another page
        let page = depot.contents().repositories(&after, most + 1).await?;
        let more = page.more;
        if let Some(last) = page.names.last() {
            after.clone_from(last);
        }
        for name in page.names.into_iter().filter(|name| caller.sees(name)) {
            if seen.names.len() == most {
                return Ok(Page { more: true, ..seen });
            }
            seen.names.push(name);
        }
        if !more {
            return Ok(seen);
        }
    }
}

/// `GET /v2/<name>/referrers/<digest>?artifactType=…`: an index, empty where there is nothing (also where there is no
/// such repository: 404 would say that this API is missing).
pub(super) async fn referrers(
    depot: &Depot,
    repository: &str,
    digest: &Digest,
    query: Query<'_>,
) -> Result<Response, Refusal> {
    let mut manifests = depot.contents().referrers(repository, digest).await?;
    let mut answer = Answer::ok();
    if let Some(wanted) = query.get("artifactType").filter(|wanted| !wanted.is_empty()) {
        manifests.retain(|descriptor| descriptor.artifact_type.as_ref() == Some(&wanted));
        answer = answer.extra("oci-filters-applied", "artifactType");
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
    Ok(answer.json_as(media_type::OCI_INDEX, &index))
}

/// How many names are wanted, and behind which.
fn paging(depot: &Depot, query: Query<'_>) -> Result<(usize, String), Refusal> {
    let max = depot.limits().page_entries_max;
    let most = match query.get("n").filter(|n| !n.is_empty()) {
        None => max,
        Some(n) => {
            n.parse::<usize>().map_err(|_| Refusal::new(Code::PageInvalid, "n has to be a number"))?.min(max)
        }
    };
    Ok((most, query.get("last").unwrap_or_default()))
}

fn linked(answer: Answer, path: &str, page: &Page, most: usize) -> Answer {
    match page.names.last().filter(|_| page.more) {
        None => answer,
        Some(last) => {
            let last = utf8_percent_encode(last, NON_ALPHANUMERIC);
            answer.header(header::LINK, format!("<{path}?n={most}&last={last}>; rel=\"next\""))
        }
    }
}
