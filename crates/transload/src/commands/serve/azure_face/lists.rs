//! Lists, a page at a time.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use transload_depot::Fault;

use super::{Asked, NAMES_MAX, linked, said, show};

pub(super) async fn repositories(asked: &Asked<'_>) -> Result<Response, Fault> {
    let most = most(asked);
    let page = asked.depot.contents().repositories(&after(asked), most).await?;
    let last = page.names.last().filter(|_| page.more);
    let response = said(StatusCode::OK, &json!({ "repositories": page.names }));
    Ok(linked(response, asked, last.map(String::as_str), most))
}

/// By name; newest or oldest first where that is asked for (`orderby=timedesc|timeasc`).
pub(super) async fn tags(asked: &Asked<'_>, repository: &str) -> Result<Response, Fault> {
    let most = most(asked);
    let (names, last) = match asked.query("orderby") {
        None => {
            let page = asked.depot.contents().tags(repository, &after(asked), most).await?;
            let last = page.names.last().filter(|_| page.more).cloned();
            (page.names, last)
        }
        Some(order) => {
            let folder = asked.folder()?;
            let mut dated = Vec::new();
            for name in every_tag(asked, repository).await? {
                dated.push((folder.tagged_since(repository, &name).await, name));
            }
            dated.sort();
            behind(&ordered(dated, &order), &after(asked), most)
        }
    };
    let mut tags = Vec::new();
    for name in names {
        // one that was deleted meanwhile is left out
        tags.extend(show::tag_of(asked, repository, &name).await.ok());
    }
    let body = json!({ "registry": asked.login_server, "imageName": repository, "tags": tags });
    Ok(linked(said(StatusCode::OK, &body), asked, last.as_deref(), most))
}

/// By digest, or by time; with the tags of each.
pub(super) async fn manifests(asked: &Asked<'_>, repository: &str) -> Result<Response, Fault> {
    let most = most(asked);
    let mut kept = asked.folder()?.manifests(repository).await?;
    kept.sort_by_key(|one| one.digest.to_string());
    let names: Vec<String> = match asked.query("orderby") {
        None => kept.iter().map(|one| one.digest.to_string()).collect(),
        Some(order) => {
            let mut dated: Vec<_> = kept.iter().map(|one| (one.since, one.digest.to_string())).collect();
            dated.sort();
            ordered(dated, &order)
        }
    };
    let (names, last) = behind(&names, &after(asked), most);
    let tags = show::tags_by_digest(asked, repository).await?;
    let mut manifests: Vec<Value> = Vec::new();
    for name in names {
        if let Some(one) = kept.iter().find(|one| one.digest.to_string() == name) {
            manifests.extend(show::manifest_of(asked, repository, one, &tags).await.ok());
        }
    }
    let body = json!({ "registry": asked.login_server, "imageName": repository, "manifests": manifests });
    Ok(linked(said(StatusCode::OK, &body), asked, last.as_deref(), most))
}

/// Every tag of a repository.
pub(super) async fn every_tag(asked: &Asked<'_>, repository: &str) -> Result<Vec<String>, Fault> {
    let page = asked.depot.contents().tags(repository, "", usize::MAX).await?;
    Ok(page.names)
}

fn ordered<T>(dated: Vec<(T, String)>, order: &str) -> Vec<String> {
    let names = dated.into_iter().map(|(_, name)| name);
    if order.eq_ignore_ascii_case("timedesc") { names.rev().collect() } else { names.collect() }
}

/// At most `most` names behind `after`, and the last of them where there are more.
fn behind(names: &[String], after: &str, most: usize) -> (Vec<String>, Option<String>) {
    let from = names.iter().position(|name| name == after).map_or(0, |at| at + 1);
    let page: Vec<String> = names.iter().skip(from).take(most).cloned().collect();
    let last = page.last().filter(|_| names.len() > from + page.len()).cloned();
    (page, last)
}

fn after(asked: &Asked<'_>) -> String {
    asked.query("last").unwrap_or_default()
}

fn most(asked: &Asked<'_>) -> usize {
    asked.query("n").and_then(|text| text.parse().ok()).unwrap_or(NAMES_MAX).clamp(1, NAMES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_behind_the_last_name_in_whatever_order() {
        let names = || ["c", "a", "b"].map(str::to_owned).to_vec();
        let (page, last) = behind(&names(), "", 2);
        assert_eq!((page, last.as_deref()), (vec!["c".to_owned(), "a".to_owned()], Some("a")));
        assert_eq!(behind(&names(), "a", 2), (vec!["b".to_owned()], None));
        assert_eq!(behind(&names(), "b", 2), (Vec::new(), None));
    }
}
