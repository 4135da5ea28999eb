//! Tars that come as a stream.

use bytes::Bytes;
use transload_bundle::{EntryForm, EntryRole, Error, ErrorKind, Limits, StreamEvent, StreamReader};
use transload_oci::Digest;

use crate::foreign::{DRESSES, PLAIN, files, pack};

/// An entry and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    name: String,
    form: EntryForm,
    offset: u64,
    content: Vec<u8>,
}

/// Reads a tar that comes in pieces of `piece` bytes.
fn read(tar: &[u8], piece: usize, limits: Limits) -> Result<Vec<Read>, Error> {
    let (mut reader, mut entries) = (StreamReader::new(limits), Vec::<(Read, u64)>::new());
    let mut ended = false;
    for chunk in tar.chunks(piece) {
        reader.feed(Bytes::copy_from_slice(chunk));
        while let Some(event) = reader.next()? {
            assert!(!ended, "{event:?} behind the end");
            match event {
                StreamEvent::Entry(entry) => {
                    let read = Read {
                        name: entry.name,
                        form: entry.form,
                        offset: entry.offset,
                        content: Vec::new(),
                    };
                    entries.push((read, entry.size));
                }
                StreamEvent::Data(bytes) => {
                    assert!(!bytes.is_empty());
                    entries.last_mut().unwrap().0.content.extend_from_slice(&bytes);
                }
                StreamEvent::End => ended = true,
            }
        }
    }
    assert_eq!(reader.offset(), tar.len() as u64);
    reader.finish()?;
    assert!(entries.iter().all(|(read, size)| read.content.len() as u64 == *size));
    Ok(entries.into_iter().map(|(read, _)| read).collect())
}

fn fails(tar: &[u8]) -> Error {
    let error = read(tar, 4096, Limits::default()).unwrap_err();
    assert_eq!(read(tar, 7, Limits::default()).unwrap_err(), error, "it depends on how the bytes come");
    error
}

#[test]
fn every_dress_is_read_however_the_bytes_come() {
    let files = files();
    for dress in DRESSES {
        let tar = pack(&files, &dress);
        let whole = read(&tar, usize::MAX, Limits::default()).unwrap();
        for piece in [1, 511, 512, 513, 1024, 100_000] {
            assert_eq!(read(&tar, piece, Limits::default()).unwrap(), whole, "pieces of {piece}");
        }
        let found: Vec<_> = whole
            .iter()
            .filter(|read| read.form == EntryForm::File)
            .map(|read| (read.name.clone(), read.content.clone()))
            .collect();
        assert_eq!(found, files);
        for Read { offset, content, .. } in &whole {
            assert_eq!(&tar[*offset as usize..][..content.len()], content);
        }
        assert_eq!(whole.iter().any(|read| read.form == EntryForm::Directory), dress.folders);
    }
}

#[test]
fn names_stand_for_what_they_do_in_a_layout() {
    let mut reader = StreamReader::new(Limits::default());
    reader.feed(pack(&files(), &PLAIN).into());
    let mut blobs = 0;
    while let Some(event) = reader.next().unwrap() {
        let StreamEvent::Entry(entry) = event else { continue };
        match entry.role() {
            EntryRole::Blob(digest) => {
                blobs += 1;
                assert_eq!(digest.layout_path(), entry.name);
            }
            EntryRole::Layout => assert_eq!(entry.name, "oci-layout"),
            EntryRole::Index => assert_eq!(entry.name, "index.json"),
            other => panic!("{other:?}: {entry:?}"),
        }
    }
    assert_eq!(blobs, files().len() - 2);
}

#[test]
fn a_stream_that_ends_early_is_told() {
    let tar = pack(&files(), &DRESSES[1]);
    let entries_end = tar.len() - 1024;
    for end in (1..tar.len()).step_by(97).chain([entries_end, entries_end + 512, tar.len() - 1]) {
        let error = fails(&tar[..end]);
        let expected = if end < 512 { ErrorKind::NotABundle } else { ErrorKind::Truncated };
        assert_eq!(error.kind(), expected, "cut at {end}: {error}");
    }
    assert_eq!(fails(&[]).kind(), ErrorKind::NotABundle);
}

