//! Checking what lies on the disk, mending it, and asking a process that has the folder to do so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transload_depot::control::{self, Answer, Control, Request};
use transload_depot::{CheckOptions, CheckReport, Depot, Error, GcOptions, Limits};
use transload_oci::Digest;

use crate::support::{CONFIG, Fixture, INDEX, MANIFEST};

fn data(folder: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    folder.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
}

fn check(f: &Fixture, depot: &Depot, repair: bool) -> CheckReport {
    let checked = depot.folder().unwrap().check(CheckOptions { repair }, |_| {}, CancellationToken::new());
    f.runtime.block_on(checked).unwrap()
}

#[test]
fn a_damaged_blob_is_found_named_put_aside_and_pushed_again() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::in_folder(folder.path()).unwrap();
    let f = Fixture::new(depot.clone());
    let text = f.image("team/app", "v1");
    f.image("team/app", "v2");
    let child = Digest::sha256(text.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{child}","size":1}}]}}"#
    );
    let put = f.send("PUT", "/v2/team/app/manifests/all", &[("Content-Type", INDEX)], index.as_bytes());
    assert_eq!(put.status, 201);
    let sound = check(&f, &depot, false);
    assert!(sound.is_sound() && sound.affected.is_empty(), "{sound:?}");
    assert_eq!((sound.blobs, sound.tags, sound.repositories), (6, 3, 1));
    let layer = Digest::sha256(b"v1");
    std::fs::write(data(folder.path(), &layer), "v7").unwrap();
    let found = check(&f, &depot, false);
    assert_eq!(found.damaged.iter().map(|one| one.digest).collect::<Vec<_>>(), [layer]);
    assert!(found.damaged[0].found.contains(&Digest::sha256(b"v7").to_string()), "{found:?}");
    let affected: Vec<_> = found.affected.iter().map(String::as_str).collect();
    assert_eq!(affected, ["team/app:all", "team/app:v1"]);
    assert!(data(folder.path(), &layer).exists(), "a check alone moves nothing");
    let repaired = check(&f, &depot, true);
    assert_eq!(std::fs::read(&repaired.damaged[0].path).unwrap(), b"v7");
    assert_eq!(f.ask("HEAD", &format!("/v2/team/app/blobs/{layer}")).status, 404);
    let left = check(&f, &depot, false);
    assert_eq!((left.damaged.len(), left.missing.len()), (0, 1));
    f.blob("team/app", b"v1");
    assert!(check(&f, &depot, false).is_sound());
}

#[test]
fn a_tag_that_leads_nowhere_and_a_manifest_without_a_blob_are_told() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    let text = f.image("a", "v1");
    f.image("b", "v2");
    let config = Digest::sha256(CONFIG);
    assert_eq!(f.ask("DELETE", &format!("/v2/b/blobs/{config}")).status, 202);
    let repository = depot.folder().unwrap().path().join("docker/registry/v2/repositories/a");
    std::fs::remove_dir_all(repository.join("_manifests/revisions")).unwrap();
    let report = check(&f, &depot, false);
    let missing: Vec<_> = report.missing.iter().map(|one| (one.from.as_str(), one.to.clone())).collect();
    let digest = Digest::sha256(text.as_bytes()).to_string();
    assert_eq!(missing[0], ("a:v1", digest));
    assert!(missing[1].0.starts_with("b@") && missing[1].1 == config.to_string(), "{missing:?}");
    assert!(report.affected.contains("a:v1") && report.affected.contains("b:v2"), "{report:?}");
}

#[test]
fn the_process_that_has_the_folder_does_it_for_others() {
    // longer than a socket's name may be
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("x".repeat(120));
    let depot = Depot::in_folder(&path).unwrap();
    let f = Fixture::new(depot.clone());
    f.image("a", "v1");
    f.blob("a", b"lost");
    let stop = CancellationToken::new();
    let answering = f.runtime.spawn(control::answer(depot.folder().unwrap().clone(), stop.clone()));
    assert!(matches!(Depot::in_folder(&path), Err(Error::InUse { .. })));
    let gc = GcOptions {
        grace: Duration::ZERO,
        untagged: false,
        uploads_idle: Duration::from_secs(1),
        dry_run: false,
    };
    let ask = |request| {
        f.runtime.block_on(async {
            let control = loop {
                match Control::of(&path, &Limits::default()).await {
                    Ok(control) => break control,
                    // the other task has yet to begin
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            assert!(matches!(control, Control::Other(_)), "{control:?}");
            control.ask(request, |_| {}, CancellationToken::new()).await.unwrap()
        })
    };
    let Answer::Gc(report) = ask(Request::Gc(gc)) else { panic!("no report") };
    assert_eq!(report.blobs_removed, 1);
    let Answer::Check(report) = ask(Request::Check(CheckOptions::default())) else { panic!("no report") };
    assert!(report.is_sound() && report.blobs == 3, "{report:?}");
    stop.cancel();
    f.runtime.block_on(answering).unwrap().unwrap();
    drop(f);
    drop(depot);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = runtime.block_on(Control::of(&path, &Limits::default())).unwrap();
    assert!(matches!(own, Control::Own(_)), "{own:?}");
    let none = runtime.block_on(Control::of(top.path(), &Limits::default()));
    assert!(matches!(none, Err(Error::NoRegistry { .. })), "{none:?}");
    assert_eq!(std::fs::read_dir(top.path()).unwrap().count(), 1, "nothing is made by asking");
}

#[test]
fn an_upload_outlives_the_process_that_began_it() {
    let folder = tempfile::tempdir().unwrap();
    let f = Fixture::new(Depot::in_folder(folder.path()).unwrap());
    let session = f.session("a");
    assert_eq!(f.send("PATCH", &session, &[], b"first half, ").status, 202);
    drop(f);
    let f = Fixture::new(Depot::in_folder(folder.path()).unwrap());
    let status = f.ask("GET", &session);
    assert_eq!((status.status, status.header("range")), (204, Some("0-11")));
    let other = session.replace("/v2/a/", "/v2/b/");
    assert_eq!(f.ask("GET", &other).status, 404);
    assert_eq!(f.ask("GET", "/v2/a/blobs/uploads/..%2F..%2Fx").status, 404);
    let digest = Digest::sha256(b"first half, second half");
    let put = f.send("PUT", &format!("{session}?digest={digest}"), &[], b"second half");
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(f.ask("GET", &format!("/v2/a/blobs/{digest}")).body, b"first half, second half");
}

#[test]
fn what_is_in_the_folder_is_there_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let f = Fixture::new(Depot::in_folder(folder.path()).unwrap());
    let text = f.image("team/app", "v1");
    f.image("other", "v2");
    drop(f);
    let f = Fixture::new(Depot::in_folder(folder.path()).unwrap());
    assert_eq!(f.ask("GET", "/v2/team/app/manifests/v1").text(), text);
    assert_eq!(f.ask("GET", "/v2/_catalog").text(), r#"{"repositories":["other","team/app"]}"#);
    assert_eq!(f.ask("GET", "/v2/other/tags/list").text(), r#"{"name":"other","tags":["v2"]}"#);
}
