//! Limits that a person sets: how fast, how many, when, and how long to wait.

use time::{Duration, OffsetDateTime};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, assert_whole, folder, only, path, push, transload};

/// A registry with an image of some layers, and a proxy before it.
fn source() -> (DockerRegistry, FaultProxy, String) {
    let source = DockerRegistry::start();
    let layers: Vec<_> = (0..4).map(|n| layer(1000 + n, 300_000)).collect();
    let corpus = only("team/web", "v1", image(&layers));
    push(&source.host(), &corpus);
    let proxy = FaultProxy::start(source.addr());
    let artifact = corpus.references(&proxy.host()).remove(0);
    (source, proxy, artifact)
}

#[test]
fn outside_the_window_it_waits_and_says_until_when() {
    let (_source, _proxy, artifact) = source();
    let folder = folder();
    let moment = |from_now: i64| {
        let moment = OffsetDateTime::now_utc() + Duration::seconds(from_now);
        format!("{:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second())
    };
    let to = path(&folder, "web.tar");
    let export = |opens: &str| {
        let window = format!("{opens}-{} UTC", moment(3600));
        transload().run(["export", &artifact, "--to", &to, "--window", &window, "--json"]).ok()
    };
    // where it takes longer than that until it has planned, there is nothing to wait for
    let mut ahead = [3, 15, 60].into_iter();
    let (opens, said) = loop {
        let opens = moment(ahead.next().expect("it waits for none of the windows"));
        let said = export(&opens);
        if said.events().iter().any(|event| event["event"] == "waiting") {
            break (opens, said);
        }
        std::fs::remove_file(&to).unwrap();
    };
    let events = said.events();
    let waits: Vec<_> = events.iter().filter(|event| event["event"] == "waiting").collect();
    assert_eq!(waits.len(), 1, "told once, not by every blob: {}", said.stdout);
    assert_eq!(waits[0]["reason"], "window");
    assert!(waits[0]["until"].as_str().unwrap().contains(&opens), "{}", waits[0]);
    assert_eq!(said.report()["outcome"], "succeeded");
    // the plan stands before it waits
    let order: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect();
    let place = |name: &str| order.iter().position(|event| *event == name);
    assert!(place("planned") < place("waiting"), "{order:?}");

    for odd in ["22:00", "22:00-22:00", "22:00-06:00 Nowhere/City"] {
        let said = transload().run(["export", &artifact, "--to", &to, "--window", odd]);
        said.refused_by_parser("--window");
    }
}

#[test]
fn a_registry_that_has_had_enough_is_waited_for_within_bounds() {
    let (_source, proxy, artifact) = source();
    let folder = folder();
    let export = |to: &str, more: &[&str]| {
        let to = path(&folder, to);
        transload().run([["export", &artifact, "--to", &to].as_slice(), more].concat())
    };
    proxy.add(Rule::on("GET", "/blobs/").first(1).retry_after(429, 2));
    let said = export("a.tar", &["--json"]).ok();
    let waits: Vec<_> = said.events().into_iter().filter(|event| event["event"] == "waiting").collect();
    assert!(!waits.is_empty(), "{}", said.stdout);
    assert_eq!((&waits[0]["reason"], &waits[0]["subject"]), (&"throttled".into(), &"127.0.0.1".into()));
    assert!(waits[0]["seconds"].as_u64() >= Some(1), "{}", waits[0]);
    proxy.clear();
    proxy.add(Rule::on("GET", "/blobs/").first(1).retry_after(429, 2));
    let said = export("b.tar", &[]).ok();
    assert!(
        said.stderr.contains("waiting until 20") && said.stderr.contains("has had enough"),
        "{}",
        said.stderr
    );

    // longer than is borne: when to come back
    proxy.clear();
    let quota = [("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "0;w=21600")];
    proxy.add(Rule::on("GET", "/manifests/").answer(429, &quota, b""));
    let said = export("c.tar", &[]);
    let advice = said.refused(8, "RegistryThrottled");
    assert!(advice.contains("--max-wait"), "{advice}");
    assert!(said.stderr.contains("come back at 20") && said.stderr.contains("21600 s"), "{}", said.stderr);
    proxy.clear();
    proxy.add(Rule::on("GET", "/manifests/").first(1).retry_after(429, 2));
    export("d.tar", &["--max-wait", "1s"]).refused(8, "RegistryThrottled");
    export("d.tar", &["--max-wait", "soon"]).refused_by_parser("--max-wait");
}

#[test]
fn a_transfer_at_a_rate_and_with_few_requests_is_whole() {
    let (source, proxy, artifact) = source();
    let (folder, target) = (folder(), DockerRegistry::start());
    let layers: Vec<_> = (0..4).map(|n| layer(1000 + n, 300_000)).collect();
    let corpus = only("team/web", "v1", image(&layers));
    let bundle = path(&folder, "web.tar");
    for per_host in ["1", "2"] {
        let bounds = ["--rate-limit", "8Mbit/s", "--max-per-host", per_host, "--overwrite-blobs"];
        let all = [["export", artifact.as_str(), "--to", &bundle].as_slice(), &bounds].concat();
        transload().run(all).ok();
        std::fs::remove_file(path(&folder, "web.tar")).unwrap();
    }
    transload().run(["export", &artifact, "--to", &bundle]).ok();
    let bounds = ["--rate-limit", "1MiB/s", "--max-per-host", "1"];
    transload().run([["import", bundle.as_str(), "--to", &target.host()].as_slice(), &bounds].concat()).ok();
    assert_whole(&target.host(), &corpus, "");
    // both sides of one registry
    let to = format!("{}/copied", proxy.host());
    transload().run(["copy", &artifact, "--to", &to, "--max-per-host", "1"]).ok();
    assert_whole(&source.host(), &corpus, "copied/");
    transload()
        .run(["export", &artifact, "--to", &bundle, "--rate-limit", "1kB"])
        .refused_by_parser("--rate-limit");
}
