//! Tags and the catalog, page by page (distribution-spec, "Listing Tags"; RFC 8288 for `Link`).

use std::collections::HashSet;

use reqwest::header::LINK;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use transload_oci::{is_repository, is_tag};
use url::Url;

use super::base::Base;
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Reply, Want, What, one_line};

#[derive(Deserialize)]
struct TagPage {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CatalogPage {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

/// How the names of a page are found.
type ParsePage = fn(&[u8]) -> serde_json::Result<Option<Vec<String>>>;

fn tag_page(body: &[u8]) -> serde_json::Result<Option<Vec<String>>> {
    serde_json::from_slice::<TagPage>(body).map(|page| page.tags)
}

fn catalog_page(body: &[u8]) -> serde_json::Result<Option<Vec<String>>> {
    serde_json::from_slice::<CatalogPage>(body).map(|page| page.repositories)
}

impl Base {
    pub(super) async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let subject = format!("{}/{repository}", self.host());
        let mut url = self.repository_url(repository, "tags/list").await?;
        url.query_pairs_mut().append_pair("n", &self.limits().list_page_size.to_string());
        let most = self.limits().list_names_max;
        let tags = self.names(url, &Scope::pull(repository), &subject, most, tag_page).await?;
        valid(tags, is_tag, "tag", &subject)
    }

    pub(super) async fn repositories(&self, most: usize) -> Result<Vec<String>, Error> {
        let mut url = self.url("_catalog").await?;
        let page = self.limits().list_page_size.min(most.max(1));
        url.query_pairs_mut().append_pair("n", &page.to_string());
        let most = most.min(self.limits().list_names_max);
        let names = self.names(url, &Scope::catalog(), self.host(), most, catalog_page).await;
        let names = names.map_err(|error| match error.kind() {
            ErrorKind::RepositoryNotFound => Error::new(
                ErrorKind::Unsupported,
                self.host(),
                "the registry gives no catalog of its repositories",
            ),
            _ => error,
        })?;
        valid(names, is_repository, "repository", self.host())
    }

    async fn names(
        &self,
        first: Url,
        scope: &Scope,
        subject: &str,
        most: usize,
        parse: ParsePage,
    ) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        let mut pages = Pages::new(first);
        while let Some(url) = pages.next.take() {
            let call = Call::new(Method::GET, url, Want::Whole(self.limits().list_bytes_max));
            let reply = self.call(&call, scope, subject).await?;
            if reply.status != StatusCode::OK {
                return Err(self.refusal(&reply, scope, subject, What::LIST));
            }
            let page = parse(&reply.body).map_err(|_| {
                Error::new(ErrorKind::Failed, subject, "the listing is not what it should be")
            })?;
            for name in page.unwrap_or_default() {
                if names.len() >= most {
                    return Ok(names);
                }
                if known.insert(name.clone()) {
                    names.push(name);
                }
            }
            pages.turn(&reply, subject)?;
        }
        Ok(names)
    }
}

/// The pages of a listing that were seen, and the next.
pub(super) struct Pages {
    pub(super) next: Option<Url>,
    seen: HashSet<Url>,
}

impl Pages {
    pub(super) fn new(first: Url) -> Self {
        Self { seen: HashSet::from([first.clone()]), next: Some(first) }
    }

    /// Finds the next page. It has to be one of the same registry that was not seen before.
    pub(super) fn turn(&mut self, reply: &Reply, subject: &str) -> Result<(), Error> {
        let links = reply.headers.get_all(LINK).iter().filter_map(|l| l.to_str().ok());
        let Some(target) = links.flat_map(|l| next_link(l)).next() else { return Ok(()) };
        let fail =
            |why: &str| Error::new(ErrorKind::Failed, subject, format!("the listing's next page {why}"));
        let mut url = reply.url.join(target).map_err(|_| fail("is no URL"))?;
        if url.host() != reply.url.host() {
            return Err(fail("is on another host"));
        }
        // Registries behind a proxy do not always know their own scheme and port.
        url.set_scheme(reply.url.scheme()).and_then(|()| url.set_port(reply.url.port())).ok();
        if !self.seen.insert(url.clone()) {
            return Err(fail("is one that was already read: it would never end"));
        }
        self.next = Some(url);
        Ok(())
    }
}

/// The target of `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let params = after.split_once('<').map_or(after, |(params, _)| params);
        let is_next = params.split([';', ',']).any(|param| {
            let value = param.trim().strip_prefix("rel=").unwrap_or_default();
            value.trim_matches('"').split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn valid(
    names: Vec<String>,
    is_valid: fn(&str) -> bool,
    what: &str,
    subject: &str,
) -> Result<Vec<String>, Error> {
    match names.iter().find(|name| !is_valid(name)) {
        None => Ok(names),
        Some(name) => {
            let detail = format!("the registry lists '{}', which is no name of a {what}", one_line(name, 80));
            Err(Error::new(ErrorKind::Failed, subject, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        assert_eq!(
            next_link(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#),
            Some("/v2/a/tags/list?n=2&last=b")
        );
        assert_eq!(next_link("<x>; rel=next"), Some("x"));
        assert_eq!(next_link(r#"<a>; rel="prev", <b>; title="t"; rel="next""#), Some("b"));
        assert_eq!(next_link(r#"<a>; rel="prev""#), None);
        assert_eq!(next_link("nonsense"), None);
    }
}
