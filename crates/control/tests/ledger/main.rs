//! What a ledger does, on both databases.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod sample;

use sample::*;
use transload_control::ledger::{Beat, DeletedRun, Ending, Expect, PutOutcome};
use transload_control::run::{Record, RunState};

#[tokio::test]
async fn smoke() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path().join("ledger.db").to_str().unwrap()).await;
    let put = ledger.put(&registry(), &registry_body(), "me", Expect::Absent).await.unwrap();
    assert!(put.created);
    let run = new_run("r1", "p1");
    assert_eq!(ledger.put_run(&run).await.unwrap().outcome, PutOutcome::Created);
    let claim = ledger.claim("w", LEASE).await.unwrap().unwrap();
    assert_eq!(ledger.beat(&claim, LEASE, None).await.unwrap(), Beat::Go);
    let done = ledger.finish(&claim, &Ending::Succeeded, &Record::default()).await.unwrap();
    assert_eq!(done, Beat::Go);
    let operation = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!(operation.state, RunState::Succeeded);
    assert_eq!(ledger.delete_run(&run.id).await.unwrap(), DeletedRun::Gone);
}
