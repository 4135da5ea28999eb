//! Manifests, tags, referrers.

use std::collections::BTreeSet;

use serde_json::json;
use transload_oci::{Descriptor, media_type};

use super::sample::{Sample, nowhere, repository};
use super::{done, failed};
use crate::error::ErrorKind;
use crate::seam::Target;

/// A manifest keeps its bytes, its media type and its digest, under its tag and under its digest.
///
/// # Panics
/// Where it does not.
pub async fn manifest_bytes_are_kept(target: &dyn Target) {
    let name = repository("bytes");
    let (config, layer) = (Sample::of("{}"), Sample::random(100));
    config.push(target, &name).await;
    layer.push(target, &name).await;
    let (c, l) = (&config.descriptor, &layer.descriptor);
    let text = |media_type: &str| {
        // White space, order and an unknown field that no serialiser would write like this.
        format!(
            "{{ \"layers\" :[\n\n\t{{\"size\":{},\"digest\":\"{}\",\"mediaType\":\"{}\"}}], \"mediaType\":\"{media_type}\",\
             \"config\":{{\"mediaType\":\"{}\",\"size\":{},\"digest\":\"{}\"}},\"schemaVersion\":  2 ,\"zz\":[1e2,\"\\u00e9\"]}}\n",
            l.size,
            l.digest,
            media_type::OCI_LAYER,
            media_type::OCI_CONFIG,
            c.size,
            c.digest
        )
    };
    for (tag, kind) in [("oci", media_type::OCI_MANIFEST), ("docker", media_type::DOCKER_MANIFEST)] {
        let manifest = Sample::manifest(kind, text(kind));
        done(target.push_manifest(&name, tag, &manifest).await, "pushing a manifest");
        for reference in [tag.to_owned(), manifest.digest.to_string()] {
            let back = done(target.manifest(&name, &reference).await, "pulling a manifest");
            assert_eq!(back, manifest, "{reference}");
            let stat = done(target.manifest_stat(&name, &reference).await, "asking for a manifest");
            assert_eq!(stat, Some(manifest.descriptor()), "{reference}");
        }
    }
    let untagged = Sample::manifest(media_type::OCI_MANIFEST, format!(" {}", text(media_type::OCI_MANIFEST)));
    let digest = untagged.digest.to_string();
    done(target.push_manifest(&name, &digest, &untagged).await, "pushing by digest");
    assert_eq!(done(target.manifest(&name, &digest).await, "pulling by digest"), untagged);
    let error =
        failed(target.push_manifest(&name, &nowhere().to_string(), &untagged).await, "a wrong digest");
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
}

/// What is not there is `None`, and the right kind of error when it is read.
///
/// # Panics
/// Where it is not.
pub async fn manifest_missing(target: &dyn Target) {
    let nothing = repository("nothing");
    let error = failed(target.tags(&nothing).await, "the tags of a missing repository");
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound, "{error:?}");
    let error = failed(target.manifest(&nothing, "v1").await, "a manifest of a missing repository");
    assert!(matches!(error.kind(), ErrorKind::ManifestNotFound | ErrorKind::RepositoryNotFound), "{error:?}");
    let name = repository("missing");
    Sample::push_image(target, &name, "here", json!({})).await;
    for reference in ["not-here".to_owned(), nowhere().to_string()] {
        let error = failed(target.manifest(&name, &reference).await, "a missing manifest");
        assert_eq!(error.kind(), ErrorKind::ManifestNotFound, "{error:?}");
        for repository in [&name, &nothing] {
            assert_eq!(done(target.manifest_stat(repository, &reference).await, "asking"), None);
        }
    }
}

/// A manifest whose blobs are not there is refused, and the registry's words are in the error.
///
/// # Panics
/// Where it is not.
pub async fn manifest_refused_without_its_blobs(target: &dyn Target) {
    let name = repository("refused");
    let image = Sample::image(&Sample::random(10), &[&Sample::random(10)], json!({}));
    let error = failed(target.push_manifest(&name, "v1", &image).await, "pushing a manifest without blobs");
    assert_eq!(error.kind(), ErrorKind::ManifestRefused, "{error:?}");
    assert!(error.detail().contains("MANIFEST_BLOB_UNKNOWN"), "{error:?}");
}

