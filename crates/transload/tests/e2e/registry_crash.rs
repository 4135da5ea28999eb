//! The registry on bad days: killed at any moment, out of room.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use transload_oci::Digest;
use transload_testkit::cli::{Cli, Running};
use transload_testkit::hog::{free_port, wait_until};
use transload_testkit::peers::{Answer, Endpoint};

use crate::support::{Said as _, folder, transload};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const ROUNDS: u64 = 6;
const PUSHERS: u64 = 3;
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A client of the registry under test, whose server may die in the middle of a word.
struct Asker(Endpoint);

impl Asker {
    fn new(port: u16) -> Self {
        Self(Endpoint { addr: SocketAddr::from(([127, 0, 0, 1], port)), ca_pem: None })
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let headers: &[(&str, &str)] =
            if path.contains("/manifests/") { &[("Content-Type", MANIFEST)] } else { &[] };
        self.0.request(method, path, headers, body).ok()
    }

    fn ready(&self) {
        let up = || self.ask("GET", "/v2/", b"").is_some_and(|answer| answer.status == 200);
        assert!(wait_until(STARTS_WITHIN, up), "the registry does not start");
    }

    /// Pushes in two steps, so that there are uploads to be killed.
    fn blob(&self, repository: &str, bytes: &[u8]) -> Option<Digest> {
        let digest = Digest::sha256(bytes);
        let begun = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), b"")?;
        let session = begun.header("location")?.to_owned();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.ask("PATCH", &session, first)?;
        let done = self.ask("PUT", &format!("{session}?digest={digest}"), second)?;
        (done.status == 201).then_some(digest)
    }

    fn image(&self, repository: &str, tag: &str, layer: &[u8]) -> Option<()> {
        let (config, layer_digest) = (self.blob(repository, b"{}")?, self.blob(repository, layer)?);
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_digest}","size":{}}}],"annotations":{{"tag":"{tag}"}}}}"#,
            layer.len()
        );
        let put = self.ask("PUT", &format!("/v2/{repository}/manifests/{tag}"), text.as_bytes())?;
        (put.status == 201).then_some(())
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, b"").unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Pulls a tag whole, and holds every blob against its digest.
    fn pull(&self, repository: &str, tag: &str) {
        let manifest = self.json(&format!("/v2/{repository}/manifests/{tag}"));
        let layers = manifest["layers"].as_array().unwrap().iter();
        for blob in layers.chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap();
            let got = self.ask("GET", &format!("/v2/{repository}/blobs/{digest}"), b"").unwrap();
            assert_eq!((got.status, Digest::sha256(&got.body).to_string().as_str()), (200, digest), "{tag}");
        }
    }

    /// Every tag there is, acknowledged or not.
    fn pull_everything(&self) -> usize {
        let mut tags = 0;
        for repository in self.json("/v2/_catalog")["repositories"].as_array().unwrap() {
            let repository = repository.as_str().unwrap();
            for tag in self.json(&format!("/v2/{repository}/tags/list"))["tags"].as_array().unwrap() {
                self.pull(repository, tag.as_str().unwrap());
                tags += 1;
            }
        }
        tags
    }
}

fn serve(data: &Path, port: u16) -> Running {
    let listen = format!("127.0.0.1:{port}");
    transload().spawn(["registry", "serve", "--data", data.to_str().unwrap(), "--listen", &listen])
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_registry_that_is_killed_again_and_again_keeps_what_it_acknowledged() {
    let folder = folder();
    let data = folder.path().join("registry");
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let port = free_port();
        let server = serve(&data, port);
        let asker = Asker::new(port);
        asker.ready();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for pusher in 0..PUSHERS {
                let (asker, over, acknowledged) = (&asker, &over, &acknowledged);
                scope.spawn(move || {
                    for image in 0.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let tag = format!("t{round}-{pusher}-{image}");
                        let repository = format!("team/r{}", image % 2);
                        // some layers come again in later rounds
                        let layer = noise(pusher * 1000 + image % 7, 100_000 + 10_000 * pusher as usize);
                        if asker.image(&repository, &tag, &layer).is_some() {
                            acknowledged.lock().unwrap().push((repository, tag));
                        }
                    }
                });
            }
            let enough = acknowledged.lock().unwrap().len() + 4 + round as usize;
            server.kill_when(|| acknowledged.lock().unwrap().len() >= enough);
            over.store(true, Ordering::Relaxed);
        });
        let port = free_port();
        let server = serve(&data, port);
        let asker = Asker::new(port);
        asker.ready();
        let all = acknowledged.lock().unwrap();
        all.iter().for_each(|(repository, tag)| asker.pull(repository, tag));
        assert!(asker.pull_everything() >= all.len());
        drop(server);
    }
    let data = data.to_str().unwrap();
    let checked = transload().run(["registry", "check", "--data", data]).ok();
    assert!(checked.stdout.contains("everything is sound"), "{}", checked.all());
    // what the killed ones left behind goes, and nothing else does
    transload().run(["registry", "gc", "--data", data, "--gc-grace", "0s", "--upload-expiry", "0s"]).ok();
    let checked = transload().run(["registry", "check", "--data", data]).ok();
    assert!(checked.stdout.contains("everything is sound"), "{}", checked.all());
}

