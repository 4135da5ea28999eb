//! Arbitrary bytes never make the opener panic, ask for what is not there, or go on for ever; and no single
//! changed byte of a head goes unnoticed.

use crate::support::{Sample, open, open_limited, open_stream};
use proptest::prelude::*;
use transload_bundle::{Limits, OpenBundle, Opener, Root};
use transload_oci::Descriptor;

fn bundle() -> Vec<u8> {
    let mut sample = Sample::default();
    let image = sample.image("team/app", Some("v1"), &[vec![1; 10], vec![2; 3000], vec![5; 3000]]);
    sample.referrer(image, Some("x.sig"));
    sample.bundle(&[], None)
}

/// The same content as another tool might pack it.
fn foreign() -> Vec<u8> {
    let ours = bundle();
    let mut archive = tar::Archive::new(ours.as_slice());
    let mut builder = tar::Builder::new(Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        builder.append_data(&mut header, format!("./{name}"), content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(open(&bytes).is_err());
    }

    #[test]
    fn random_headers_are_refused(
        fields in prop::collection::vec((0_usize..6000, any::<[u8; 12]>()), 1..8),
        fix in any::<bool>(),
    ) {
        let mut bytes = foreign();
        for (at, field) in fields {
            let at = at.min(bytes.len() - 512) / 512 * 512;
            bytes[at + 124..at + 136].copy_from_slice(&field);
            bytes[at + 156] = field[0];
            if fix {
                let mut header = tar::Header::from_byte_slice(&bytes[at..at + 512]).clone();
                header.set_cksum();
                bytes[at..at + 512].copy_from_slice(header.as_bytes());
            }
        }
        let _ = open(&bytes);
    }

    #[test]
    fn mutated_bundles_never_panic(
        ours in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        small in any::<bool>(),
    ) {
        let mut bytes = if ours { bundle() } else { foreign() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = if small {
            Limits { entries_max: 5, extension_bytes_max: 100, kept_bytes_max: 1000, ..Limits::default() }
        } else {
            Limits::default()
        };
        let (result, reads) = open_limited(&bytes, limits);
        prop_assert!(reads.len() < 100);
        if let Err(error) = result {
            prop_assert!(!error.to_string().is_empty() && !error.to_string().contains('\n'));
        }
    }
}

/// Changes bytes, sums the headers anew if that is wished, and cuts.
fn mutated(
    bytes: &mut Vec<u8>,
    changes: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
    fix: bool,
) {
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
        let record = at / 512 * 512;
        if fix && bytes[record + 257..].starts_with(b"ustar") {
            let mut header = tar::Header::from_byte_slice(&bytes[record..record + 512]).clone();
            header.set_cksum();
            bytes[record..record + 512].copy_from_slice(header.as_bytes());
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
}

proptest! {
    #[test]
    fn mutated_archives_and_streams_never_panic_and_are_judged_alike(
        which in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        fix in any::<bool>(),
        piece in 1_usize..2000,
    ) {
        let mut bytes = if which == 3 {
            foreign()
        } else {
            let name = ["docker-archive", "docker-layout-sparse", "docker-layers-packed"][which];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
            std::fs::read(format!("{folder}/{name}.tar")).unwrap()
        };
        mutated(&mut bytes, &changes, cut, fix);
        let (one, reads) = open_limited(&bytes, Limits::default());
        prop_assert!(reads.len() < 100);
        match (one, open_stream(&bytes, piece, Limits::default())) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(&one.catalog, &other.catalog);
                prop_assert_eq!(&one.roots, &other.roots);
                prop_assert_eq!(&one.made, &other.made);
                let inside = |extent: &transload_bundle::Extent| extent.range().end <= bytes.len() as u64;
                prop_assert!(one.catalog.values().all(inside));
            }
            (Err(one), Err(other)) => {
                prop_assert!(!one.to_string().contains('\n') && !other.to_string().contains('\n'));
            }
            (one, other) => prop_assert!(false, "{:?} or {:?}", one, other),
        }
    }
}

#[test]
fn a_changed_byte_of_a_head_is_noticed_or_changes_nothing() {
    let good = bundle();
    let expected = open(&good).unwrap();
    let head_len = expected.head_len.unwrap() as usize;
    let mut noticed = 0;
    for at in 0..head_len {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        match open(&bad) {
            Err(_) => noticed += 1,
            Ok(bundle) => {
                let named = |bundle: &OpenBundle| {
                    let root = |root: &Root| {
                        let Root { descriptor, registry, repository, tag, ref_name, referrer } = root.clone();
                        let Descriptor { media_type, digest, size, artifact_type, .. } = descriptor;
                        (
                            (registry, repository, tag, ref_name, referrer),
                            (media_type, digest, size, artifact_type),
                        )
                    };
                    bundle.roots.iter().map(root).collect::<Vec<_>>()
                };
                assert_eq!(bundle.transfer, expected.transfer, "byte {at}");
                assert_eq!(named(&bundle), named(&expected), "byte {at}");
                for (digest, extent) in &expected.catalog {
                    assert_eq!(bundle.catalog.get(digest), Some(extent), "byte {at}");
                }
            }
        }
    }
    // what is not noticed is the zeroes between entries and a few bytes that no reader looks at
    assert!(noticed * 3 > head_len, "{noticed} of {head_len}");
}

#[test]
fn a_cut_anywhere_is_noticed() {
    for bytes in [bundle(), foreign()] {
        assert!(open(&bytes).is_ok());
        for len in (0..bytes.len()).step_by(97).chain([bytes.len() - 1, bytes.len() - 512]) {
            assert!(open(&bytes[..len]).is_err(), "cut at {len}");
        }
    }
}

#[test]
fn a_file_that_is_shorter_than_its_length_is_truncated() {
    let bytes = bundle();
    let mut opener = Opener::new(bytes.len() as u64, Limits::default());
    let range = opener.want().unwrap();
    let error = opener.feed(&bytes[range.start as usize..range.end as usize - 1]).unwrap_err();
    assert_eq!(error.kind(), transload_bundle::ErrorKind::Truncated);
    assert!(Opener::new(100, Limits::default()).finish().is_err());
}
