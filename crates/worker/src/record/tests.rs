use transload_oci::Digest;
use transload_transfer::{BlobOutcome, Code, Error, Events, Operation, Totals};

use super::*;

fn limits() -> Limits {
    Limits { warnings_max: 2, failed_max: 2, artifacts_max: 2, ..Limits::default() }
}

fn artifact(source: &str, target: Option<&str>, status: ArtifactStatus, error: Option<Error>) -> Event {
    let artifact = ArtifactReport {
        source: source.to_owned(),
        target: target.map(str::to_owned),
        digest: None,
        media_type: None,
        artifact_type: None,
        platforms: Vec::new(),
        platforms_dropped: Vec::new(),
        original_digest: None,
        referrers: Vec::new(),
        foreign_layers: Vec::new(),
        bytes: 0,
        status,
        error,
    };
    Event::ArtifactFinished { artifact: Box::new(artifact) }
}

fn planned(bytes: u64) -> Event {
    let totals = Totals { bytes_moved: bytes, ..Totals::default() };
    Event::Planned { operation: Operation::Import, totals }
}

fn moved(bytes: u64) -> Event {
    Event::BlobProgress { digest: digest(), bytes }
}

fn digest() -> Digest {
    Digest::sha256(b"x")
}

fn after(events: &[Event]) -> Record {
    let mut record = Record::default();
    for event in events {
        fold(&mut record, event, Task::Import, &limits());
    }
    record
}

#[test]
fn the_percentage_follows_the_bytes_and_leaves_100_to_the_end() {
    let resolved = Event::Resolved { artifact: "a".to_owned(), digest: digest(), manifests: 1, blobs: 1 };
    let committed = Event::Committed { location: "x".to_owned(), bytes: 1 };
    let table: &[(&[Event], u8, u64)] = &[
        (&[], 0, 0),
        (std::slice::from_ref(&resolved), 1, 0),
        (&[resolved.clone(), planned(1000)], 2, 0),
        (&[planned(1000), moved(500)], 49, 500),
        (&[planned(1000), moved(500), moved(500)], 97, 1000),
        // what was sent twice does not count twice
        (&[planned(1000), moved(900), moved(900)], 97, 1000),
        (&[planned(1000), Event::Resumed { bytes: 500 }], 49, 500),
        (&[planned(0), moved(10)], 2, 0),
        (&[planned(u64::MAX), moved(u64::MAX)], 97, u64::MAX),
        (&[planned(1000), committed], 99, 0),
    ];
    for (events, percentage, bytes) in table {
        let record = after(events);
        assert_eq!((record.percentage, record.bytes_moved), (*percentage, *bytes), "{events:?}");
    }
}

#[test]
fn the_percentage_never_falls_whatever_comes() {
    let finished = Event::BlobFinished { digest: digest(), size: 5, outcome: BlobOutcome::Failed };
    let failed = Event::Failed { error: Error::new(Code::Internal, "", "x") };
    let events = [planned(100), moved(60), finished, planned(1000), moved(1), failed, planned(0), moved(0)];
    let mut record = Record::default();
    for event in &events {
        let before = record.percentage;
        fold(&mut record, event, Task::Export, &limits());
        assert!(record.percentage >= before, "{event:?}");
    }
    // nor from one attempt to the next
    let before = record.percentage;
    begin(&mut record);
    assert_eq!((record.percentage, record.bytes_moved, record.error), (before, 0, None));
}

#[test]
fn artifacts_go_by_their_names_in_the_registry_each_once_and_within_bounds() {
    let record = after(&[
        artifact("far.test/team/app:v1", Some("near.test:5000/team/app:v1"), ArtifactStatus::Imported, None),
        artifact("far.test/team/app:v1", Some("near.test:5000/team/app:v1"), ArtifactStatus::Unchanged, None),
        artifact("far.test/team/web:v1", None, ArtifactStatus::Exported, None),
        artifact("far.test/team/more:v1", None, ArtifactStatus::Exported, None),
        artifact("far.test/team/skipped:v1", None, ArtifactStatus::Skipped, None),
    ]);
    assert_eq!(record.artifacts, ["team/app:v1", "team/web:v1"]);
    assert_eq!(record.failed, []);
}

#[test]
fn failures_and_warnings_are_told_within_bounds() {
    let error = Error::new(Code::TagConflict, "near.test/team/app:v1", "the tag exists with another digest");
    let warning = |message: &str| Event::Warning { message: message.to_owned() };
    let mut events = vec![warning("one"), warning("one"), warning("two"), warning("three")];
    for name in ["a:1", "b:1", "c:1"] {
        events.push(artifact(name, None, ArtifactStatus::Failed, Some(error.clone())));
    }
    events.push(Event::Failed { error });
    let record = after(&events);
    assert_eq!(record.warnings, ["one", "two"]);
    assert_eq!(record.failed.len(), 2);
    assert_eq!((record.failed[0].artifact.as_str(), record.failed[0].code.as_str()), ("a:1", "TagConflict"));
    let why = record.error.unwrap();
    assert_eq!(why.code, "TagConflict");
    assert!(
        why.message.contains("another digest") && why.message.contains("OverwriteTags"),
        "{}",
        why.message
    );
}

#[test]
fn observers_may_be_many_threads() {
    let record = std::sync::Arc::new(parking_lot::Mutex::new(after(&[planned(4000)])));
    let seen = std::sync::Arc::clone(&record);
    let events = Events::to(std::sync::Arc::new(move |event: &Event| {
        fold(&mut seen.lock(), event, Task::Import, &limits());
    }));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| events.send(&moved(1))));
        }
    });
    let record = record.lock();
    assert_eq!((record.bytes_moved, record.percentage), (4000, 97));
}
