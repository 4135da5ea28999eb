//! "Problems with export or import of storage blobs".

use serde_json::json;

use super::{WEB, one};
use crate::support::{Lab, Side, assert_said, assert_whole, push};

#[test]
fn blobs_containers_and_tags_that_are_in_the_way_or_missing_are_named() {
    let lab = Lab::new();
    push(&lab.host(Side::Source), &one(1));
    let exporter = lab.pipeline(Side::Source, "exporter", &json!({}));
    let to = [WEB, "targetName=bundle"];
    lab.run(Side::Source, "firstrun", &exporter, &to);
    // the tag moves, so that the bundle would be another
    push(&lab.host(Side::Source), &one(2));
    let told = lab.failed_run(Side::Source, "secondrun", &exporter, &to);
    assert_said(&told, &["secondrun", "BundleExists", "already there", "OverwriteBlobs"]);
    let bold = lab.pipeline(Side::Source, "boldly", &json!({"options": ["OverwriteBlobs"]}));
    lab.run(Side::Source, "thirdrun", &bold, &to);

    let token = lab.account_sas(Side::Source, "sco", "alrw");
    lab.keep_token(Side::Source, &token);
    let elsewhere = json!({"uri": lab.container(Side::Source).replace("/transfer", "/transfers")});
    let lost = lab.pipeline(Side::Source, "lostexporter", &elsewhere);
    let told = lab.failed_run(Side::Source, "nocontainer", &lost, &to);
    assert_said(&told, &["/transfers", "ContainerNotFound", "create the container"]);
    let told = lab.failed_run(Side::Source, "nopipeline", &format!("{exporter}s"), &to);
    assert_said(&told, &["nopipeline", "ResourceNotFound", "exporters"]);

    let importer = lab.pipeline(Side::Target, "importer", &json!({}));
    let told = lab.failed_run(Side::Target, "noblob", &importer, &["sourceName=bundle"]);
    assert_said(&told, &["/bundle", "no such bundle", "wait until the copy across the gap has finished"]);
    let told = lab.failed_run(Side::Target, "noname", &importer, &[]);
    assert_said(&told, &["source.name"]);
    let folder = tempfile::tempdir().unwrap();
    let (bundle, notes) = (folder.path().join("bundle"), folder.path().join("notes"));
    std::fs::write(&notes, "no bundle").unwrap();
    let (bundle, notes) = (bundle.to_str().unwrap(), notes.to_str().unwrap());
    lab.store(Side::Source, &["blob", "download", "-c", "transfer", "-n", "bundle", "-f", bundle]);
    lab.store(Side::Target, &["blob", "upload", "-c", "transfer", "-n", "bundle", "-f", bundle]);
    lab.store(Side::Target, &["blob", "upload", "-c", "transfer", "-n", "notes", "-f", notes]);
    let told = lab.failed_run(Side::Target, "nobundle", &importer, &["sourceName=notes"]);
    assert_said(&told, &["/notes", "NotABundle"]);
    push(&lab.host(Side::Target), &one(3));
    let told = lab.failed_run(Side::Target, "conflict", &importer, &["sourceName=bundle"]);
    assert_said(&told, &["team/web:v1", "TagConflict", "OverwriteTags"]);
    assert_whole(&lab.host(Side::Target), &one(3));
}
