//! Killed at any point and run again: the same bytes in the end, little moved twice, nothing left lying about.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::peers::sas::Sas;

use crate::support::{Said, assert_whole, azurite, folder, names, only, path, push, transload};

/// Slow enough that a kill hits something that runs, and that no more than this waits in sockets.
const BYTES_PER_SECOND: u64 = 6_000_000;
/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// Two blocks are in flight, and what the proxy passes on while the program dies.
const IN_FLIGHT_BYTES: u64 = (4 << 20) + 2_000_000;
/// What the narrow program is given: blocks of 1 MiB, two blobs at a time.
const NARROW: [&str; 4] = ["--memory-max", "2MiB", "--concurrency", "2"];

fn corpus() -> Corpus {
    let mut corpus = only("team/web", "v1", image(&[layer(500, 6_000_000), layer(501, 3_000_000)]));
    corpus.add("team/db", "v1", image(&[layer(500, 6_000_000), layer(502, 200_000), layer(503, 80_000)]));
    corpus
}

/// A source behind a slow line, and the bundle that comes out when nobody disturbs.
struct Near {
    _source: DockerRegistry,
    proxy: FaultProxy,
    corpus: Corpus,
    folder: TempDir,
    sound: Vec<u8>,
}

impl Near {
    fn new() -> Self {
        let source = DockerRegistry::start();
        let corpus = corpus();
        push(&source.host(), &corpus);
        let proxy = FaultProxy::start(source.addr());
        let mut near = Self { _source: source, proxy, corpus, folder: folder(), sound: Vec::new() };
        transload().run(near.export("sound.tar")).ok();
        near.sound = fs::read(path(&near.folder, "sound.tar")).unwrap();
        fs::remove_file(path(&near.folder, "sound.tar")).unwrap();
        near.proxy.add(Rule::on("GET", "/blobs/").throttle(BYTES_PER_SECOND));
        near
    }

    /// The command that is killed and repeated.
    fn export(&self, name: &str) -> Vec<String> {
        self.export_to(&path(&self.folder, name))
    }

    fn export_to(&self, location: &str) -> Vec<String> {
        let mut arguments = vec!["export".to_owned()];
        arguments.extend(self.corpus.references(&self.proxy.host()));
        arguments.extend(["--to", location].map(str::to_owned));
        arguments.extend(NARROW.map(str::to_owned));
        arguments
    }

    fn len(&self) -> u64 {
        self.sound.len() as u64
    }
}

/// Points at which to kill, in bytes that have passed: before the first, a few on the way, and near the end.
fn points(total: u64) -> [u64; 7] {
    [1, total / 10, total / 4, total / 2, total * 3 / 4, total * 9 / 10, total * 99 / 100]
}

#[test]
fn an_export_to_a_file_goes_on_after_a_kill_at_any_point() {
    let near = Near::new();
    let export = near.export("web.tar");
    for point in points(near.len()) {
        near.proxy.forget();
        transload().spawn(&export).kill_when(|| near.proxy.response_body_bytes() >= point);
        // the kill may come behind the commit
        if let Ok(bytes) = fs::read(path(&near.folder, "web.tar")) {
            assert!(bytes == near.sound, "something else than a whole bundle is visible");
        }
        transload().run(&export).ok();
        assert!(fs::read(path(&near.folder, "web.tar")).unwrap() == near.sound, "killed at {point}");
        assert_eq!(names(&near.folder), ["web.tar"], "killed at {point}: something is left");
        let taken = near.proxy.response_body_bytes();
        assert!(taken <= near.len() + IN_FLIGHT_BYTES, "killed at {point}: {taken} of {}", near.len());
        fs::remove_file(path(&near.folder, "web.tar")).unwrap();
    }
}

#[test]
fn an_export_that_is_killed_again_and_again_comes_to_its_end() {
    let near = Near::new();
    let export = near.export("web.tar");
    // more than what is in flight, so that each run gets a block further
    let step = 3_200_000;
    let mut kills = 0;
    loop {
        let before = near.proxy.response_body_bytes();
        let ended =
            transload().spawn(&export).kill_when(|| near.proxy.response_body_bytes() >= before + step);
        if ended.status.success() {
            break;
        }
        kills += 1;
        assert!(kills < 40, "no progress is made");
    }
    assert!(kills >= 2, "{kills} kills");
    assert!(fs::read(path(&near.folder, "web.tar")).unwrap() == near.sound);
    assert_eq!(names(&near.folder), ["web.tar"]);
    let (taken, most) = (near.proxy.response_body_bytes(), near.len() + kills * IN_FLIGHT_BYTES);
    assert!(taken <= most, "{taken} bytes taken in {kills} kills");
}

