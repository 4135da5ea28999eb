//! Damaged and hostile bundles that are kept in `tests/fixtures`: each gives one clear error.

use std::path::PathBuf;

use transload_bundle::ErrorKind::{self, Damaged, Hostile, NotABundle, TooNew, Truncated};
use transload_bundle::Limits;
use transload_oci::Digest;

use crate::support::{open, open_stream, read};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.tar"))).unwrap()
}

/// File, kind of error, and what its text has to say.
const TABLE: &[(&str, ErrorKind, &str)] = &[
    ("ours-truncated", Truncated, "bytes"),
    ("ours-truncated-in-head", Truncated, "ends"),
    ("ours-longer", Damaged, "bytes long"),
    ("ours-index-bit", Damaged, "index.json"),
    ("ours-manifest-bit", Damaged, "another digest"),
    ("ours-config-bit", Damaged, "another digest"),
    ("ours-transfer-bit", Damaged, "another digest"),
    ("ours-header-bit", Damaged, "checksum"),
    ("ours-catalog-shifted", Damaged, "impossible place"),
    ("ours-catalog-overlapping", Damaged, "impossible place"),
    ("ours-catalog-outside", Damaged, "behind the end"),
    ("ours-catalog-overflowing", Damaged, "behind the end"),
    ("ours-catalog-short", Damaged, "not in the catalog"),
    ("ours-catalog-twice", Damaged, "twice"),
    ("ours-tag-renamed", Damaged, "team/app:v3"),
    ("ours-tag-added", Damaged, "team/app:v9"),
    ("ours-tag-missing", Damaged, "team/app:v2"),
    ("ours-tags-swapped", Damaged, "team/app:v"),
    ("ours-transfer-missing", Damaged, "transfer manifest"),
    ("ours-head-length-wrong", Damaged, "bytes long"),
    ("ours-newer-schema", TooNew, "transload 7.0.0"),
    ("ours-newer-type", TooNew, "transload 7.0.0"),
    ("others-empty", NotABundle, "empty"),
    ("others-zeroes", NotABundle, "zeroes"),
    ("others-gzip", NotABundle, "gunzip"),
    ("others-zstd", NotABundle, "zstd -d"),
    ("others-page", NotABundle, "HTML"),
    ("others-storage-error", NotABundle, "XML"),
    ("others-json-error", NotABundle, "JSON"),
    ("others-text", NotABundle, "not a tar"),
    ("others-plain", NotABundle, "not an OCI image layout"),
    ("others-in-a-folder", NotABundle, "folder 'my'"),
    ("others-docker-archive", NotABundle, "lists no image"),
    ("others-symlink", Hostile, "symbolic link"),
    ("others-hard-link", Hostile, "hard link"),
    ("others-device", Hostile, "device"),
    ("others-fifo", Hostile, "pipe"),
    ("others-sparse", Hostile, "type 'S'"),
    ("others-pax-sparse", Hostile, "sparse"),
    ("others-pax-global-path", Hostile, "alike"),
    ("others-two-names", Hostile, "second name"),
    ("others-absolute", Hostile, "absolute"),
    ("others-dot-dot", Hostile, "'..'"),
    ("others-not-utf8", Hostile, "UTF-8"),
    ("others-outside", Hostile, "etc/cron.d/job"),
    ("others-blob-twice", Hostile, "twice"),
    ("others-blob-twice-other-size", Hostile, "twice"),
    ("others-index-twice", Hostile, "index.json: it is there twice"),
    ("others-folder-with-content", Hostile, "content"),
    ("others-size-huge", Hostile, "larger than any file"),
    ("others-size-negative", Damaged, "no number"),
    ("others-size-passes-end", Truncated, "should end"),
    ("others-checksum-wrong", Damaged, "checksum"),
    ("others-first-checksum-wrong", Damaged, "checksum"),
    ("others-lone-zero-record", Damaged, "more entries"),
    ("others-no-trailer", Truncated, "two empty records"),
    ("others-half-trailer", Truncated, "two empty records"),
    ("others-cut-in-blob", Truncated, "should end"),
    ("others-name-for-nothing", Damaged, "only its name"),
    ("others-pax-malformed", Damaged, "PAX"),
    ("others-index-missing", Damaged, "index.json"),
    ("others-layout-missing", Damaged, "oci-layout"),
    ("others-index-not-json", Damaged, "index.json"),
    ("others-index-deep", Damaged, "index.json"),
    ("others-index-without-manifests", Damaged, "manifests"),
    ("others-index-size-negative", Damaged, "index.json"),
    ("others-index-digest-odd", Damaged, "not a digest"),
    ("others-newer-layout", TooNew, "2.0.0"),
    ("others-terminal-escapes", Hostile, "red"),
    ("docker-layer-missing", Damaged, "aaa/layer.tar: manifest.json names this file, and it is missing"),
    ("docker-link-outside", Hostile, "leads out"),
    ("docker-link-circle", Hostile, "without end"),
    ("docker-config-bit", Damaged, "its bytes have the digest"),
    ("docker-diff-ids-short", Damaged, "names 1 layers"),
    ("docker-no-manifest", NotABundle, "older than 1.10"),
];

