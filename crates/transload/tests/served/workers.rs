//! Three workers on one PostgreSQL, one of which is killed in the middle of its runs.

use std::time::Duration;

use serde_json::Value;
use transload_testkit::cli::Running;
use transload_testkit::fault::Rule;
use transload_testkit::hog::wait_until;
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::Postgres;
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, state};
use crate::support::{World, assert_whole, push};

const RUNS: usize = 9;
const WORKERS: usize = 3;
const LAYER_BYTES: u64 = 3_000_000;
const PATIENCE: Duration = Duration::from_secs(120);

fn images() -> Corpus {
    let mut corpus = Corpus::default();
    for n in 0..RUNS as u64 {
        corpus.add(&format!("team/app{n}"), "v1", image(&[gzip_like_layer(n, LAYER_BYTES)]));
    }
    corpus
}

fn attempts(run: &Value) -> u64 {
    run["properties"]["response"]["transload"]["attempts"].as_u64().unwrap_or_default()
}

/// Kills the first of the workers as soon as so many runs have been taken.
fn kill_one(world: &World, workers: &mut Vec<Running>, runs: &[String], taken: usize) {
    let under_way = || runs.iter().filter(|run| attempts(&world.site.get(run)) > 0).count();
    assert!(wait_until(PATIENCE, || under_way() >= taken), "no worker takes a run");
    let killed = workers.remove(0).kill_when(|| true);
    assert!(!killed.status.success());
    world.site.tell(&killed.stdout, &killed.stderr);
}

#[test]
fn a_worker_that_is_killed_loses_nothing_and_repeats_nothing() {
    let postgres = Postgres::start();
    let both = ["--lease", "15s", "--backoff-first", "1s"].map(str::to_owned).to_vec();
    let ledger = Some(postgres.database());
    let world = World::new(SiteOptions { ledger, workers: 0, both, ..SiteOptions::default() });
    let images = images();
    push(&world.near.host(), &images);
    // slow enough that the killed one is in the middle of something
    let slow = world.to_store.add(Rule::on("PUT", "comp=block&").delay(Duration::from_millis(700)));
    let exporter = world.make_export("exporter", &[]);
    let exports: Vec<String> = (0..RUNS)
        .map(|n| {
            world.begin_export(
                &exporter,
                &format!("export{n}"),
                &[&format!("team/app{n}:v1")],
                &format!("b{n}"),
            )
        })
        .collect();
    // alone, so that there is something to lose
    let mut workers = vec![world.site.worker()];
    let staged = || world.to_store.count("PUT", "comp=block&") > 0;
    assert!(wait_until(PATIENCE, staged), "no worker takes a run");
    workers.extend((1..WORKERS).map(|_| world.site.worker()));
    kill_one(&world, &mut workers, &exports, 1);
    let ended: Vec<Value> = exports.iter().map(|run| world.succeeded(run)).collect();
    assert!(slow.fired() > 0, "nothing was staged slowly");
    let again = ended.iter().filter(|run| attempts(run) > 1).count();
    assert!((1..=2).contains(&again), "{again} runs were begun again: one worker has two at most");
    assert!(ended.iter().all(|run| attempts(run) <= 2));
    // each bundle became visible once
    assert_eq!(world.to_store.count("PUT", "comp=blocklist"), RUNS);

    workers.push(world.site.worker());
    world.to_store.clear();
    world.to_far.add(Rule::on("PATCH", "/blobs/uploads/").delay(Duration::from_millis(700)));
    let importer = world.make_import("importer", &[]);
    let imports: Vec<String> =
        (0..RUNS).map(|n| world.begin_import(&importer, &format!("import{n}"), &format!("b{n}"))).collect();
    kill_one(&world, &mut workers, &imports, WORKERS);
    for run in &imports {
        assert_eq!(state(&world.succeeded(run)), "Succeeded");
    }
    assert_whole(&world.far.host(), &images);
    for n in 0..RUNS {
        // a tag that was set by the one that died is not set again
        assert_eq!(world.to_far.count("PUT", &format!("/v2/team/app{n}/manifests/v1")), 1, "app{n}");
        assert!(world.azurite.get_blob(CONTAINER, &format!("b{n}")).is_some());
    }
}