/// A registry on a disk of 24 MiB that collects garbage every second, though not what a client may still be busy with;
/// `None` where the machine lets nobody mount anything.
fn serve_on_small_disk(data: &Path, port: u16) -> Option<Running> {
    let script = format!(
        "mount -t tmpfs -o size=24m small '{0}' || exit 77\n\
         exec '{1}' registry serve --data '{0}' --listen 127.0.0.1:{port} --gc-interval 1s --gc-grace 10s",
        data.display(),
        env!("CARGO_BIN_EXE_transload"),
    );
    let server = Cli::new("/usr/bin/unshare").spawn(["--mount", "--map-root-user", "sh", "-c", &script]);
    let asker = Asker::new(port);
    let up = || {
        asker.ask("GET", "/v2/", b"").is_some()
            || server.stderr().contains("unshare:")
            || server.stderr().contains("mount:")
    };
    assert!(wait_until(STARTS_WITHIN, up), "{}", server.stderr());
    let denied = asker.ask("GET", "/v2/", b"").is_none();
    (!denied).then_some(server)
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_harms_nothing_else() {
    let folder = folder();
    let port = free_port();
    let Some(server) = serve_on_small_disk(folder.path(), port) else { return };
    let asker = Asker::new(port);
    asker.image("a", "small", &noise(1, 1_000_000)).unwrap();
    asker.image("a", "big", &noise(2, 12_000_000)).unwrap();
    let begun = asker.ask("POST", "/v2/a/blobs/uploads/", b"").unwrap();
    let session = begun.header("location").unwrap().to_owned();
    let layer = noise(3, 14_000_000);
    let full = asker.ask("PATCH", &session, &layer).unwrap();
    assert_eq!(full.status, 507, "{}", full.text());
    assert!(full.text().contains("no room left"), "{}", full.text());
    // what was received is kept
    let status = asker.ask("GET", &session, b"").unwrap();
    let received: usize = status.header("range").unwrap().split_once('-').unwrap().1.parse().unwrap();
    assert!(received > 0 && received < layer.len(), "{received}");
    asker.pull("a", "small");
    asker.pull("a", "big");
    // room is made, and the upload goes on from where it broke
    let digest = Digest::sha256(asker.ask("GET", "/v2/a/manifests/big", b"").unwrap().body.as_slice());
    assert_eq!(asker.ask("DELETE", &format!("/v2/a/manifests/{digest}"), b"").unwrap().status, 202);
    let digest = Digest::sha256(&layer);
    let rest = |session: &str| {
        let status = asker.ask("GET", session, b"").unwrap();
        let range = status.header("range").unwrap_or_default().to_owned();
        let received: usize = range.split_once('-').map_or(0, |(_, last)| last.parse::<usize>().unwrap() + 1);
        asker.ask("PUT", &format!("{session}?digest={digest}"), &layer[received..]).unwrap().status
    };
    assert!(wait_until(Duration::from_secs(120), || rest(&session) == 201), "{}", server.stderr());
    asker.pull("a", "small");
    let got = asker.ask("GET", &format!("/v2/a/blobs/{digest}"), b"").unwrap();
    assert_eq!(Digest::sha256(&got.body), digest);
}