#[test]
fn an_export_to_a_container_goes_on_after_a_kill_at_any_point() {
    let azurite = azurite();
    azurite.create_container("killed");
    let near = Near::new();
    let store = FaultProxy::start(azurite.addr());
    let token = Sas::container("killed").permissions("racwdl");
    for (number, point) in points(near.len()).into_iter().enumerate() {
        let name = format!("web-{number}.tar");
        let url = format!("{}/devstoreaccount1/killed/{name}?{}", store.url(), token.token());
        let export = near.export_to(&url);
        near.proxy.forget();
        store.forget();
        let killed = transload().spawn(&export).kill_when(|| near.proxy.response_body_bytes() >= point);
        killed.keeps_secret(&token.signature());
        if let Some(blob) = azurite.get_blob("killed", &name) {
            assert!(blob == near.sound, "something else than a whole bundle is visible");
        }
        transload().run(&export).ok();
        assert!(azurite.get_blob("killed", &name).unwrap() == near.sound, "killed at {point}");
        let (taken, sent) = (near.proxy.response_body_bytes(), store.request_body_bytes());
        assert!(taken <= near.len() + IN_FLIGHT_BYTES, "killed at {point}: {taken} bytes taken");
        assert!(sent <= near.len() + IN_FLIGHT_BYTES, "killed at {point}: {sent} bytes sent");
    }
}

#[test]
fn a_kill_around_the_commit_leaves_all_or_nothing() {
    let azurite = azurite();
    azurite.create_container("commit");
    let near = Near::new();
    near.proxy.clear();
    let store = FaultProxy::start(azurite.addr());
    let token = Sas::container("commit").permissions("racwdl");
    let url = |name: &str| format!("{}/devstoreaccount1/commit/{name}?{}", store.url(), token.token());
    let commits = || store.count("PUT", "comp=blocklist") > 0;

    // before it: the list never reaches the store
    let slow = Rule::on("PUT", "comp=blocklist").delay(Duration::from_millis(800));
    let before = near.export_to(&url("before.tar"));
    store.add(slow.drop_connection());
    transload().spawn(&before).kill_when(commits);
    assert!(azurite.get_blob("commit", "before.tar").is_none());
    store.clear();
    store.forget();
    transload().run(&before).ok();
    assert!(azurite.get_blob("commit", "before.tar").unwrap() == near.sound);
    assert!(store.request_body_bytes() < near.len() / 4, "what was staged is used");

    // behind it: the store has it and the program never knew
    store.forget();
    store.add(Rule::on("PUT", "comp=blocklist").lose_answer());
    let behind = near.export_to(&url("behind.tar"));
    transload().spawn(&behind).kill_when(|| commits() && azurite.get_blob("commit", "behind.tar").is_some());
    store.clear();
    let again = transload().run(&behind).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    assert!(azurite.get_blob("commit", "behind.tar").unwrap() == near.sound);
}

#[test]
fn an_import_goes_on_after_a_kill_at_any_point() {
    let source = DockerRegistry::start();
    // many blobs of a size: a blob that was under way is what may be sent twice
    const BLOB_BYTES: u64 = 700_000;
    let mut corpus = Corpus::default();
    for n in 0..4 {
        let layers: Vec<_> = (0..3).map(|l| layer(520 + 10 * n + l, BLOB_BYTES)).collect();
        corpus.add(&format!("team/app-{n}"), "v1", image(&layers));
    }
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "all.tar");
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), bundle.clone()]);
    transload().run(&export).ok();
    let total = corpus.unique_blob_bytes();
    for point in points(total) {
        let target = DockerRegistry::start();
        let proxy = FaultProxy::start(target.addr());
        proxy.add(Rule::on("*", "/blobs/uploads/").throttle(BYTES_PER_SECOND / 2));
        // it cannot come to its end before it is killed
        proxy.add(Rule::on("PUT", "/manifests/").delay(FOR_EVER));
        let host = proxy.host();
        let mut import = vec!["import", &bundle, "--to", &host];
        import.extend(NARROW);
        let killed = transload().spawn(&import).kill_when(|| proxy.request_body_bytes() >= point);
        assert!(!killed.status.success(), "it ended before the kill at {point}");
        proxy.clear();
        transload().run(&import).ok();
        assert_whole(&target.host(), &corpus, "");
        let (sent, most) = (proxy.request_body_bytes(), total + 2 * BLOB_BYTES + 500_000);
        assert!(sent <= most, "killed at {point}: {sent} bytes sent for {total}");
        let again = transload().run(&import).ok();
        assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    }
}

