//! The control plane killed at any moment, again and again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use transload_testkit::hog::{long_tests, wait_until};
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::Postgres;
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, FAR, GROUP, state};
use crate::support::{World, assert_whole, import_pipeline, push, transload};

const LAYER_BYTES: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(180);

fn rounds() -> u64 {
    if long_tests() { 25 } else { 5 }
}

fn app(n: u64) -> (String, Corpus) {
    let mut corpus = Corpus::default();
    let repository = format!("team/app{n}");
    corpus.add(
        &repository,
        "v1",
        image(&[gzip_like_layer(n, LAYER_BYTES), gzip_like_layer(n + 1000, LAYER_BYTES)]),
    );
    (repository, corpus)
}

/// What is visible in the container.
fn blobs(world: &World) -> Vec<String> {
    let listed = world.azurite.request("GET", CONTAINER, "restype=container&comp=list", &[], b"").text();
    listed.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

/// Every bundle that can be seen is whole.
fn assert_bundles_are_whole(world: &World) {
    for name in blobs(world) {
        let bytes = world.azurite.get_blob(CONTAINER, &name).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let checked = transload().run(["verify", file.path().to_str().unwrap()]);
        assert!(checked.status.success(), "{name}: {}{}", checked.stdout, checked.stderr);
    }
}

#[test]
fn a_control_plane_with_its_own_ledger_comes_back_from_every_kill() {
    killed_again_and_again(None);
}

#[test]
fn a_control_plane_on_postgresql_comes_back_from_every_kill() {
    let postgres = Postgres::start();
    killed_again_and_again(Some(postgres.database()));
}

fn killed_again_and_again(ledger: Option<String>) {
    // a run may be under way at every kill
    let both = ["--lease", "5s", "--attempts-max", "50", "--backoff-first", "1s", "--trigger-interval", "1s"]
        .map(str::to_owned)
        .to_vec();
    let mut world = World::new(SiteOptions { ledger, both, ..SiteOptions::default() });
    let exporter = world.make_export("exporter", &[]);
    // what arrives is imported by itself
    let path = world.far_path("/importPipelines/importer");
    let made = world.site.put(&path, &import_pipeline(&world.container(), &world.secret_uri, &[], true));
    world.permit(&made);
    let mut acknowledged = vec![path];
    for round in 0..rounds() {
        let (repository, images) = app(round);
        push(&world.near.host(), &images);
        let run = world.begin_export(
            &exporter,
            &format!("export{round}"),
            &[&format!("{repository}:v1")],
            &format!("b{round}"),
        );
        acknowledged.push(run);
        // puts go on until the server is dead, in each round a little longer
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (site, acknowledged, count) = (&world.site, &mut acknowledged, &count);
            scope.spawn(move || {
                for n in 0.. {
                    let path = site.group(&format!("group-{round}-{n}"));
                    match site.try_ask("PUT", &path, &json!({"location": "here"})) {
                        Ok(answer) if answer.status == 201 => acknowledged.push(path),
                        Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                        Err(_) => return,
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert!(wait_until(PATIENCE, || count.load(Ordering::Relaxed) > 0), "nothing is put");
            std::thread::sleep(Duration::from_millis(370 * round % 1900));
            kill(i32::try_from(world.site.pid()).unwrap());
        });
        world.site.kill();
        assert_bundles_are_whole(&world);
        world.site.resume();
        for path in &acknowledged {
            world.site.get(path);
        }
    }
    everything_ends_well(&world);
}

fn everything_ends_well(world: &World) {
    for round in 0..rounds() {
        world.succeeded(&world.near_path(&format!("/pipelineRuns/export{round}")));
    }
    let runs = || world.site.list(&format!("{}/pipelineRuns", world.site.registry(GROUP, FAR)));
    let bundles = usize::try_from(rounds()).unwrap();
    let imported = |runs: &[Value]| runs.iter().filter(|run| state(run) == "Succeeded").count();
    assert!(wait_until(PATIENCE, || imported(&runs()) >= bundles), "{:#?}", runs());
    // one run for each bundle, and no other
    let runs = runs();
    assert_eq!((runs.len(), imported(&runs)), (bundles, bundles), "{runs:#?}");
    assert!(runs.iter().all(|run| run["name"].as_str().unwrap().contains('_')), "{runs:#?}");
    for round in 0..rounds() {
        let (repository, images) = app(round);
        assert_whole(&world.far.host(), &images);
        assert_eq!(world.to_far.count("PUT", &format!("/v2/{repository}/manifests/v1")), 1, "{repository}");
        assert_eq!(world.to_store.count("PUT", &format!("/{CONTAINER}/b{round}?comp=blocklist")), 1);
    }
    assert_bundles_are_whole(world);
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