/// An index points at manifests.
///
/// # Panics
/// Where it does not.
pub async fn index_with_children(target: &dyn Target) {
    let name = repository("index");
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let image = Sample::push_image(target, &name, architecture, json!({})).await;
        let mut child = json!(image.descriptor());
        child["platform"] = json!({"os": "linux", "architecture": architecture});
        children.push(child);
    }
    for (tag, kind) in [("oci", media_type::OCI_INDEX), ("list", media_type::DOCKER_LIST)] {
        let text = json!({"schemaVersion": 2, "mediaType": kind, "manifests": children}).to_string();
        let index = Sample::manifest(kind, text);
        done(target.push_manifest(&name, tag, &index).await, "pushing an index");
        let back = done(target.manifest(&name, tag).await, "pulling an index");
        assert_eq!(back, index);
        assert_eq!(back.platforms().len(), 2);
    }
}

/// All tags are listed, over however many pages.
///
/// # Panics
/// Where they are not.
pub async fn tags_over_pages(target: &dyn Target) {
    let name = repository("tags");
    let image = Sample::push_image(target, &name, "v0", json!({})).await;
    let mut expected = BTreeSet::from(["v0".to_owned()]);
    for tag in (1..8).map(|n| format!("v{n}")) {
        done(target.push_manifest(&name, &tag, &image).await, "pushing a tag");
        expected.insert(tag);
    }
    let tags = done(target.tags(&name).await, "listing tags");
    assert_eq!(tags.len(), expected.len(), "{tags:?}");
    assert_eq!(tags.into_iter().collect::<BTreeSet<_>>(), expected);
}

/// What refers to a manifest is found, by the API or by the fallback tag.
///
/// # Panics
/// Where it is not.
pub async fn referrers_are_found(target: &dyn Target) {
    let name = repository("referrers");
    let image = Sample::push_image(target, &name, "v1", json!({})).await;
    assert!(done(target.referrers(&name, &image.digest).await, "no referrers").is_empty());
    assert!(done(target.referrers(&name, &nowhere()).await, "no subject").is_empty());
    let mut expected = BTreeSet::new();
    for kind in ["application/vnd.test.sbom", "application/vnd.test.signature"] {
        let more = json!({
            "subject": image.descriptor(), "artifactType": kind, "annotations": {"kind": kind},
        });
        let (config, layer) = (Sample::of("{}"), Sample::random(50));
        config.push(target, &name).await;
        layer.push(target, &name).await;
        let referrer = Sample::image(&config, &[&layer], more);
        done(target.push_manifest(&name, &referrer.digest.to_string(), &referrer).await, "a referrer");
        // Pushing it a second time adds nothing.
        done(target.push_manifest(&name, &referrer.digest.to_string(), &referrer).await, "a referrer again");
        expected.insert((referrer.digest, kind.to_owned()));
    }
    let found = done(target.referrers(&name, &image.digest).await, "listing referrers");
    assert_eq!(found.len(), 2, "{found:?}");
    let known = |d: Descriptor| {
        assert_eq!(d.annotations.get("kind"), d.artifact_type.as_ref());
        (d.digest, d.artifact_type.unwrap_or_default())
    };
    assert_eq!(found.into_iter().map(known).collect::<BTreeSet<_>>(), expected);
}

/// The catalog has the repositories that were pushed to.
///
/// # Panics
/// Where it has not.
pub async fn catalog_lists_repositories(target: &dyn Target) {
    let names = [repository("a"), repository("b"), repository("c")];
    for name in &names {
        Sample::push_image(target, name, "v1", json!({})).await;
    }
    let listed = done(target.repositories(100_000).await, "the catalog");
    for name in &names {
        assert!(listed.contains(name), "{name} is not in {listed:?}");
    }
    assert_eq!(done(target.repositories(1).await, "one of the catalog").len(), 1);
}
