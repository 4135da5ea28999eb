//! Blobs and manifests on their way out of registries that misbehave.

use std::time::Instant;

use transload_oci::{Descriptor, Digest, media_type};
use transload_registry::conformance::Sample;
use transload_registry::{ErrorKind, Limits, Source, Target};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::DockerRegistry;

use crate::scripted::{Scripted, answer, refusal};
use crate::support::{client, client_with, quick, read};

async fn registry_with(sample: &Sample) -> (DockerRegistry, FaultProxy) {
    let registry = DockerRegistry::start();
    client(&registry.host()).push_blob("a/b", &sample.descriptor, &[], sample).await.unwrap();
    let proxy = FaultProxy::start(registry.addr());
    (registry, proxy)
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_broke() {
    let sample = Sample::random(3_000_000);
    let (_registry, proxy) = registry_with(&sample).await;
    proxy.add(Rule::on("GET", "/blobs/").nth(1).cut_response_after(1_000_000));
    proxy.add(Rule::on("GET", "/blobs/").nth(2).cut_response_after(500_000));
    proxy.add(Rule::on("GET", "/blobs/").nth(3).status(503));
    proxy.add(Rule::on("GET", "/blobs/").nth(4).stall_response_after(700_000, None));
    let bytes = read(&client(&proxy.host()), "a/b", &sample.descriptor, 0).await.unwrap();
    assert!(bytes == sample.bytes);
    let ranges: Vec<_> =
        proxy.matching("GET", "/blobs/").iter().map(|e| e.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges.len(), 5, "{ranges:?}");
    assert_eq!(ranges[0], None);
    let begin = |range: &Option<String>| -> u64 {
        range.as_deref().unwrap().strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap()
    };
    // The proxy may have a few bytes under way when it cuts, but never so many.
    assert!((900_000..=1_000_000).contains(&begin(&ranges[1])), "{ranges:?}");
    assert!((1_300_000..=1_500_000).contains(&begin(&ranges[2])), "{ranges:?}");
    assert_eq!(ranges[2], ranges[3]);
    assert!(begin(&ranges[4]) > begin(&ranges[3]), "{ranges:?}");
}

#[tokio::test]
async fn a_download_without_progress_ends() {
    let sample = Sample::random(100_000);
    let (_registry, proxy) = registry_with(&sample).await;
    proxy.add(Rule::on("GET", "/blobs/").cut_response_after(0));
    let client = client_with(&proxy.host(), |o| o.limits = Limits { retries_max: 3, ..quick() });
    let error = read(&client, "a/b", &sample.descriptor, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert_eq!(proxy.count("GET", "/blobs/"), 4);
}

#[tokio::test]
async fn a_registry_that_ignores_ranges_is_read_from_the_start() {
    let sample = Sample::random(100_000);
    let (_registry, proxy) = registry_with(&sample).await;
    proxy.add(Rule::on("GET", "/blobs/").without_request_header("range"));
    let rest = read(&client(&proxy.host()), "a/b", &sample.descriptor, 60_000).await.unwrap();
    assert!(rest == sample.bytes[60_000..]);
}

#[tokio::test]
async fn a_blob_of_another_size_is_told() {
    let sample = Sample::random(100_000);
    let (_registry, proxy) = registry_with(&sample).await;
    proxy.add(Rule::on("GET", "/blobs/").truncate_response_at(50_000));
    let client = client(&proxy.host());
    let error = read(&client, "a/b", &sample.descriptor, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
    proxy.clear();
    for size in [99_999, 100_001] {
        let wrong = Descriptor { size, ..sample.descriptor.clone() };
        let error = read(&client, "a/b", &wrong, 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
    }
}

#[tokio::test]
async fn a_damaged_manifest_is_noticed_by_digest_and_by_tag() {
    let registry = DockerRegistry::start();
    let direct = client(&registry.host());
    let sample = Sample::of("{}");
    direct.push_blob("a/b", &sample.descriptor, &[], &sample).await.unwrap();
    let image = Sample::image(&sample, &[&sample], serde_json::json!({"annotations": {"a": "bcd"}}));
    direct.push_manifest("a/b", "v1", &image).await.unwrap();
    let proxy = FaultProxy::start(registry.addr());
    // A byte in the middle of "bcd", so that it stays JSON: the inverse of an ASCII letter is no UTF-8, so that the
    // document may not even parse; by digest the digest speaks first.
    let at = image.bytes.windows(3).position(|w| w == b"bcd").unwrap() as u64;
    proxy.add(Rule::on("GET", "/manifests/").flip_response_byte(at + 1));
    let through = client(&proxy.host());
    let error = through.manifest("a/b", &image.digest.to_string()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
    assert!(through.manifest("a/b", "v1").await.is_err());
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_tag_says_is_refused() {
    let digest = Digest::sha256(b"something else").to_string();
    let server = Scripted::start(move |_| {
        let headers = [("docker-content-digest", digest.as_str()), ("content-type", media_type::OCI_INDEX)];
        answer(200, &headers, r#"{"schemaVersion":2,"manifests":[]}"#)
    })
    .await;
    let error = client(&server.host()).manifest("a/b", "v1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
}

#[tokio::test]
async fn schema_1_html_and_huge_bodies_are_no_manifests() {
    let server = Scripted::start(|seen| match seen.path.as_str() {
        "/v2/a/manifests/schema1" => answer(
            200,
            &[("content-type", media_type::DOCKER_SCHEMA1_SIGNED), ("docker-content-digest", "sha256:00")],
            r#"{"schemaVersion":1}"#,
        ),
        "/v2/a/manifests/html" => answer(200, &[("content-type", "text/html")], "<html>log in</html>"),
        _ => answer(200, &[("content-type", media_type::OCI_INDEX)], vec![b' '; 9 << 20]),
    })
    .await;
    let client = client(&server.host());
    for tag in ["schema1", "html", "huge"] {
        let error = client.manifest("a", tag).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ManifestInvalid, "{tag}: {error:?}");
    }
    let error = client.manifest("a", "schema1").await.unwrap_err();
    assert!(error.detail().contains("schema 1"), "{error:?}");
}

#[tokio::test]
async fn redirected_storage_never_sees_the_credential_and_is_asked_for_anew() {
    let sample = Sample::random(200_000);
    let (_registry, storage) = registry_with(&sample).await;
    let digest = sample.descriptor.digest;
    // HEAD is refused by the storage, as it is where URLs are signed for GET.
    storage.add(Rule::on("HEAD", "/blobs/").status(403));
    storage.add(Rule::on("GET", "/blobs/").nth(1).cut_response_after(80_000));
    let target = storage.url();
    let front = Scripted::start(move |seen| match seen.header("authorization") {
        None => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
        Some(_) => answer(307, &[("location", &format!("{target}/v2/a/b/blobs/{digest}"))], ""),
    })
    .await;
    let client = client_with(&front.host(), |o| o.credentials = crate::auth::bob());
    assert!(read(&client, "x/y", &sample.descriptor, 0).await.unwrap() == sample.bytes);
    assert_eq!(client.blob_size("x/y", &digest).await.unwrap(), Some(200_000));
    for exchange in storage.log() {
        assert_eq!(exchange.header("authorization"), None, "{exchange:?}");
    }
    // Asked at the registry again after the cut, not at the storage's old URL.
    assert!(front.count("GET", "/blobs/") >= 3);
}

#[tokio::test]
async fn a_429_makes_everybody_wait_for_that_host() {
    let server = Scripted::start({
        let first = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        move |seen| {
            if seen.path.contains("/blobs/") && first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return answer(429, &[("retry-after", "1")], "");
            }
            answer(404, &[], "")
        }
    })
    .await;
    let client = client(&server.host());
    client.manifest_stat("a", "v1").await.unwrap();
    let begin = Instant::now();
    let digest = Digest::sha256(b"x");
    let slow = client.blob_size("a", &digest);
    let other = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        client.manifest_stat("a", "v1").await
    };
    let (size, stat) = tokio::join!(slow, other);
    assert_eq!((size.unwrap(), stat.unwrap()), (None, None));
    assert!(begin.elapsed().as_millis() >= 1000);
    let stats = server.count("HEAD", "/manifests/");
    assert_eq!(stats, 2);
}

#[tokio::test]
async fn unbearable_waits_and_lasting_faults_are_told() {
    let server = Scripted::start(|seen| match seen.path.as_str() {
        "/v2/throttled/manifests/v1" => answer(429, &[("retry-after", "7200")], ""),
        "/v2/denied/manifests/v1" => refusal(403, "DENIED", "not for you"),
        "/v2/down/manifests/v1" => answer(503, &[], "<html>"),
        _ => refusal(404, "NAME_UNKNOWN", "no such repository"),
    })
    .await;
    let client = client(&server.host());
    let kind = async |repository: &str| client.manifest(repository, "v1").await.unwrap_err();
    let throttled = kind("throttled").await;
    assert_eq!(throttled.kind(), ErrorKind::Throttled);
    assert!(throttled.detail().contains("7200 s"), "{throttled:?}");
    let denied = kind("denied").await;
    assert_eq!(denied.kind(), ErrorKind::Denied);
    assert!(
        denied.detail().contains("not for you") && denied.detail().contains("no credential"),
        "{denied:?}"
    );
    assert_eq!(kind("down").await.kind(), ErrorKind::Failed);
    assert_eq!(server.count("GET", "/down/"), 7);
    assert_eq!(server.count("GET", "/denied/"), 1);
    let unknown = kind("unknown").await;
    assert_eq!(unknown.kind(), ErrorKind::RepositoryNotFound);
    assert_eq!(unknown.subject(), format!("{}/unknown:v1", server.host()));
}
