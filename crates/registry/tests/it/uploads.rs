//! Blobs on their way into registries that misbehave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use transload_depot::{Depot, Server};
use transload_oci::{Digest, Manifest, media_type};
use transload_registry::conformance::Sample;
use transload_registry::{ErrorKind, Limits, Pushed, Source, Target};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::DockerRegistry;

use crate::receiver::Receiver;
use crate::scripted::{Scripted, answer, refusal};
use crate::support::{Counted, client, client_with, quick, read};

#[tokio::test]
async fn a_cut_upload_goes_on_from_what_the_registry_has() {
    let receiver = Receiver::start(|_| {});
    let sample = Sample::random(4_000_000);
    let reader = Counted::new(&sample);
    receiver.state.lock().cut_after.extend([1_000_000, 2_500_000]);
    let pushed = client(&receiver.host()).push_blob("a", &sample.descriptor, &[], &reader).await.unwrap();
    assert_eq!(receiver.blob(&sample.descriptor.digest).as_deref(), Some(&sample.bytes[..]));
    let Pushed::Uploaded { sent } = pushed else { panic!("{pushed:?}") };
    // What was in the buffers of two cut connections is sent again, and no more.
    assert!((4_000_000..10_000_000).contains(&sent), "{sent}");
    assert!(reader.read() >= sent, "{} read, {sent} sent", reader.read());
    let state = receiver.state.lock();
    assert_eq!(state.received, 4_000_000, "no byte arrived twice");
    let requests: Vec<&str> = state.requests.iter().map(String::as_str).collect();
    assert_eq!(requests[..2], ["HEAD", "POST"]);
    assert!(requests.contains(&"PATCH 1000000"), "{requests:?}");
    assert!(requests.contains(&"PATCH 2500000"), "{requests:?}");
}

#[tokio::test]
async fn a_session_that_is_gone_is_begun_anew() {
    let receiver = Receiver::start(|s| s.forgets_cut_sessions = true);
    let sample = Sample::random(2_000_000);
    receiver.state.lock().cut_after.push_back(500_000);
    client(&receiver.host()).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert_eq!(receiver.blob(&sample.descriptor.digest).as_deref(), Some(&sample.bytes[..]));
}

#[tokio::test]
async fn a_real_registry_takes_a_blob_over_cuts() {
    let registry = DockerRegistry::start();
    let proxy = FaultProxy::start(registry.addr());
    let sample = Sample::random(2_000_000);
    proxy.add(Rule::on("PUT", "/uploads/").nth(1).cut_request_after(700_000));
    proxy.add(Rule::on("PUT", "/uploads/").nth(2).stall_request_after(900_000, None));
    client(&proxy.host()).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    let size = client(&registry.host()).blob_size("a", &sample.descriptor.digest).await.unwrap();
    assert_eq!(size, Some(2_000_000));
}

#[tokio::test]
async fn a_depot_takes_the_rest_of_a_blob_after_a_cut() {
    let server = Server::start("127.0.0.1:0".parse().unwrap(), Depot::temporary().unwrap()).await.unwrap();
    let proxy = FaultProxy::start(server.addr());
    let sample = Sample::random(8_000_000);
    proxy.add(Rule::on("PUT", "/uploads/").nth(1).cut_request_after(6_000_000));
    client(&proxy.host()).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    let rest: u64 = proxy.matching("PATCH", "/uploads/").iter().map(|e| e.request_body_bytes).sum();
    assert!((2_000_000..2_500_000).contains(&rest), "{rest}");
    let back = read(&client(&proxy.host()), "a", &sample.descriptor, 0).await.unwrap();
    assert!(back == sample.bytes);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for() {
    let registry = DockerRegistry::start();
    let proxy = FaultProxy::start(registry.addr());
    let sample = Sample::random(300_000);
    proxy.add(Rule::on("PUT", "/uploads/").nth(1).lose_answer());
    let pushed = client(&proxy.host()).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert_eq!(pushed, Pushed::Uploaded { sent: 300_000 });
    assert_eq!(proxy.count("PUT", "/uploads/"), 1);
}

#[tokio::test]
async fn bodies_that_are_too_large_become_chunks() {
    let registry = DockerRegistry::start();
    let proxy = FaultProxy::start(registry.addr());
    let sample = Sample::random(1_000_000);
    proxy.add(Rule::on("PUT", "/uploads/").refuse_body_over(150_000));
    proxy.add(Rule::on("PATCH", "/uploads/").refuse_body_over(150_000));
    let client = client_with(&proxy.host(), |o| {
        o.limits = Limits { chunk_bytes: 400_000, chunk_bytes_min: 50_000, ..quick() };
    });
    client.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    let size = client.blob_size("a", &sample.descriptor.digest).await.unwrap();
    assert_eq!(size, Some(1_000_000));
    let done = proxy.matching("PATCH", "/uploads/").into_iter().filter(|e| e.status == Some(202)).count();
    assert_eq!(done, 10, "ten chunks of 100 000 bytes");
    // A limit below what is bearable is told.
    proxy.clear();
    for method in ["PUT", "PATCH"] {
        proxy.add(Rule::on(method, "/uploads/").refuse_body_over(1000));
    }
    let sample = Sample::random(200_000);
    let error = client.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobRefused, "{error:?}");
}

