//! Layers longer than memory. `TRANSLOAD_LONG=1` makes them 12 GiB, past what a plain tar header can say.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use transload_testkit::hog::long_tests;
use transload_testkit::images::{image, layer, zero_layer};

use crate::support::{Said, SparseRegistry, folder, path, transload};

const GIB: u64 = 1 << 30;
/// What the program may have resident, whatever the artifact's size: 64 MiB of buffers, what two dozen connections have in
/// hand, and 40 MiB of a program with all that a debugger wants. Half of the smallest artifact here would not fit besides.
const RESIDENT_BYTES_MAX: u64 = 160 << 20;

#[test]
fn long_layers_pass_in_bounded_memory() {
    let len = if long_tests() { 12 * GIB } else { GIB };
    let folder = folder();
    require_room(folder.path(), len + GIB / 4);
    let artifact = image(&[zero_layer(len), layer(990, 300_000)]);
    let source = SparseRegistry::serving(&artifact);
    let bundle = path(&folder, "long.tar");
    let program = || transload().limit(Duration::from_secs(60 + 120 * len / GIB));

    let reference = format!("{}/team/long:v1", source.host());
    let exported = program().run(["export", &reference, "--to", &bundle]).ok();
    within_bounds("export", exported.peak_rss_bytes);
    assert!(std::fs::metadata(&bundle).unwrap().len() > len);
    // readers of other makes agree on an entry of this length
    let listed = Command::new("tar").args(["-tvf", &bundle]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let size = artifact.blobs[1].descriptor.size.to_string();
    assert!(listed.contains(&size), "no entry of {size} bytes: {listed}");

    let verified = program().run(["verify", &bundle]).ok();
    within_bounds("verify", verified.peak_rss_bytes);

    let target = SparseRegistry::swallowing();
    let imported = program().run(["import", &bundle, "--to", &target.host()]).ok();
    within_bounds("import", imported.peak_rss_bytes);
    let due: u64 = artifact.blobs.iter().map(|blob| blob.descriptor.size).sum();
    assert_eq!(target.taken_bytes(), due, "each byte once");
    assert!(target.has("v1") && target.has(&artifact.digest().to_string()));

    let target = SparseRegistry::swallowing();
    let copied = program().run(["copy", &reference, "--to", &target.host()]).ok();
    within_bounds("copy", copied.peak_rss_bytes);
    assert_eq!(target.taken_bytes(), due, "{}", copied.all());
}

#[test]
fn long_lists_of_layers_pass_in_bounded_memory_too() {
    let folder = folder();
    let layers: Vec<_> = (0..24).map(|n| layer(1_000 + n, 9_000_000)).collect();
    let source = SparseRegistry::serving(&image(&layers));
    let reference = format!("{}/team/wide:v1", source.host());
    let bundle = path(&folder, "wide.tar");
    let all_at_once = ["--concurrency", "24"];
    let export = ["export", &reference, "--to", &bundle];
    let exported = transload().run(export.iter().chain(&all_at_once)).ok();
    within_bounds("export", exported.peak_rss_bytes);
    let target = SparseRegistry::swallowing();
    let host = target.host();
    let import = ["import", &bundle, "--to", &host];
    let imported = transload().run(import.iter().chain(&all_at_once)).ok();
    within_bounds("import", imported.peak_rss_bytes);
}

fn within_bounds(what: &str, peak_rss_bytes: u64) {
    let mib = peak_rss_bytes >> 20;
    assert!(peak_rss_bytes < RESIDENT_BYTES_MAX, "{what}: {mib} MiB resident");
}

/// Fails the test with the reason when the disk is too small for it.
fn require_room(folder: &Path, bytes: u64) {
    let df = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    let text = String::from_utf8(df.stdout).unwrap();
    let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
    assert!(
        free > bytes,
        "{} has {free} bytes free and this test needs {bytes}: make room, or name another folder in TMPDIR",
        folder.display()
    );
}
