//! Image layouts that other tools packed, in all their dresses.

use std::collections::BTreeMap;

use transload_bundle::{ErrorKind, Limits, OpenBundle};
use transload_oci::Digest;

use crate::support::{Sample, open, open_limited, read};

/// The files of a small layout: name and content.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let layers = [b"one layer".to_vec(), vec![7; 70_000], vec![5; 300]];
    let mut sample = Sample::default();
    let digest = sample.image("x", Some("y"), &layers);
    let mut files: Vec<_> =
        sample.content.iter().map(|(digest, bytes)| (digest.layout_path(), bytes.to_vec())).collect();
    let size = sample.manifests[0].size();
    let descriptor = |annotations: &str| {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{annotations}}}"#)
    };
    let named = [
        r#","annotations":{"org.opencontainers.image.ref.name":"r.example:5000/team/app:v1"}"#,
        r#","annotations":{"org.opencontainers.image.ref.name":"latest"}"#,
        r#","annotations":{"org.opencontainers.image.ref.name":"3","io.containerd.image.name":"docker.io/library/alpine:3"}"#,
        r#","annotations":{"org.opencontainers.image.ref.name":"app:v2"}"#,
        r#","annotations":{"org.opencontainers.image.ref.name":"what is this?"}"#,
        r#","annotations":null,"platform":{"os":"linux","architecture":"amd64"}"#,
        "",
    ];
    let roots: Vec<String> = named.iter().map(|annotations| descriptor(annotations)).collect();
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()));
    files.push((
        "index.json".to_owned(),
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, roots.join(",")).into_bytes(),
    ));
    files
}

/// How a tool writes its headers.
pub(crate) struct Dress {
    pub(crate) prefix: &'static str,
    pub(crate) folders: bool,
    pub(crate) gnu: bool,
    pub(crate) pax: bool,
    pub(crate) base_256: bool,
}

pub(crate) const PLAIN: Dress = Dress { prefix: "", folders: false, gnu: false, pax: false, base_256: false };

pub(crate) const DRESSES: [Dress; 6] = [
    PLAIN,
    Dress { prefix: "./", folders: true, gnu: true, ..PLAIN },
    Dress { prefix: "././", folders: true, ..PLAIN },
    Dress { gnu: true, base_256: true, ..PLAIN },
    Dress { pax: true, ..PLAIN },
    Dress { prefix: "./", gnu: true, pax: true, folders: true, base_256: false },
];

pub(crate) fn pack(files: &[(String, Vec<u8>)], dress: &Dress) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let header = |size: u64, kind| {
        let mut header = if dress.gnu { tar::Header::new_gnu() } else { tar::Header::new_ustar() };
        header.set_size(size);
        if dress.base_256 && kind == tar::EntryType::Regular {
            let field = &mut header.as_mut_bytes()[124..136];
            field.fill(0);
            field[0] = 0x80;
            field[4..].copy_from_slice(&size.to_be_bytes());
        }
        header.set_mode(0o755);
        header.set_uid(1000);
        header.set_mtime(1_700_000_000);
        header.set_entry_type(kind);
        header
    };
    if dress.folders {
        for folder in ["", "blobs/", "blobs/sha256/"].map(|folder| format!("{}{folder}", dress.prefix)) {
            if !folder.is_empty() {
                builder.append_data(&mut header(0, tar::EntryType::Directory), folder, &[][..]).unwrap();
            }
        }
    }
    for (name, content) in files {
        let mut header = header(content.len() as u64, tar::EntryType::Regular);
        let name = format!("{}{name}", dress.prefix);
        if dress.pax {
            let size = content.len().to_string();
            let extensions = [("path", name.as_bytes()), ("size", size.as_bytes()), ("mtime", b"1.5")];
            builder.append_pax_extensions(extensions).unwrap();
            header.as_mut_bytes()[..100].fill(0);
            header.as_mut_bytes()[..7].copy_from_slice(b"ignored");
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_slice()).unwrap();
        } else {
            builder.append_data(&mut header, name, content.as_slice()).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

fn assert_all_there(bytes: &[u8], files: &[(String, Vec<u8>)]) -> OpenBundle {
    let bundle = open(bytes).unwrap();
    assert_eq!((bundle.head_len, &bundle.transfer), (None, &None));
    let mut blobs = BTreeMap::new();
    for (name, content) in files {
        if let Some(digest) = Digest::from_layout_path(name) {
            assert_eq!(read(&bundle, bytes, &digest), content);
            assert!(bundle.cached(&digest).is_none_or(|cached| cached == content));
            blobs.insert(digest, ());
        }
    }
    assert_eq!(bundle.catalog.len(), blobs.len());
    bundle
}

#[test]
fn every_dress_and_order_is_read() {
    let mut files = files();
    for dress in DRESSES {
        for _ in 0..files.len() {
            files.rotate_left(1);
            assert_all_there(&pack(&files, &dress), &files);
        }
    }
}

/// What is read on opening keeps the beginning of a tar in memory; behind it an index of any length may stand anywhere.
#[test]
fn an_index_behind_large_layers_is_read_once_whatever_its_length() {
    let mut sample = Sample::default();
    let layers = [vec![1; 1_500_000], vec![2; 200_000], vec![3; 300]];
    let digest = sample.image("x", Some("y"), &layers);
    let mut files: Vec<_> =
        sample.content.iter().map(|(digest, bytes)| (digest.layout_path(), bytes.to_vec())).collect();
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()));
    // the largest is behind all else, and right before the index
    files.sort_by_key(|(_, content)| (content.len() < 1_000_000, content.len()));
    for (roots, before) in [(1, 200_000), (1, 300), (900, 200_000), (900, 300)] {
        let root = format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{},
               "annotations":{{"org.opencontainers.image.ref.name":"team/app:v1"}}}}"#,
            sample.manifests[0].size()
        );
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![root; roots].join(","));
        let mut files = files.clone();
        let last = files.iter().position(|(_, content)| content.len() == before).unwrap();
        let last = files.remove(last);
        files.push(last);
        files.push(("index.json".to_owned(), index.clone().into_bytes()));
        for dress in DRESSES {
            let bytes = pack(&files, &dress);
            let (opened, reads) = open_limited(&bytes, Limits::default());
            assert_eq!(opened.unwrap().roots.len(), roots);
            let read: u64 = reads.iter().map(|range| range.end - range.start).sum();
            assert!(reads.len() < 20 && read < (2 << 20) + 2 * index.len() as u64, "{reads:?}");
        }
    }
}

