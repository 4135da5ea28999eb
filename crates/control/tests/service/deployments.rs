//! Deployments that are asked for again while they end: over PostgreSQL, whose every answer is waited for.

use transload_control::deployment::{DeploymentMode, DeploymentRecord, DeploymentState, DeploymentText};
use transload_control::ledger::PutDeployment;
use transload_control::resource::kind;
use transload_control::{Code, DeploymentSpec, Error, ResourceId};
use transload_testkit::peers::Postgres;
use uuid::Uuid;

use crate::lab::{Lab, group};
use crate::steps::{at_every_step, meet};

const LEASE: std::time::Duration = std::time::Duration::from_secs(600);

fn id() -> ResourceId {
    group("test").resource(kind::DEPLOYMENT, "main")
}

fn text(request: &str) -> DeploymentText {
    DeploymentText { request: Some(request.to_owned()), ..DeploymentText::default() }
}

impl Lab {
    async fn deploy(&self, request: &str) -> Result<PutDeployment, Error> {
        let spec = DeploymentSpec {
            operation: Uuid::new_v4(),
            depth: 0,
            state: DeploymentState::Accepted,
            record: DeploymentRecord::default(),
            text: text(request),
        };
        self.control.put_deployment(&self.owner, &id(), spec).await
    }

    /// Does whatever deployment is under way. Only the template of it is kept.
    async fn end(&self) {
        let ledger = self.control.ledger();
        if let Some(claim) = ledger.claim_deployment("server", LEASE, &[]).await.unwrap() {
            let there = claim.deployment;
            let kept = self.control.seal_deployment(there.operation, &DeploymentText::default()).unwrap();
            let state = DeploymentState::Succeeded;
            ledger.end_deployment(there.operation, claim.fence, state, &there.record, &kept).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_same_again_is_never_refused_as_it_ends() {
    let postgres = Postgres::start();
    let lab = Lab::over(postgres.database()).await;
    at_every_step(async |steps| {
        lab.deploy("one").await.unwrap();
        let (again, ended) = meet(steps, lab.deploy("one"), lab.end()).await;
        assert!(again.is_ok(), "after {steps} steps: {again:?}");
        lab.end().await;
        ended.is_some()
    })
    .await;
}

#[tokio::test]
async fn what_is_not_the_same_is_refused() {
    let lab = Lab::new().await;
    lab.deploy("one").await.unwrap();
    assert!(matches!(lab.deploy("one").await.unwrap(), PutDeployment::Active(_)));
    assert_eq!(lab.deploy("two").await.unwrap_err().code, Code::DeploymentActive);
    let complete = lab.control.same_deployment(&id(), &text("one"), DeploymentMode::Complete).await;
    assert_eq!(complete.unwrap_err().code, Code::DeploymentActive);
    lab.end().await;
    assert!(matches!(lab.deploy("two").await.unwrap(), PutDeployment::Put(_, false)));
}