#[test]
fn tags_come_last_so_that_a_killed_import_shows_no_half_artifact() {
    let near = Near::new();
    near.proxy.clear();
    transload().run(near.export("web.tar")).ok();
    let target = DockerRegistry::start();
    let proxy = FaultProxy::start(target.addr());
    let bundle = path(&near.folder, "web.tar");
    for (n, part) in ["/blobs/uploads/", "/manifests/"].into_iter().enumerate() {
        // longer than the test: what is under way when it is killed arrives nowhere
        proxy.add(Rule::on("PUT", part).delay(FOR_EVER));
        let host = format!("{}/try-{n}", proxy.host());
        let seen = |method: &str| proxy.count(method, &format!("/try-{n}/"));
        transload().spawn(["import", &bundle, "--to", &host]).kill_when(|| seen("PUT") >= 1);
        for repository in ["web", "db"] {
            let tag = format!("/v2/try-{n}/team/{repository}/manifests/v1");
            assert_eq!(target.request("HEAD", &tag, &[], b"").status, 404, "{part}");
        }
        proxy.clear();
        transload().run(["import", &bundle, "--to", &host]).ok();
        assert_whole(&target.host(), &near.corpus, &format!("try-{n}/"));
    }
}

/// What the documents promise is two seconds; a machine that does other things besides gets more.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn ctrl_c_stops_at_once_and_says_how_to_go_on() {
    let near = Near::new();
    near.proxy.clear();
    near.proxy.forget();
    near.proxy.add(Rule::on("GET", "/blobs/").throttle(1_000_000));
    let export = near.export("web.tar");
    let stopped = transload().spawn(&export).interrupt_when(|| near.proxy.response_body_bytes() >= 3_500_000);
    assert!(stopped.refused(130, "Interrupted").contains("same command"), "{}", stopped.all());
    assert!(stopped.duration < STOPS_WITHIN, "{:?}", stopped.duration);
    assert!(!near.folder.path().join("web.tar").exists());
    near.proxy.clear();
    let mut again = export.clone();
    again.push("--json".to_owned());
    let report = transload().run(&again).ok().report();
    assert!(report["totals"]["bytes_resumed"].as_u64().unwrap() > 0, "{report}");
    assert!(fs::read(path(&near.folder, "web.tar")).unwrap() == near.sound);
    assert_eq!(names(&near.folder), ["web.tar"]);

    // while it plans, and while it imports
    near.proxy.add(Rule::on("GET", "/manifests/").delay(FOR_EVER));
    let planning = near.export("other.tar");
    let seen = near.proxy.count("GET", "/manifests/");
    let stopped =
        transload().spawn(&planning).interrupt_when(|| near.proxy.count("GET", "/manifests/") > seen);
    stopped.refused(130, "Interrupted");
    assert!(stopped.duration < STOPS_WITHIN, "{:?}", stopped.duration);
    let target = DockerRegistry::start();
    let far = FaultProxy::start(target.addr());
    far.add(Rule::on("*", "/uploads/").throttle(100_000));
    let bundle = path(&near.folder, "web.tar");
    let import = transload().spawn(["import", &bundle, "--to", &far.host(), "--json"]);
    let stopped = import.interrupt_when(|| far.request_body_bytes() >= 300_000);
    assert_eq!(stopped.code(), 130, "{}", stopped.all());
    assert_eq!(stopped.report()["outcome"], "interrupted");
    assert!(stopped.duration < STOPS_WITHIN, "{:?}", stopped.duration);
}