#[test]
fn names_are_read_from_whichever_annotation_has_them() {
    let bundle = open(&pack(&files(), &PLAIN)).unwrap();
    let names: Vec<_> = bundle
        .roots
        .iter()
        .map(|root| (root.registry.as_deref(), root.repository.as_deref(), root.tag.as_deref()))
        .collect();
    assert_eq!(
        names,
        [
            (Some("r.example:5000"), Some("team/app"), Some("v1")),
            (None, None, Some("latest")),
            (Some("docker.io"), Some("library/alpine"), Some("3")),
            (None, Some("app"), Some("v2")),
            (None, None, None),
            (None, None, None),
            (None, None, None),
        ]
    );
    assert_eq!(bundle.roots[4].ref_name.as_deref(), Some("what is this?"));
}

#[test]
fn what_lies_beside_a_layout_is_passed_over() {
    let mut files = files();
    for name in ["manifest.json", "repositories", ".pad", ".void/abc", "blobs/sha256/not-a-digest", "README"]
    {
        files.insert(2, (name.to_owned(), b"{}".to_vec()));
    }
    assert_all_there(&pack(&files, &PLAIN), &files);
}

#[test]
fn large_entries_are_stepped_over() {
    let mut files = files();
    for n in 0..5_u8 {
        let layer = vec![n; 3 << 20];
        files.insert(0, (Digest::sha256(&layer).layout_path(), layer));
    }
    let bytes = pack(&files, &PLAIN);
    let (bundle, reads) = open_limited(&bytes, Limits::default());
    assert!(bundle.is_ok());
    let read: u64 = reads.iter().skip(1).map(|range| range.end - range.start).sum();
    assert!(reads.len() < 12 && read < 300_000, "{reads:?}");
}

#[test]
fn the_end_behind_a_large_entry_is_found() {
    let mut files = files();
    for last in [1 << 20, (3 << 20) + 1] {
        let layer = vec![9; last];
        files.push((Digest::sha256(&layer).layout_path(), layer));
        assert_all_there(&pack(&files, &PLAIN), &files);
    }
}

#[test]
fn a_bundle_of_ours_that_was_packed_anew_keeps_its_transfer_manifest() {
    let mut sample = Sample::default();
    sample.image("team/app", Some("v1"), &[vec![1; 5000]]);
    let folder = tempfile::tempdir().unwrap();
    let ours = sample.bundle(&[], None);
    tar::Archive::new(ours.as_slice()).unpack(folder.path()).unwrap();
    let packed = folder.path().join("packed.tar");
    let status = std::process::Command::new("tar")
        .args(["-C".as_ref(), folder.path().as_os_str(), "-cf".as_ref(), packed.as_os_str()])
        .args(["./blobs", "./index.json", "./oci-layout"])
        .status();
    assert!(status.unwrap().success());
    let bytes = std::fs::read(packed).unwrap();
    let bundle = open(&bytes).unwrap();
    assert_eq!(bundle.transfer.as_ref(), Some(&sample.transfer));
    assert_eq!(bundle.head_len, None);
    for (digest, content) in &sample.content {
        assert_eq!(read(&bundle, &bytes, digest), content);
    }
}

#[test]
fn every_bound_holds() {
    let ours = {
        let mut sample = Sample::default();
        sample.image("team/app", Some("v1"), &[vec![1; 5000]]);
        sample.bundle(&[], None)
    };
    let foreign = pack(&files(), &Dress { prefix: "./", gnu: true, ..PLAIN });
    let limits = Limits::default();
    for (what, bytes, limits) in [
        ("head", &ours, Limits { head_bytes_max: 4096, ..limits }),
        ("index.json", &ours, Limits { index_json_bytes_max: 100, ..limits }),
        ("index.json", &foreign, Limits { index_json_bytes_max: 100, ..limits }),
        ("entries", &ours, Limits { entries_max: 3, ..limits }),
        ("entries", &foreign, Limits { entries_max: 3, ..limits }),
        ("manifests", &foreign, Limits { roots_max: 3, ..limits }),
        ("bytes", &ours, Limits { transfer_bytes_max: 100, ..limits }),
        ("bytes", &ours, Limits { manifest_bytes_max: 100, ..limits }),
        ("name record", &foreign, Limits { extension_bytes_max: 100, ..limits }),
    ] {
        let error = open_limited(bytes, limits).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
}
