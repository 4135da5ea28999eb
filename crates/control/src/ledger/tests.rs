//! What only the inside of a ledger shows: how SQLite is set up, and a disk that is full.

use tempfile::TempDir;
use transload_resource_id::ResourceId;

use super::*;
use crate::resource::{Body, Group};
use crate::run::Work;

async fn open() -> (Ledger, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("ledger.db").to_str().unwrap().to_owned();
    (Ledger::open(&url.into(), LedgerLimits::default()).await.unwrap(), folder)
}

#[tokio::test]
async fn what_was_committed_is_on_the_disk() {
    let (ledger, _folder) = open().await;
    let mut tx = ledger.db.begin().await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(tx.on()).await.unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(tx.on()).await.unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"), "FULL");
    let written =
        sqlx::query("INSERT INTO meta (key, value) VALUES ('a', 'b')").execute(&ledger.db.read).await;
    assert!(written.is_err(), "those who read do not write");
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_loses_nothing() {
    let (ledger, _folder) = open().await;
    let mut tx = ledger.db.begin().await.unwrap();
    // of this connection alone, and it is the only one that writes
    sqlx::query("PRAGMA max_page_count = 120").fetch_one(tx.on()).await.unwrap();
    drop(tx);
    let body = Body::Group(Group { location: "x".repeat(2000), ..Group::default() });
    let mut put = 0;
    let refused = loop {
        let id = ResourceId::group_of("s", &format!("g{put}"));
        match ledger.put(&id, &body, "me", Expect::Any).await {
            Ok(_) => put += 1,
            Err(refused) => break refused,
        }
    };
    assert!(put > 0 && refused.message.contains("the disk is full: make room"), "{put} {refused}");
    for number in 0..put {
        let id = ResourceId::group_of("s", &format!("g{number}"));
        assert!(ledger.get(&id).await.unwrap().is_some(), "{number}");
    }
    assert_eq!(ledger.get(&ResourceId::group_of("s", &format!("g{put}"))).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_not_wanted_keeps_nobody_awake() {
    let (ledger, _folder) = open().await;
    let id = ResourceId::group_of("s", "g").resource("t.t/t", "p");
    let run = |name: &str, work| NewRun {
        id: id.child("pipelineRuns", name),
        operation: uuid::Uuid::new_v4(),
        location: None,
        work,
        force_update_tag: None,
        correlation: String::new(),
        by: "me".to_owned(),
    };
    let import = Work::Import {
        pipeline: id.clone(),
        source_kind: String::new(),
        blob: "b".to_owned(),
        catalog_digest: None,
        triggered_at: None,
    };
    ledger.put_run(&run("import", import)).await.unwrap();
    assert!(ledger.next_due(Wanted::Anything).await.unwrap() < Duration::MAX);
    assert_eq!(ledger.next_due(Wanted::Checks).await.unwrap(), Duration::MAX);
    ledger.put_run(&run("check", Work::Check { subject: id.clone() })).await.unwrap();
    assert!(ledger.next_due(Wanted::Checks).await.unwrap() < Duration::MAX);
}

#[test]
fn marks_of_pages_are_read_back() {
    for number in [0, 1, 4_711, i64::MAX] {
        assert!(matches!(sql::number_cursor(Some(&sql::number_after(number))), Ok(read) if read == number));
    }
    for name in ["", "a", "ä/\u{1f980} '\"%"] {
        assert!(matches!(sql::name_cursor(Some(&sql::name_after(name))), Ok(read) if read == name));
    }
    for bad in ["", "n", "k1", "kzz", "n1g", "1", "kff"] {
        assert!(sql::number_cursor(Some(bad)).is_err(), "{bad}");
        assert!(sql::name_cursor(Some(bad)).is_err() || bad == "k", "{bad}");
    }
}
