//! Archives of `docker save`, of both kinds.

use transload_bundle::{Error, ErrorKind, Format, Limits, OpenBundle};
use transload_oci::{Digest, Manifest};

use crate::support::{Content, file, open, open_limited, open_stream, read, tar_of};

/// The first bytes of a gzip stream; nobody unpacks it here.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03 more or less";

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let ids: Vec<String> = layers.iter().map(|layer| format!("\"{}\"", Digest::sha256(layer))).collect();
    format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    )
    .into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    Digest::sha256(bytes).hex()
}

type Entries = Vec<(String, Content)>;

/// Two images that share a layer, as docker 1.10 to 24 writes them: the shared layer is a link.
fn archive() -> Entries {
    let (base, app) = (vec![1; 3000], vec![2; 70_000]);
    let (one, two) = (config(&[&base, &app]), config(&[&base]));
    let manifest = format!(
        r#"[{{"Config":"{0}.json","RepoTags":["registry.example:5000/team/app:v1","app:latest"],"Layers":["aaa/layer.tar","bbb/layer.tar"]}},
            {{"Config":"{1}.json","RepoTags":null,"Layers":["ccc/layer.tar"]}}]"#,
        hex(&one),
        hex(&two)
    );
    vec![
        ("aaa/VERSION".to_owned(), file("1.0")),
        ("aaa/json".to_owned(), file("{}")),
        ("aaa/layer.tar".to_owned(), file(base)),
        ("bbb/layer.tar".to_owned(), file(app)),
        ("ccc/layer.tar".to_owned(), Content::Link("../aaa/layer.tar")),
        (format!("{}.json", hex(&one)), file(one)),
        (format!("{}.json", hex(&two)), file(two)),
        ("manifest.json".to_owned(), file(manifest)),
        ("repositories".to_owned(), file("{}")),
    ]
}

fn pack(entries: &[(String, Content)]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    tar_of(&entries)
}

/// Opens it both ways, which have to agree.
fn both(tar: &[u8]) -> Result<OpenBundle, Error> {
    let opened = open(tar);
    for piece in [1000, usize::MAX] {
        match (&opened, open_stream(tar, piece, Limits::default())) {
            (Ok(one), Ok(other)) => {
                assert_eq!(
                    (&one.roots, &one.catalog, &one.made),
                    (&other.roots, &other.catalog, &other.made)
                );
                assert_eq!(one.format, other.format);
            }
            (Err(one), Err(other)) => assert_eq!(*one, other),
            (one, other) => panic!("{one:?} or {other:?}"),
        }
    }
    opened
}

fn manifest(bundle: &OpenBundle, digest: &Digest) -> Manifest {
    let bytes = bundle.cached(digest).unwrap();
    Manifest::parse(None, Some(digest), bytes).unwrap()
}

#[test]
fn a_docker_archive_gets_manifests_made_for_it() {
    let tar = pack(&archive());
    let bundle = both(&tar).unwrap();
    assert_eq!(bundle.format, Format::DockerArchive);
    let names: Vec<_> = bundle
        .roots
        .iter()
        .map(|root| (root.registry.as_deref(), root.repository.as_deref(), root.tag.as_deref()))
        .collect();
    let app = (Some("registry.example:5000"), Some("team/app"), Some("v1"));
    assert_eq!(names, [app, (None, Some("app"), Some("latest")), (None, None, None)]);
    assert_eq!(bundle.made.len(), 2, "one manifest for two names of one image");
    for root in &bundle.roots {
        let manifest = manifest(&bundle, &root.descriptor.digest);
        assert_eq!(bundle.size_of(&root.descriptor.digest), Some(root.descriptor.size));
        for blob in &manifest.view.children.blobs {
            let content = read(&bundle, &tar, &blob.digest);
            assert_eq!((Digest::sha256(content), content.len() as u64), (blob.digest, blob.size));
        }
    }
    let types = |index: usize| {
        let manifest = manifest(&bundle, &bundle.roots[index].descriptor.digest);
        let blobs = manifest.view.children.blobs;
        blobs.into_iter().map(|blob| blob.media_type).collect::<Vec<_>>()
    };
    let layer = "application/vnd.oci.image.layer.v1.tar";
    assert_eq!(types(0), ["application/vnd.oci.image.config.v1+json", layer, layer]);
    assert_eq!(types(2).len(), 2);
}

