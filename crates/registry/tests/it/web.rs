//! Blobs at URLs outside registries.

use transload_oci::{Descriptor, Digest};
use transload_registry::conformance::Sample;
use transload_registry::{ClientOptions, ErrorKind, Source, Target, Web};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::DockerRegistry;

use crate::support::{client, quick, read};

fn web() -> Web {
    Web::new(ClientOptions { limits: quick(), ..ClientOptions::default() })
}

#[tokio::test]
async fn a_blob_at_a_url_is_taken_up_again_where_it_broke() {
    let (registry, sample) = (DockerRegistry::start(), Sample::random(3_000_000));
    client(&registry.host()).push_blob("a/b", &sample.descriptor, &[], &sample).await.unwrap();
    let proxy = FaultProxy::start(registry.addr());
    let url = format!("http://{}/v2/a/b/blobs/{}", proxy.host(), sample.descriptor.digest);
    let web = web();
    assert_eq!(web.blob_size(&url, &sample.descriptor.digest).await.unwrap(), Some(3_000_000));
    proxy.add(Rule::on("GET", "/blobs/").nth(1).cut_response_after(1_000_000));
    proxy.add(Rule::on("GET", "/blobs/").nth(2).status(503));
    assert!(read(&web, &url, &sample.descriptor, 0).await.unwrap() == sample.bytes);
    let asked = proxy.matching("GET", "/blobs/");
    assert_eq!(asked.len(), 3);
    assert!(asked[2].header("range").is_some_and(|range| range != "bytes=0-"), "{asked:?}");
    assert!(asked.iter().all(|request| request.header("authorization").is_none()));
    let rest = read(&web, &url, &sample.descriptor, 2_000_000).await.unwrap();
    assert!(rest == sample.bytes[2_000_000..]);

    let nowhere = url.replace("a/b", "c/d");
    assert_eq!(web.blob_size(&nowhere, &sample.descriptor.digest).await.unwrap(), None);
    let error = read(&web, &nowhere, &sample.descriptor, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobNotFound, "{error:?}");
}

#[tokio::test]
async fn what_is_not_https_or_has_a_password_is_not_asked() {
    let (web, digest) = (web(), Digest::sha256(b""));
    for (url, words) in [
        ("http://layers.example/x", "https://"),
        ("ftp://layers.example/x", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://user:word@layers.example/x", "password"),
        ("layer", "no URL"),
    ] {
        let error = web.blob_size(url, &digest).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.detail().contains(words), "{url}: {error:?}");
    }
    assert!(web.manifest("https://layers.example/x", "v1").await.is_err());
    assert_eq!(Web::printable("https://h/x?sig=1#y"), "https://h/x?…");
    let descriptor = Descriptor::new("x", digest, 0);
    assert!(web.blob("http://layers.example/x", &descriptor, 0).await.is_err());
}