#[test]
fn what_is_behind_the_end_is_passed_over() {
    let mut tar = pack(&files(), &PLAIN);
    let whole = read(&tar, 512, Limits::default()).unwrap();
    tar.extend_from_slice(&[0; 9000]);
    tar.extend_from_slice(b"a tape has more on it");
    assert_eq!(read(&tar, 300, Limits::default()).unwrap(), whole);
}

#[test]
fn links_are_shown_with_their_targets() {
    let long = format!("../{}/layer.tar", "f".repeat(120));
    for gnu in [true, false] {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, name, target) in [
            (tar::EntryType::Symlink, "a/layer.tar", "../b/layer.tar"),
            (tar::EntryType::Link, "hard", "b/layer.tar"),
            (tar::EntryType::Symlink, "long", &long),
        ] {
            let mut header = if gnu { tar::Header::new_gnu() } else { tar::Header::new_ustar() };
            header.set_entry_type(kind);
            header.set_size(0);
            if gnu {
                builder.append_link(&mut header, name, target).unwrap();
            } else {
                builder.append_pax_extensions([("linkpath", target.as_bytes())]).unwrap();
                header.set_path(name).unwrap();
                header.set_cksum();
                builder.append(&header, &[][..]).unwrap();
            }
        }
        let read = read(&builder.into_inner().unwrap(), 700, Limits::default()).unwrap();
        let forms: Vec<_> = read.into_iter().map(|read| read.form).collect();
        let symlink = |target: &str| EntryForm::Symlink(target.to_owned());
        let hard = EntryForm::HardLink("b/layer.tar".to_owned());
        assert_eq!(forms, [symlink("../b/layer.tar"), hard, symlink(&long)]);
    }
}

#[test]
fn what_nobody_honest_writes_is_refused() {
    let one = |name: &[u8], change: &dyn Fn(&mut tar::Header)| {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_size(3);
        header.set_entry_type(tar::EntryType::Regular);
        change(&mut header);
        header.set_cksum();
        [header.as_bytes().as_slice(), &[b'x'; 512], &[0; 1024]].concat()
    };
    for (tar, says) in [
        (one(b"/etc/passwd", &|_| {}), "absolute"),
        (one(b"blobs/../../x", &|_| {}), "'..'"),
        (one(b"\xff", &|_| {}), "UTF-8"),
        (one(b"", &|_| {}), "no name"),
        (one(b"x", &|header| header.set_entry_type(tar::EntryType::Fifo)), "no file and has content"),
        (one(b"x", &|header| header.set_entry_type(tar::EntryType::GNUSparse)), "type 'S'"),
        (
            one(b"x", &|header| {
                header.set_entry_type(tar::EntryType::Char);
                header.set_size(0);
            }),
            "device",
        ),
        (one(b"x", &|header| header.set_size(u64::MAX / 2)), "larger than any file"),
    ] {
        let error = fails(&tar);
        assert_eq!(error.kind(), ErrorKind::Hostile, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let mut flipped = one(b"oci-layout", &|_| {});
    flipped[3] ^= 1;
    assert_eq!(fails(&flipped).kind(), ErrorKind::Damaged);
}

#[test]
fn other_things_than_tars_are_named() {
    for (bytes, says) in [
        (&b"\x1f\x8b\x08\0\0\0\0\0"[..], "gzip"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"<html><body>Sign in</body></html>", "HTML"),
        (&[0; 2048], "zeroes"),
    ] {
        let error = fails(bytes);
        assert_eq!(error.kind(), ErrorKind::NotABundle);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn bounds_hold() {
    let tar = pack(&files(), &DRESSES[1]);
    let limits = Limits::default();
    for (limits, says) in [
        (Limits { entries_max: 3, ..limits }, "more than 3 entries"),
        (Limits { extension_bytes_max: 100, ..limits }, "name record"),
    ] {
        let error = read(&tar, 512, limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_bundle_of_ours_streams() {
    let mut sample = crate::support::Sample::default();
    sample.image("team/app", Some("v1"), &[vec![1; 5000], vec![5; 3000]]);
    let bundle = sample.bundle(&[], None);
    let read = read(&bundle, 1000, Limits::default()).unwrap();
    assert_eq!((read[0].name.as_str(), read[1].name.as_str()), ("oci-layout", "index.json"));
    for (digest, content) in &sample.content {
        let found = read.iter().find(|read| read.name == digest.layout_path()).unwrap();
        assert_eq!(Digest::of(digest.algorithm(), &found.content), *digest);
        assert_eq!(found.content, *content);
    }
}