/// Fixtures that open.
const SOUND: &[&str] = &[
    "ours-good",
    "ours-layer-bit",
    "others-good",
    "docker-archive",
    "docker-layout",
    "docker-layout-sparse",
    "docker-layers-packed",
    "docker-layer-bit",
];

#[test]
fn each_gives_its_one_error() {
    for (name, kind, says) in TABLE {
        let error = open(&fixture(name)).expect_err(name);
        let text = format!("{error} ({})", error.hint().unwrap_or_default());
        assert_eq!(error.kind(), *kind, "{name}: {text}");
        assert!(text.contains(says), "{name}: {text}");
        assert!(!text.contains(char::is_control), "{name}: {text:?}");
    }
}

#[test]
fn a_stream_of_another_tools_tar_is_judged_as_the_file_is() {
    for (name, kind, _) in TABLE.iter().filter(|(name, ..)| !name.starts_with("ours-")) {
        let bytes = fixture(name);
        let error = open_stream(&bytes, 700, Limits::default()).expect_err(name);
        // a size that passes the end is seen at once in a file, and at the end of a stream
        assert_eq!(error.kind(), *kind, "{name}: {error}");
    }
    for name in SOUND.iter().filter(|name| !name.starts_with("ours-")) {
        let bytes = fixture(name);
        let (one, other) = (open(&bytes).unwrap(), open_stream(&bytes, 700, Limits::default()).unwrap());
        assert_eq!((one.roots, one.catalog, one.made), (other.roots, other.catalog, other.made), "{name}");
    }
}

#[test]
fn every_fixture_is_in_the_table() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = file.strip_suffix(".tar") {
            let known = SOUND.contains(&name) || TABLE.iter().any(|(known, ..)| *known == name);
            assert!(known, "{name}");
        }
    }
}

#[test]
fn a_bundle_of_format_1_written_by_other_code_opens() {
    let bytes = fixture("ours-good");
    let bundle = open(&bytes).unwrap();
    assert_eq!(bundle.catalog.len(), 5);
    for digest in bundle.catalog.keys() {
        assert_eq!(Digest::sha256(read(&bundle, &bytes, digest)), *digest);
    }
    let tags: Vec<_> = bundle.roots.iter().map(|root| root.tag.as_deref()).collect();
    assert_eq!(tags, [Some("v1"), Some("v2")]);
    assert_eq!(bundle.transfer.unwrap().artifacts.len(), 2);
}

#[test]
fn a_layer_with_a_wrong_bit_is_found_when_it_is_read() {
    let bytes = fixture("ours-layer-bit");
    let bundle = open(&bytes).unwrap();
    let wrong: Vec<_> = bundle
        .catalog
        .keys()
        .filter(|digest| Digest::sha256(read(&bundle, &bytes, digest)) != **digest)
        .collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(bundle.cached(wrong[0]), None);
}
