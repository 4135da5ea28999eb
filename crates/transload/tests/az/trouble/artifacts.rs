//! "Artifacts transfer problems", "Problems pulling the image in a physically isolated environment".

use serde_json::json;
use transload_testkit::images::{Corpus, foreign_layer, gzip_like_layer, image};

use super::one;
use crate::support::{Lab, Side, assert_said, push};

#[test]
fn artifacts_that_cannot_be_exported_are_named_with_what_to_do() {
    let lab = Lab::new();
    push(&lab.host(Side::Source), &one(1));
    let exporter = lab.pipeline(Side::Source, "exporter", &json!({}));
    let fail = |name: &str, artifacts: &str| {
        let artifacts = format!("artifacts={artifacts}");
        let told = lab.failed_run(Side::Source, name, &exporter, &[&artifacts, "targetName=bundle"]);
        assert_said(&told, &[name]);
        told
    };
    let told = fail("wrongrepository", r#"["team/wbe:v1"]"#);
    assert_said(&told, &["has no repository 'team/wbe'", "did you mean", "team/web"]);
    let told = fail("wrongtag", r#"["team/web:v11"]"#);
    assert_said(&told, &["has no tag 'v11'", "did you mean", "team/web:v1"]);
    let told = fail("wrongtext", r#"["team/web:"]"#);
    assert_said(&told, &["team/web:"]);
    let many: Vec<String> = (0..51).map(|n| format!("team/web:v{n}")).collect();
    let told = fail("manyofthem", &serde_json::to_string(&many).unwrap());
    assert_said(&told, &["TooManyArtifacts", "51 artifacts", "at most 50", "several runs"]);
    let told = fail("noneofthem", "[]");
    assert_said(&told, &["names at least one artifact", "repository:tag"]);

    let mut images = Corpus::default();
    let base = foreign_layer(5, 1_000, "https://layers.example/base");
    images.add("team/windows", "v1", image(&[base, gzip_like_layer(6, 10_000)]));
    push(&lab.host(Side::Source), &images);
    let told = fail("foreignlayer", r#"["team/windows:v1"]"#);
    assert_said(
        &told,
        &[
            "ForeignLayerUnavailable",
            "foreign layer",
            "push the image with its foreign layers to the source registry first",
        ],
    );
    let listed =
        lab.store(Side::Source, &["blob", "list", "-c", "transfer", "--query", "[].name", "-o", "tsv"]);
    assert_eq!(listed.trim(), "", "a run that failed left a bundle");
}
