use super::*;

const PARTS: [&[u8]; 3] = [b"first", b"second", b"third"];

fn open(folder: &Path, overwrite: bool) -> Result<FileStage, Error> {
    let options = StageOptions { overwrite, ..StageOptions::default() };
    FileStage::open(folder.join("b.tar"), "b.tar".into(), "b.tar".into(), &options)
}

fn block(i: usize) -> Block {
    let offset = PARTS[..i].iter().map(|p| p.len() as u64).sum();
    Block { id: BlockId([i as u8 + 1; 64]), offset, len: PARTS[i].len() as u64, index: i as u32 }
}

fn put(stage: &FileStage, i: usize) {
    stage.inner.put(&block(i), PARTS[i]).unwrap();
}

fn found(stage: &FileStage) -> Vec<u8> {
    stage.found.iter().map(|b| b.id.0[0] - 1).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_block_whose_bytes_were_lost_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let stage = open(folder.path(), false).unwrap();
    for i in 0..3 {
        put(&stage, i);
    }
    drop(stage);
    let partial = OpenOptions::new().write(true).open(folder.path().join("b.tar.partial")).unwrap();
    partial.write_all_at(b"?", 6).unwrap();
    assert_eq!(found(&open(folder.path(), false).unwrap()), [0, 2]);
    partial.set_len(14).unwrap();
    assert_eq!(found(&open(folder.path(), false).unwrap()), [0]);
    partial.set_len(0).unwrap();
    assert!(found(&open(folder.path(), false).unwrap()).is_empty());
}

#[test]
fn the_later_of_two_blocks_at_one_place_counts() {
    let folder = tempfile::tempdir().unwrap();
    let stage = open(folder.path(), false).unwrap();
    put(&stage, 0);
    put(&stage, 1);
    let over = Block { id: BlockId([10; 64]), offset: 3, len: 4, index: 0 };
    stage.inner.put(&over, b"over").unwrap();
    drop(stage);
    assert_eq!(found(&open(folder.path(), false).unwrap()), [9]);
}

#[test]
fn a_partial_without_a_journal_is_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.tar.partial"), b"something").unwrap();
    let stage = open(folder.path(), false).unwrap();
    assert!(found(&stage).is_empty());
    assert_eq!(fs::metadata(folder.path().join("b.tar.partial")).unwrap().len(), 0);
}

#[test]
fn a_crash_behind_the_visible_moment_leaves_nothing_for_long() {
    for linked in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let at = |suffix: &str| folder.path().join(format!("b.tar{suffix}"));
        let stage = open(folder.path(), false).unwrap();
        put(&stage, 0);
        drop(stage);
        if linked {
            fs::hard_link(at(".partial"), at("")).unwrap();
        } else {
            fs::rename(at(".partial"), at("")).unwrap();
        }
        assert_eq!(open(folder.path(), false).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(files(folder.path()), ["b.tar"]);

        fs::write(at(".partial.blocks"), b"transload blocks").unwrap();
        if linked {
            fs::hard_link(at(""), at(".partial")).unwrap();
        }
        let stage = open(folder.path(), true).unwrap();
        assert!(found(&stage).is_empty());
        put(&stage, 0);
        put(&stage, 1);
        assert_eq!(fs::read(at("")).unwrap(), b"first", "the published file is not written into");
        stage.inner.commit(&[block(0), block(1)]).unwrap();
        assert_eq!(files(folder.path()), ["b.tar"]);
        assert_eq!(fs::read(at("")).unwrap(), b"firstsecond");
    }
}

#[test]
fn an_unfinished_overwrite_is_kept_when_overwriting_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.tar"), b"old").unwrap();
    let stage = open(folder.path(), true).unwrap();
    put(&stage, 0);
    drop(stage);
    assert_eq!(open(folder.path(), false).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(found(&open(folder.path(), true).unwrap()), [0]);
}

#[test]
fn a_second_writer_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), false).unwrap();
    let error = open(folder.path(), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.detail().contains("another process"), "{error}");
    drop(first);
    open(folder.path(), false).unwrap();
}

#[test]
fn a_file_that_came_into_being_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let stage = open(folder.path(), false).unwrap();
    put(&stage, 0);
    fs::write(folder.path().join("b.tar"), b"theirs").unwrap();
    assert_eq!(stage.inner.commit(&[block(0)]).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(folder.path().join("b.tar")).unwrap(), b"theirs");
    drop(stage);
    assert_eq!(
        found(&open(folder.path(), true).unwrap()),
        [0],
        "what was staged is kept for another decision"
    );
}

#[test]
fn what_will_not_fit_is_refused_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = StageOptions { len: u64::MAX / 2, ..StageOptions::default() };
    let error = FileStage::open(folder.path().join("b"), "b".into(), "b".into(), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

#[test]
fn overlaps_are_found_at_either_end() {
    let placed = Placed::from([(10, (10, BlockId([0; 64]))), (30, (0, BlockId([1; 64])))]);
    for (range, hit) in [
        ((0, 10), None),
        ((0, 11), Some(10)),
        ((19, 25), Some(10)),
        ((20, 30), None),
        ((30, 30), Some(30)),
        ((12, 14), Some(10)),
    ] {
        assert_eq!(overlapping(&placed, range.0, range.1), hit, "{range:?}");
    }
}
