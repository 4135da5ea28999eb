//! A client that does nothing but send requests: what so many round trips cost anybody.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, Method};
use transload_testkit::fault::Exchange;
use transload_testkit::images::Corpus;

/// Requests that transload has under way at a time.
pub(crate) const REQUESTS_AT_ONCE: usize = 24;

/// Sends requests that were seen once more, without their bodies. Seconds.
pub(crate) async fn replay(host: &str, seen: &[Exchange]) -> Result<f64> {
    let client = Client::builder().no_proxy().build()?;
    let started = Instant::now();
    stream::iter(seen)
        .map(Ok)
        .try_for_each_concurrent(REQUESTS_AT_ONCE, |exchange| {
            let client = &client;
            async move {
                let method = Method::from_bytes(exchange.method.as_bytes())?;
                let mut request = client.request(method, format!("http://{host}{}", exchange.path));
                if let Some(accept) = exchange.header("accept") {
                    request = request.header("accept", accept);
                }
                request.send().await?.bytes().await?;
                anyhow::Ok(())
            }
        })
        .await?;
    Ok(started.elapsed().as_secs_f64())
}

/// Pushes a corpus in the plainest way: POST and PUT for each blob, one PUT for each manifest, and as many HEADs
/// before them as make up `requests`. Seconds.
pub(crate) async fn push(host: &str, corpus: &Corpus, requests: usize) -> Result<f64> {
    let client = Client::builder().no_proxy().build()?;
    let mut blobs = Vec::new();
    let mut manifests = Vec::new();
    for entry in &corpus.entries {
        let base = format!("http://{host}/v2/{}", entry.repository);
        for blob in entry.artifact.all_blobs() {
            blobs.push((format!("{base}/blobs/"), blob.descriptor.digest.to_string(), blob.bytes()));
        }
        let manifest = &entry.artifact.manifest;
        let (kind, bytes) = (manifest.media_type.clone(), manifest.bytes.clone());
        manifests.push((format!("{base}/manifests/{}", entry.tag), kind, bytes));
    }
    let heads = requests.checked_sub(2 * blobs.len() + manifests.len());
    let heads = heads.context("transload needs fewer requests than a plain push")?;
    let asked: Vec<String> =
        blobs.iter().cycle().take(heads).map(|(base, digest, _)| format!("{base}{digest}")).collect();
    let started = Instant::now();
    each(asked, |url| async { Ok(client.head(url).send().await.map(drop)?) }).await?;
    each(blobs, |(base, digest, bytes)| {
        let client = &client;
        async move {
            let opened = client.post(format!("{base}uploads/")).header("content-length", "0").send().await?;
            let place = opened.headers().get("location").context("no place to upload to")?.to_str()?;
            let url = format!("{place}{}digest={digest}", if place.contains('?') { '&' } else { '?' });
            let done = client.put(url).body(bytes).send().await?;
            ensure!(done.status().is_success(), "an upload ended with {}", done.status());
            Ok(())
        }
    })
    .await?;
    each(manifests, |(url, kind, bytes)| {
        let client = &client;
        async move {
            let done = client.put(url).header("content-type", kind).body(bytes).send().await?;
            ensure!(done.status().is_success(), "a manifest ended with {}", done.status());
            Ok(())
        }
    })
    .await?;
    Ok(started.elapsed().as_secs_f64())
}

async fn each<T, F>(all: impl IntoIterator<Item = T>, work: impl Fn(T) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let all: VecDeque<T> = all.into_iter().collect();
    stream::iter(all).map(Ok).try_for_each_concurrent(REQUESTS_AT_ONCE, work).await
}
