//! Bounds that a person sets: requests at once, and how long to wait for a host that has had enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use parking_lot::Mutex;
use transload_oci::{Descriptor, Digest};
use transload_registry::{ErrorKind, Source, Wait};

use crate::scripted::{Scripted, answer};
use crate::support::{client_with, read};

/// A registry whose blobs take a while, and how many were under way at once.
async fn busy() -> (Scripted, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = Arc::clone(&most);
    let server = Scripted::start(move |seen| {
        if !seen.path.contains("/blobs/") {
            return answer(404, &[], "");
        }
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let now = Arc::clone(&now);
        let slowly = stream::once(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // before the bytes are gone: whoever has them all may be here again at once
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from_static(b"blob"))
        });
        answer(200, &[("content-length", "4")], Body::from_stream(slowly))
    });
    (server.await, peak)
}

#[tokio::test]
async fn no_more_requests_are_under_way_to_a_host_than_allowed() {
    let blob = Descriptor::new("application/octet-stream", Digest::sha256(b"blob"), 4);
    let most = async |limit| {
        let (server, most) = busy().await;
        let client = client_with(&server.host(), |o| o.limits.requests_per_host_max = limit);
        let reads = join_all((0..12).map(|_| read(&client, "a", &blob, 0))).await;
        assert!(reads.into_iter().all(|bytes| bytes.unwrap() == b"blob"), "all of them come in the end");
        most.load(Ordering::SeqCst)
    };
    assert_eq!(most(Some(2)).await, 2);
    assert_eq!(most(Some(1)).await, 1);
    assert!(most(None).await > 2);
}

#[tokio::test]
async fn whoever_asks_for_time_is_given_it_and_that_is_told_once() {
    let first = Arc::new(AtomicBool::new(true));
    let server = Scripted::start(move |seen| {
        match seen.path.contains("/manifests/") && first.swap(false, Ordering::SeqCst) {
            true => answer(429, &[("ratelimit-remaining", "0;w=1"), ("ratelimit-limit", "5;w=1")], "enough"),
            false => answer(404, &[], ""),
        }
    })
    .await;
    let told: Arc<Mutex<Vec<Wait>>> = Arc::default();
    let tell = Arc::clone(&told);
    let client = client_with(&server.host(), |o| {
        o.on_wait = Some(Arc::new(move |wait: &Wait| tell.lock().push(wait.clone())));
    });
    assert_eq!(client.manifest_stat("a", "v1").await.unwrap(), None);
    let told = told.lock();
    assert_eq!((told.len(), told[0].host.as_str()), (1, "127.0.0.1"));
    assert!(told[0].pause >= Duration::from_secs(1) && told[0].reason.contains("429"), "{told:?}");
}

#[tokio::test]
async fn waits_that_add_up_beyond_the_bound_end_with_the_time_to_come_back() {
    let server = Scripted::start(|seen| match seen.path.as_str() {
        "/v2/" => answer(200, &[], ""),
        _ => answer(429, &[("retry-after", "1")], ""),
    })
    .await;
    let client = client_with(&server.host(), |o| o.limits.retry_after_max = Duration::from_millis(1500));
    let error = client.manifest("a", "v1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(server.count("GET", "/manifests/"), 2, "once more, and then no time is left");
    assert!(error.hint().unwrap().contains("--max-wait"), "{error:?}");
    assert!(error.detail().contains("come back at 20"), "{error:?}");
}