#[tokio::test]
async fn a_least_size_of_chunks_is_kept() {
    let receiver = Receiver::start(|s| s.chunk_min = Some(300_000));
    let sample = Sample::random(1_000_000);
    let client = client_with(&receiver.host(), |o| o.limits = Limits { chunk_bytes: 100_000, ..quick() });
    client.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert_eq!(receiver.blob(&sample.descriptor.digest).as_deref(), Some(&sample.bytes[..]));
    let state = receiver.state.lock();
    let chunks: Vec<_> = state.requests.iter().filter(|r| r.starts_with("PATCH")).collect();
    assert_eq!(chunks, ["PATCH 0", "PATCH 300000", "PATCH 600000", "PATCH 900000"]);
}

#[tokio::test]
async fn wrong_bytes_are_held_back_and_the_session_is_cancelled() {
    for chunk_min in [None, Some(20_000)] {
        let receiver = Receiver::start(|s| s.chunk_min = chunk_min);
        let good = Sample::random(100_000);
        let mut bytes = good.bytes.to_vec();
        bytes[10] ^= 1;
        let wrong = Sample { bytes: bytes.into(), descriptor: good.descriptor.clone() };
        let error = client(&receiver.host()).push_blob("a", &good.descriptor, &[], &wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error:?}");
        let state = receiver.state.lock();
        assert!(state.received < 100_000, "{}", state.received);
        assert!(state.blobs.is_empty());
        assert_eq!(state.requests.last().map(String::as_str), Some("DELETE"), "{:?}", state.requests);
    }
}

