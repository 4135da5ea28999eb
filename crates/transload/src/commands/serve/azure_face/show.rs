//! One repository, tag or manifest.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use transload_depot::{Fault, Reference, RepositoryManifest};
use transload_oci::Digest;

use super::{Asked, attributes, lists, moment, said};

/// The tags that point at each manifest.
pub(super) type Tags = HashMap<Digest, Vec<String>>;

pub(super) async fn repository(asked: &Asked<'_>, repository: &str) -> Result<Response, Fault> {
    let manifests = asked.folder()?.manifests(repository).await?;
    let tags = lists::every_tag(asked, repository).await?;
    let body = json!({
        "registry": asked.login_server,
        "imageName": repository,
        "createdTime": moment(manifests.iter().filter_map(|one| one.since).min()),
        "lastUpdateTime": moment(manifests.iter().filter_map(|one| one.since).max()),
        "manifestCount": manifests.len(),
        "tagCount": tags.len(),
        "changeableAttributes": attributes(),
    });
    Ok(said(StatusCode::OK, &body))
}

pub(super) async fn tag(asked: &Asked<'_>, repository: &str, tag: &str) -> Result<Response, Fault> {
    let tag = tag_of(asked, repository, tag).await?;
    let body = json!({ "registry": asked.login_server, "imageName": repository, "tag": tag });
    Ok(said(StatusCode::OK, &body))
}

pub(super) async fn manifest(
    asked: &Asked<'_>,
    repository: &str,
    digest: &Digest,
) -> Result<Response, Fault> {
    let kept = asked.folder()?.manifests(repository).await?;
    let Some(one) = kept.iter().find(|one| one.digest == *digest) else {
        return Err(Fault::no_manifest(repository, &Reference::Digest(*digest)));
    };
    let tags = tags_by_digest(asked, repository).await?;
    let manifest = manifest_of(asked, repository, one, &tags).await?;
    let body = json!({ "registry": asked.login_server, "imageName": repository, "manifest": manifest });
    Ok(said(StatusCode::OK, &body))
}

pub(super) async fn tag_of(asked: &Asked<'_>, repository: &str, tag: &str) -> Result<Value, Fault> {
    let reference = Reference::Tag(tag.to_owned());
    let manifest = asked.depot.contents().manifest(repository, &reference).await?;
    let since = match asked.depot.folder() {
        Some(folder) => folder.tagged_since(repository, tag).await,
        None => None,
    };
    Ok(json!({
        "name": tag,
        "digest": manifest.digest.to_string(),
        "createdTime": moment(since),
        "lastUpdateTime": moment(since),
        "signed": false,
        "changeableAttributes": attributes(),
    }))
}

pub(super) async fn manifest_of(
    asked: &Asked<'_>,
    repository: &str,
    kept: &RepositoryManifest,
    tags: &Tags,
) -> Result<Value, Fault> {
    let reference = Reference::Digest(kept.digest);
    let manifest = asked.depot.contents().manifest(repository, &reference).await?;
    let children = &manifest.view.children;
    let mut value = Map::new();
    value.insert("digest".to_owned(), kept.digest.to_string().into());
    // what it takes with its layers, as Azure counts it; of an index just the index
    let bytes = image_bytes(manifest.size(), children.blobs.iter().map(|blob| blob.size));
    value.insert("imageSize".to_owned(), bytes.into());
    value.insert("createdTime".to_owned(), moment(kept.since));
    value.insert("lastUpdateTime".to_owned(), moment(kept.since));
    value.insert("mediaType".to_owned(), manifest.media_type.clone().into());
    let written: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let config = written["config"]["mediaType"].as_str();
    value.extend(config.map(|kind| ("configMediaType".to_owned(), kind.into())));
    if let Some(names) = tags.get(&kept.digest) {
        value.insert("tags".to_owned(), json!(names));
    }
    value.insert("changeableAttributes".to_owned(), attributes());
    Ok(Value::Object(value))
}

/// What a manifest says of its layers is the word of whoever pushed it: together it may be too much.
fn image_bytes(manifest: u64, layers: impl Iterator<Item = u64>) -> u64 {
    layers.fold(manifest, u64::saturating_add)
}

pub(super) async fn tags_by_digest(asked: &Asked<'_>, repository: &str) -> Result<Tags, Fault> {
    let mut tags = Tags::new();
    for name in lists::every_tag(asked, repository).await? {
        let reference = Reference::Tag(name.clone());
        // one that was deleted meanwhile is left out
        if let Ok(manifest) = asked.depot.contents().manifest(repository, &reference).await {
            tags.entry(manifest.digest).or_default().push(name);
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_are_lies_break_no_sum() {
        assert_eq!(image_bytes(500, [2, 3].into_iter()), 505);
        assert_eq!(image_bytes(500, [u64::MAX, u64::MAX].into_iter()), u64::MAX);
    }
}
