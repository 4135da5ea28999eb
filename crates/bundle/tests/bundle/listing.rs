//! What other programs see in a data section of ours: the same names and sizes, at the offsets we say.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use transload_bundle::{Entry, Placed, TRAILER_LEN, place, trailer};
use transload_oci::{Algorithm, Digest};

/// A listing: name, size, offset of the content where the program tells it.
type Listing = Vec<(String, u64)>;

/// Writes only headers and trailer; the content is a hole.
fn write_sparse(path: &Path, entries: &[Entry], void_every: usize) -> (Listing, Vec<u64>) {
    let (placed, data_len) = place(entries);
    let file = File::create(path).unwrap();
    file.set_len(data_len + TRAILER_LEN).unwrap();
    let mut listing = Vec::new();
    let mut offsets = Vec::new();
    for (n, Placed { entry, offset }) in placed.iter().enumerate() {
        let void = n % void_every == void_every - 1;
        let header = if void { entry.void_header() } else { entry.header() };
        file.write_all_at(&header, *offset).unwrap();
        let name = if void { format!(".void/{}", entry.digest.hex()) } else { entry.digest.layout_path() };
        listing.push((name, entry.size));
        offsets.push(offset + entry.header_len());
    }
    file.write_all_at(&trailer(), data_len).unwrap();
    (listing, offsets)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && stderr.is_empty(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Reads lines as `ls -l` prints them: the size in column `size`, the name in the last.
fn long_listing(text: &str, size: usize) -> Listing {
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    text.lines().map(fields).map(|f| (f.last().unwrap().clone(), f[size].parse().unwrap())).collect()
}

fn gnu_tar(path: &Path) -> Listing {
    long_listing(&run(Command::new("tar").arg("-tvf").arg(path)), 2)
}

fn bsdtar(path: &Path) -> Listing {
    long_listing(&run(Command::new("bsdtar").arg("-tvf").arg(path)), 4)
}

fn python(path: &Path) -> (Listing, Vec<u64>) {
    let script =
        "import sys, tarfile\nfor m in tarfile.open(sys.argv[1], 'r:'): print(m.name, m.size, m.offset_data)";
    let text = run(Command::new("python3").arg("-c").arg(script).arg(path));
    let fields = text.lines().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    fields.map(|f| ((f[0].clone(), f[1].parse().unwrap()), f[2].parse::<u64>().unwrap())).unzip()
}

fn rust_tar(path: &Path) -> (Listing, Vec<u64>) {
    let mut archive = tar::Archive::new(File::open(path).unwrap());
    let entries = archive.entries_with_seek().unwrap().map(Result::unwrap);
    let seen = |entry: tar::Entry<'_, File>| {
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        ((name, entry.size()), entry.raw_file_position())
    };
    entries.map(seen).unzip()
}

fn assert_all_agree(sizes: &[(u64, bool)], void_every: usize) {
    let entry = |(n, (size, long)): (usize, &(u64, bool))| {
        let algorithm = if *long { Algorithm::Sha512 } else { Algorithm::Sha256 };
        Entry::new(Digest::of(algorithm, &n.to_be_bytes()), *size)
    };
    let entries: Vec<Entry> = sizes.iter().enumerate().map(entry).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.tar");
    let (listing, offsets) = write_sparse(&path, &entries, void_every);
    assert_eq!(gnu_tar(&path), listing, "GNU tar");
    assert_eq!(bsdtar(&path), listing, "bsdtar");
    assert_eq!(python(&path), (listing.clone(), offsets.clone()), "Python");
    assert_eq!(rust_tar(&path), (listing, offsets), "the tar crate");
}

#[test]
fn every_edge_of_a_size_is_listed_alike() {
    let edges = [0, 1, 511, 512, 513, 1023, 1024, (8 << 30) - 1, 8 << 30, (8 << 30) + 1, 100 << 30];
    let sizes: Vec<(u64, bool)> = edges.iter().flat_map(|size| [(*size, false), (*size, true)]).collect();
    assert_all_agree(&sizes, usize::MAX);
    assert_all_agree(&sizes, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn any_set_of_sizes_is_listed_alike(
        sizes in prop::collection::vec(
            (
                prop_oneof![
                    0_u64..2000,
                    (0_u64..10).prop_map(|n| n * 512),
                    0_u64..(1 << 30),
                    (8_u64 << 30) - 1000..(8 << 30) + 1000,
                    (8_u64 << 30)..(1 << 37),
                ],
                any::<bool>(),
            ),
            1..25,
        ),
        void_every in 2_usize..20,
    ) {
        assert_all_agree(&sizes, void_every);
    }
}

#[test]
fn content_behind_an_entry_of_9_gib_comes_out_whole() {
    let content = b"the bytes behind it";
    let entries = [
        Entry::new(Digest::sha256(b"large"), 9 << 30),
        Entry::new(Digest::sha256(content), content.len() as u64),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.tar");
    let (_, offsets) = write_sparse(&path, &entries, usize::MAX);
    File::options().write(true).open(&path).unwrap().write_all_at(content, offsets[1]).unwrap();
    for program in ["tar", "bsdtar"] {
        let mut command = Command::new(program);
        command.arg("-xOf").arg(&path).arg(entries[1].digest.layout_path());
        assert_eq!(run(&mut command).as_bytes(), content, "{program}");
    }
}