#[tokio::test]
async fn a_reader_that_fails_is_told_with_its_cause() {
    use futures_util::{StreamExt, stream};
    use transload_registry::{BlobReader, ByteStream, Error};
    struct Broken;
    #[async_trait::async_trait]
    impl BlobReader for Broken {
        async fn open(&self, _: u64) -> Result<ByteStream, Error> {
            let parts = [
                Ok(bytes::Bytes::from_static(b"abc")),
                Err(Error::new(ErrorKind::Throttled, "there", "slow")),
            ];
            Ok(stream::iter(parts).boxed())
        }
    }
    let receiver = Receiver::start(|_| {});
    let blob = Sample::random(1000).descriptor;
    let error = client(&receiver.host()).push_blob("a", &blob, &[], &Broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reader, "{error:?}");
    let cause = error.into_source().unwrap().downcast::<Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn a_declined_mount_goes_on_in_the_session_it_opened() {
    let receiver = Receiver::start(|_| {});
    let sample = Sample::random(50_000);
    let from = ["x".to_owned(), "y".to_owned()];
    let pushed = client(&receiver.host()).push_blob("a", &sample.descriptor, &from, &sample).await.unwrap();
    assert_eq!(pushed, Pushed::Uploaded { sent: 50_000 });
    let requests = receiver.state.lock().requests.clone();
    // The session of the first candidate is cancelled, that of the second is used.
    assert_eq!(requests, ["HEAD", "POST", "POST", "DELETE", "PUT 0"]);
    assert!(!client(&receiver.host()).mount_blob("a", &Digest::sha256(b"z"), "x").await.unwrap());
    assert_eq!(receiver.state.lock().requests.last().map(String::as_str), Some("DELETE"));
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_credential() {
    let storage = Receiver::start(|_| {});
    let place = storage.host();
    let front = Scripted::start(move |seen| {
        if seen.header("authorization").is_none() {
            return answer(401, &[("www-authenticate", "Basic realm=\"x\"")], "");
        }
        match seen.method.as_str() {
            "POST" => answer(202, &[("location", &format!("http://{place}/put/here?sig=abc"))], ""),
            _ => answer(404, &[], ""),
        }
    })
    .await;
    let sample = Sample::random(20_000);
    let client = client_with(&front.host(), |o| o.credentials = crate::auth::bob());
    client.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    let state = storage.state.lock();
    assert!(state.paths[0].starts_with("/put/here?sig=abc&digest=sha256"), "{:?}", state.paths);
    assert!(state.authorizations.is_empty());
}

#[tokio::test]
async fn refusals_come_with_the_registrys_words() {
    let server = Scripted::start(|seen| match seen.method.as_str() {
        "POST" => answer(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
        "PUT" if seen.path.contains("/manifests/") => refusal(400, "TAG_INVALID", "tags are immutable here"),
        "PUT" => refusal(400, "SIZE_INVALID", "more than the quarter's allowance"),
        _ => answer(404, &[], ""),
    })
    .await;
    let client = client(&server.host());
    let sample = Sample::random(2000);
    let error = client.push_blob("a", &sample.descriptor, &[], &sample).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobRefused, "{error:?}");
    assert!(error.detail().contains("SIZE_INVALID: more than"), "{error:?}");
    let image = Sample::image(&sample, &[&sample], serde_json::json!({}));
    let error = client.push_manifest("a", "v1", &image).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ManifestRefused, "{error:?}");
    assert!(error.detail().contains("immutable"), "{error:?}");
}

/// Registries without the referrers API: every referrer is in the index, however many are pushed at once, and what
/// else was in there stays.
#[tokio::test]
async fn the_fallback_tag_is_kept_by_many_at_once() {
    let manifests: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
    let server = Scripted::start_slow(Duration::from_millis(3), move |seen| {
        let Some((_, reference)) = seen.path.split_once("/manifests/") else { return answer(404, &[], "") };
        if seen.method == "PUT" {
            manifests.lock().insert(reference.to_owned(), seen.body.clone());
            return answer(201, &[], "");
        }
        match manifests.lock().get(reference) {
            Some(body) => answer(200, &[("content-type", media_type::OCI_INDEX)], body.clone()),
            None => answer(404, &[], ""),
        }
    })
    .await;
    let client = client(&server.host());
    let subject = Sample::random(10).descriptor;
    let config = Sample::of("{}");
    let image = |n: usize| {
        Sample::image(
            &config,
            &[],
            serde_json::json!({"subject": subject, "artifactType": format!("application/x.{n}")}),
        )
    };
    let kept = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[],"annotations":{{"kept":"yes"}}}}"#,
        media_type::OCI_INDEX
    );
    let old = Manifest::parse(None, None, kept.into()).unwrap();
    client.push_manifest("a", &subject.digest.referrers_tag(), &old).await.unwrap();
    let referrers: Vec<Manifest> = (0..12).map(image).collect();
    let digests: Vec<String> = referrers.iter().map(|r| r.digest.to_string()).collect();
    let pushes = referrers.iter().zip(&digests).map(|(r, digest)| client.push_manifest("a", digest, r));
    for push in futures_util::future::join_all(pushes).await {
        push.unwrap();
    }
    let found = client.referrers("a", &subject.digest).await.unwrap();
    assert_eq!(found.len(), 12);
    let index = client.manifest("a", &subject.digest.referrers_tag()).await.unwrap();
    assert_eq!(index.view.annotations.get("kept").map(String::as_str), Some("yes"));
}
