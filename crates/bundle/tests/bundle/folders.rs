//! Image layouts that are folders, and names that are found one level down.

use transload_bundle::{Error, ErrorKind, Format, Limits, OpenBundle, Opener};
use transload_oci::Digest;

use crate::foreign::{PLAIN, files, pack};
use crate::support::{Sample, open, open_stream, read};

/// Opens a folder; what is wanted is read from the files laid one behind the other.
fn open_folder(files: &[(String, Vec<u8>)], limits: Limits) -> Result<(OpenBundle, Vec<u8>), Error> {
    let row: Vec<u8> = files.iter().flat_map(|(_, content)| content.clone()).collect();
    let list = files.iter().map(|(name, content)| (name.clone(), content.len() as u64)).collect();
    let mut opener = Opener::of_files(list, limits);
    opener.feed(&[])?;
    while let Some(range) = opener.want() {
        opener.feed(&row[range.start as usize..range.end as usize])?;
    }
    Ok((opener.finish()?, row))
}

#[test]
fn a_folder_is_what_the_tar_of_it_is() {
    let mut files = files();
    for name in ["README", "ingest/x", "blobs/sha256/.partial", "manifest.json"] {
        files.insert(0, (name.to_owned(), b"beside".to_vec()));
    }
    for _ in 0..files.len() {
        files.rotate_left(1);
        let (bundle, row) = open_folder(&files, Limits::default()).unwrap();
        assert_eq!(bundle.format, Format::Layout);
        let tar = open(&pack(&self::files(), &PLAIN)).unwrap();
        assert_eq!(bundle.roots, tar.roots);
        assert_eq!(bundle.catalog.len(), tar.catalog.len());
        for digest in bundle.catalog.keys() {
            assert_eq!(Digest::of(digest.algorithm(), read(&bundle, &row, digest)), *digest);
        }
    }
}

#[test]
fn a_bundle_of_ours_unpacked_into_a_folder_keeps_its_transfer_manifest() {
    let mut sample = Sample::default();
    sample.image("team/app", Some("v1"), &[vec![1; 5000]]);
    let tar = sample.bundle(&[], None);
    let mut archive = tar::Archive::new(tar.as_slice());
    let files: Vec<(String, Vec<u8>)> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), content)
        })
        .collect();
    let (bundle, _) = open_folder(&files, Limits::default()).unwrap();
    assert_eq!(bundle.transfer.as_ref(), Some(&sample.transfer));
    let streamed = open_stream(&tar, 700, Limits::default()).unwrap();
    assert_eq!(streamed.transfer.as_ref(), Some(&sample.transfer));
    assert_eq!(streamed.roots, bundle.roots);
    // what the catalog of a stream says is where it is in the stream
    for (digest, content) in &sample.content {
        assert_eq!(read(&streamed, &tar, digest), content);
        assert!(streamed.cached(digest).is_none_or(|cached| cached == content));
    }
}

#[test]
fn what_failed_behind_the_head_is_heeded_in_a_stream() {
    let mut sample = Sample::default();
    sample.image("team/good", Some("v1"), &[vec![1; 5000]]);
    sample.image("team/bad", Some("v1"), &[vec![2; 6000]]);
    let mut tar = sample.bundle(&[], None);
    let mut transfer = sample.transfer.clone();
    transfer.artifacts[1].status = transload_bundle::Status::Failed;
    let bad = Digest::sha256(&[2; 6000]);
    let outcome = transload_bundle::StreamOutcome::of(&transfer, vec![bad]);
    tar.truncate(tar.len() - 1024);
    tar.extend_from_slice(&outcome.entry());
    tar.extend_from_slice(&[0; 1024]);
    for bundle in [open(&tar).unwrap(), open_stream(&tar, 700, Limits::default()).unwrap()] {
        assert_eq!(bundle.outcome.as_ref(), Some(&outcome));
        let names: Vec<_> = bundle.roots.iter().filter_map(|root| root.repository.as_deref()).collect();
        assert_eq!(names, ["team/good"]);
        assert!(!bundle.catalog.contains_key(&bad));
    }
}

#[test]
fn a_folder_that_is_no_layout_is_told() {
    let all = files();
    let without = |name: &str| -> Vec<_> { all.iter().filter(|(n, _)| n != name).cloned().collect() };
    let fails = |files: &[(String, Vec<u8>)], limits| open_folder(files, limits).map(|_| ()).unwrap_err();
    let limits = Limits::default();
    assert!(fails(&without("oci-layout"), limits).to_string().contains("oci-layout"));
    assert!(fails(&without("index.json"), limits).to_string().contains("index.json"));
    assert_eq!(fails(&[], limits).kind(), ErrorKind::NotABundle);
    assert_eq!(fails(&all, Limits { entries_max: 3, ..limits }).kind(), ErrorKind::LimitExceeded);
    assert_eq!(fails(&all, Limits { index_json_bytes_max: 9, ..limits }).kind(), ErrorKind::LimitExceeded);
}

/// A layout whose `index.json` has an index without a name, whose children are these.
fn nested(children: &[Option<&str>]) -> Vec<(String, Vec<u8>)> {
    let mut sample = Sample::default();
    let image = sample.image("x", None, &[vec![9; 100]]);
    let size = sample.manifests[0].size();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let children: Vec<String> = children
        .iter()
        .map(|name| {
            let name = name.map_or(String::new(), |name| {
                format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#)
            });
            format!(r#"{{"mediaType":"{media_type}","digest":"{image}","size":{size}{name}}}"#)
        })
        .collect();
    let index_type = "application/vnd.oci.image.index.v1+json";
    let inner =
        format!(r#"{{"schemaVersion":2,"mediaType":"{index_type}","manifests":[{}]}}"#, children.join(","));
    let digest = Digest::sha256(inner.as_bytes());
    let outer = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{index_type}","digest":"{digest}","size":{}}}]}}"#,
        inner.len()
    );
    let mut files: Vec<_> =
        sample.content.iter().map(|(digest, bytes)| (digest.layout_path(), bytes.to_vec())).collect();
    files.push((digest.layout_path(), inner.into_bytes()));
    files.push(("index.json".to_owned(), outer.into_bytes()));
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    files
}

#[test]
fn names_on_the_children_of_an_index_count_when_it_has_none_itself() {
    for (children, expected) in [
        (&[Some("team/app:v1"), Some("latest")][..], &["team/app:v1", "latest"][..]),
        (&[Some("team/app:v1"), None], &["", "team/app:v1"]),
        (&[None, None], &[""]),
    ] {
        let files = nested(children);
        let tar = pack(&files, &PLAIN);
        for bundle in [
            open(&tar).unwrap(),
            open_stream(&tar, 512, Limits::default()).unwrap(),
            open_folder(&files, Limits::default()).unwrap().0,
        ] {
            let names: Vec<_> =
                bundle.roots.iter().map(|root| root.ref_name.as_deref().unwrap_or_default()).collect();
            assert_eq!(names, expected);
        }
    }
}