#[test]
fn the_manifests_made_do_not_depend_on_the_order_in_the_tar() {
    let mut entries = archive();
    let first = both(&pack(&entries)).unwrap();
    for _ in 0..entries.len() {
        entries.rotate_left(1);
        let other = both(&pack(&entries)).unwrap();
        assert_eq!((&first.made, &first.roots), (&other.made, &other.roots));
    }
}

#[test]
fn a_compressed_layer_is_named_by_the_bytes_it_has() {
    let config = config(&[b"what it is once it is unpacked"]);
    let manifest =
        format!(r#"[{{"Config":"sha256:{}","RepoTags":["a:b"],"Layers":["x.tar.gz"]}}]"#, hex(&config));
    let name = format!("sha256:{}", hex(&config));
    let tar =
        tar_of(&[("x.tar.gz", file(GZIPPED)), (&name, file(config)), ("manifest.json", file(manifest))]);
    let bundle = both(&tar).unwrap();
    let made = self::manifest(&bundle, &bundle.roots[0].descriptor.digest);
    let layer = &made.view.children.blobs[1];
    assert_eq!(layer.digest, Digest::sha256(GZIPPED));
    assert_eq!(layer.media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(read(&bundle, &tar, &layer.digest), GZIPPED);
}

#[test]
fn a_large_compressed_layer_is_hashed_in_pieces() {
    let layer = [GZIPPED, &vec![3; (17 << 20) + 5]].concat();
    let config = config(&[b"unpacked"]);
    let tar = tar_of(&[
        ("layer", file(layer.as_slice())),
        ("config", file(config)),
        ("manifest.json", file(r#"[{"Config":"config","RepoTags":["a:b"],"Layers":["layer"]}]"#)),
    ]);
    let bundle = both(&tar).unwrap();
    assert!(bundle.catalog.contains_key(&Digest::sha256(&layer)));
    let longest = open_limited(&tar, Limits::default()).1.iter().map(|range| range.end - range.start).max();
    assert!(longest <= Some(8 << 20), "{longest:?}");
}

#[test]
fn archives_that_contradict_themselves_are_refused() {
    let good = archive();
    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut entries = good.clone();
        change(&mut entries);
        pack(&entries)
    };
    let put = |name: &'static str, content: Content| {
        move |entries: &mut Entries| {
            entries.retain(|(other, _)| other != name);
            entries.push((name.to_owned(), content.clone()));
        }
    };
    let base = vec![1; 3000];
    let other_config = config(&[&base]);
    let list = |config: &str, layers: &str| {
        file(format!(r#"[{{"Config":"{config}","RepoTags":["a:b"],"Layers":[{layers}]}}]"#))
    };
    use ErrorKind::{Damaged, Hostile, NotABundle};
    for (tar, kind, says) in [
        (
            changed(&|entries| entries.retain(|(name, _)| name != "bbb/layer.tar")),
            Damaged,
            "bbb/layer.tar: manifest.json names",
        ),
        (changed(&|entries| entries.retain(|(name, _)| name.len() != 69)), Damaged, "it is missing"),
        (changed(&put("ccc/layer.tar", Content::Link("../../etc/passwd"))), Hostile, "leads out"),
        (changed(&put("ccc/layer.tar", Content::Link("/etc/passwd"))), Hostile, "leads out"),
        (changed(&put("ccc/layer.tar", Content::Link("../ccc/layer.tar"))), Hostile, "without end"),
        (changed(&put("manifest.json", list("../config", ""))), Hostile, "'..'"),
        (changed(&put("manifest.json", list("/config", ""))), Hostile, "absolute"),
        (changed(&put("manifest.json", list("aaa/json", r#""aaa/layer.tar""#))), Damaged, "names 0 layers"),
        (changed(&put("manifest.json", list("aaa/VERSION", ""))), Damaged, "cannot be read"),
        (changed(&put("manifest.json", file("[]"))), NotABundle, "lists no image"),
        (changed(&put("manifest.json", file("{\"a\":"))), NotABundle, "cannot be read"),
        (
            changed(&|entries| {
                for (name, content) in entries {
                    if name.len() == 69 {
                        *content = file(other_config.as_slice());
                    }
                }
            }),
            Damaged,
            "its bytes have the digest",
        ),
        (changed(&|entries| entries.push(("aaa/layer.tar".to_owned(), file("again")))), Hostile, "twice"),
        (
            changed(&|entries| entries.retain(|(name, _)| name != "manifest.json")),
            NotABundle,
            "older than 1.10",
        ),
        (
            // two files that cannot both have the digest that the config gives them
            tar_of(&[
                ("x", file(vec![7; 5])),
                ("y", file(vec![7; 6])),
                ("c", file(format!(r#"{{"rootfs":{{"diff_ids":["{0}","{0}"]}}}}"#, Digest::sha256(&[7; 5])))),
                ("manifest.json", list("c", r#""x","y""#)),
            ]),
            Damaged,
            "y: its config gives it the digest",
        ),
    ] {
        let error = both(&tar).expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn bounds_hold_for_archives() {
    let tar = pack(&archive());
    let limits = Limits::default();
    for (limits, says) in [
        (Limits { roots_max: 1, ..limits }, "2 images"),
        (Limits { names_bytes_max: 20, ..limits }, "names of the files"),
        (Limits { manifest_bytes_max: 100, ..limits }, "more than the 100 allowed"),
        (Limits { documents_bytes_max: 500, ..limits }, "would have to be made"),
    ] {
        let error = open_limited(&tar, limits).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = open_stream(&tar, 4096, Limits { documents_bytes_max: 10, ..limits }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().contains("too many to be kept"), "{error}");
}

/// What docker writes since 25: an image layout with `manifest.json` beside it.
fn saved_layout(annotations: &str) -> Vec<u8> {
    let layer = vec![4; 5000];
    let config = config(&[&layer]);
    let blob = |bytes: &[u8], kind: &str| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{}","size":{}}}"#,
            Digest::sha256(bytes),
            bytes.len()
        )
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        blob(&config, "config.v1+json"),
        blob(&layer, "layer.v1.tar")
    )
    .into_bytes();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}{annotations}}}]}}"#,
        Digest::sha256(&manifest),
        manifest.len()
    );
    let path = |bytes: &[u8]| Digest::sha256(bytes).layout_path();
    let saved = format!(
        r#"[{{"Config":"{}","RepoTags":["team/app:v1","other:v2"],"Layers":["{}"],"LayerSources":{{}}}}]"#,
        path(&config),
        path(&layer)
    );
    tar_of(&[
        (&path(&layer), file(layer.clone())),
        (&path(&config), file(config.clone())),
        (&path(&manifest), file(manifest.clone())),
        ("index.json", file(index)),
        ("manifest.json", file(saved)),
        ("oci-layout", file(r#"{"imageLayoutVersion":"1.0.0"}"#)),
        ("repositories", file("{}")),
    ])
}

#[test]
fn a_saved_layout_keeps_its_own_names_and_takes_those_of_manifest_json_otherwise() {
    for (annotations, expected) in [
        (
            r#","annotations":{"io.containerd.image.name":"docker.io/library/alpine:3","org.opencontainers.image.ref.name":"3"}"#,
            vec![(Some("docker.io"), Some("library/alpine"), Some("3"))],
        ),
        ("", vec![(None, Some("team/app"), Some("v1")), (None, Some("other"), Some("v2"))]),
    ] {
        let bundle = both(&saved_layout(annotations)).unwrap();
        assert_eq!(bundle.format, Format::Layout);
        let name = |root: &transload_bundle::Root| {
            (root.registry.clone(), root.repository.clone(), root.tag.clone())
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let names: Vec<_> = bundle.roots.iter().map(name).collect();
        let expected: Vec<_> = expected.into_iter().map(|(r, n, t)| (owned(r), owned(n), owned(t))).collect();
        assert_eq!(names, expected);
    }
}
