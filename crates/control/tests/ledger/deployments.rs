//! Deployments: asked for, claimed, done, forgotten.

use time::OffsetDateTime;
use transload_control::deployment::{
    Deployment, DeploymentMode, DeploymentRecord, DeploymentState, DeploymentStep,
};
use transload_control::ledger::{
    DeletedDeployment, DeploymentBeat, DeploymentClaim, LedgerLimits, NewDeployment, PutDeployment,
};
use transload_control::resource::kind;
use transload_control::{Ledger, ResourceId};
use uuid::Uuid;

use crate::sample::*;
use crate::stage::Stage;

fn id(name: &str) -> ResourceId {
    group().resource(kind::DEPLOYMENT, name)
}

pub(crate) fn new(name: &str) -> NewDeployment {
    NewDeployment {
        id: id(name),
        operation: Uuid::new_v4(),
        depth: 0,
        state: DeploymentState::Accepted,
        record: DeploymentRecord { mode: DeploymentMode::Complete, ..DeploymentRecord::default() },
        sealed: "c2VhbGVk".to_owned(),
    }
}

pub(crate) async fn asked(ledger: &Ledger, new: &NewDeployment) -> Deployment {
    match ledger.put_deployment(new).await.unwrap() {
        PutDeployment::Put(deployment, _) => deployment,
        PutDeployment::Active(there) => panic!("{} is under way", there.id),
    }
}

pub(crate) async fn claimed(ledger: &Ledger) -> DeploymentClaim {
    ledger.claim_deployment("server", LEASE, &[]).await.unwrap().unwrap()
}

pub(crate) async fn ended(ledger: &Ledger, claim: &DeploymentClaim, state: DeploymentState) -> bool {
    let deployment = &claim.deployment;
    let done = ledger.end_deployment(deployment.operation, claim.fence, state, &deployment.record, "").await;
    done.unwrap()
}

fn step(name: &str, state: DeploymentState) -> DeploymentStep {
    DeploymentStep {
        id: name.to_owned(),
        action: "Create".to_owned(),
        target: Some(registry()),
        symbolic_name: Some("reg".to_owned()),
        made: None,
        state,
        status: Some(201),
        error: None,
        started_at: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
        finished_at: None,
    }
}

pub(crate) async fn one_is_asked_for_and_found(stage: &Stage) {
    let ledger = &stage.ledger;
    let asked_for = new("One");
    let put = asked(ledger, &asked_for).await;
    let found = ledger.deployment(&id("one")).await.unwrap().unwrap();
    assert_eq!(found, put);
    assert_eq!((found.id.as_str(), found.operation), (id("One").as_str(), asked_for.operation));
    assert_eq!(found.record, asked_for.record);
    let sealed = ledger.sealed_deployment(asked_for.operation).await.unwrap();
    assert_eq!(sealed.as_deref(), Some("c2VhbGVk"));
    assert_eq!(ledger.sealed_deployment(Uuid::new_v4()).await.unwrap(), None);
    assert_eq!(ledger.deployment(&id("two")).await.unwrap(), None);
    for name in ["two", "three"] {
        asked(ledger, &new(name)).await;
    }
    let page = ledger.deployments(&group(), None, None, 2).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|one| one.id.name().to_owned()).collect();
    assert_eq!(names, ["three", "two"], "the newest first");
    let page = ledger.deployments(&group(), None, page.next.as_deref(), 2).await.unwrap();
    assert_eq!((page.items[0].id.name(), page.next), ("One", None));
    let claim = claimed(ledger).await;
    assert!(ended(ledger, &claim, DeploymentState::Failed).await);
    let page = ledger.deployments(&group(), Some(DeploymentState::Failed), None, 9).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let elsewhere = ResourceId::group_of("s1", "elsewhere");
    assert!(ledger.deployments(&elsewhere, None, None, 9).await.unwrap().items.is_empty());
}

pub(crate) async fn one_that_is_under_way_is_left_alone(stage: &Stage) {
    let ledger = &stage.ledger;
    let first = asked(ledger, &new("one")).await;
    let PutDeployment::Active(there) = ledger.put_deployment(&new("ONE")).await.unwrap() else {
        panic!("replaced")
    };
    assert_eq!(there.operation, first.operation);
    assert!(matches!(ledger.delete_deployment(&id("one")).await.unwrap(), DeletedDeployment::Active(_)));
    let active = ledger.active_deployment(&id("One")).await.unwrap();
    assert_eq!(active, Some((first, "c2VhbGVk".to_owned())), "with what was sent for it");
    let claim = claimed(ledger).await;
    ended(ledger, &claim, DeploymentState::Succeeded).await;
    assert_eq!(ledger.active_deployment(&id("one")).await.unwrap(), None);
    assert_eq!(ledger.delete_deployment(&id("one")).await.unwrap(), DeletedDeployment::Gone);
    assert_eq!(ledger.delete_deployment(&id("one")).await.unwrap(), DeletedDeployment::Absent);
}

pub(crate) async fn another_of_the_same_name_takes_its_place(stage: &Stage) {
    let ledger = &stage.ledger;
    let first = asked(ledger, &new("one")).await;
    asked(ledger, &new("two")).await;
    let claim = claimed(ledger).await;
    let noted = step("s", DeploymentState::Succeeded);
    assert!(ledger.note_deployment_step(first.operation, claim.fence, &noted).await.unwrap());
    ended(ledger, &claim, DeploymentState::Succeeded).await;
    let put = ledger.put_deployment(&new("one")).await.unwrap();
    let PutDeployment::Put(second, created) = put else { panic!("left alone") };
    assert!(!created && second.operation != first.operation);
    let old = ledger.deployment_steps(first.operation, None, 9).await.unwrap();
    assert!(old.items.is_empty(), "its steps are gone");
    let page = ledger.deployments(&group(), None, None, 9).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|one| one.id.name()).collect();
    assert_eq!(names, ["one", "two"], "it is the newest now");
}

pub(crate) async fn a_history_has_an_end(stage: &Stage) {
    let few = stage.another(LedgerLimits { deployments_per_group_max: 3, ..limits() }).await;
    asked(&few, &new("active")).await;
    let active = claimed(&few).await;
    for number in 0..5 {
        asked(&few, &new(&format!("n{number}"))).await;
        let claim = claimed(&few).await;
        ended(&few, &claim, DeploymentState::Succeeded).await;
    }
    let page = few.deployments(&group(), None, None, 99).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|one| one.id.name()).collect();
    assert_eq!(names, ["n4", "n3", "n2", "active"], "what is under way is not forgotten");
    assert!(ended(&few, &active, DeploymentState::Succeeded).await);
    few.close().await;
}

/// Nested in another, and ended.
async fn nested_and_ended(ledger: &Ledger, name: &str, parent: &Deployment) {
    let claim = nested_and_claimed(ledger, name, parent).await;
    assert!(ended(ledger, &claim, DeploymentState::Succeeded).await);
}

async fn nested_and_claimed(ledger: &Ledger, name: &str, parent: &Deployment) -> DeploymentClaim {
    asked(ledger, &nested(name, parent)).await;
    ledger.claim_deployment("server", LEASE, &[0]).await.unwrap().unwrap()
}

pub(crate) fn nested(name: &str, parent: &Deployment) -> NewDeployment {
    let new = new(name);
    let parent = Some((parent.id.clone(), parent.operation));
    NewDeployment { depth: 1, record: DeploymentRecord { parent, ..new.record }, ..new }
}

pub(crate) async fn what_is_nested_in_one_under_way_is_not_forgotten(stage: &Stage) {
    let few = stage.another(LedgerLimits { deployments_per_group_max: 3, ..limits() }).await;
    let names = || async {
        let page = few.deployments(&group(), None, None, 99).await.unwrap();
        page.items.iter().map(|one| one.id.name().to_owned()).collect::<Vec<_>>()
    };
    for number in 0..3 {
        asked(&few, &new(&format!("old{number}"))).await;
        let claim = claimed(&few).await;
        ended(&few, &claim, DeploymentState::Succeeded).await;
    }
    let parent = asked(&few, &new("parent")).await;
    let claim = claimed(&few).await;
    for number in 0..5 {
        nested_and_ended(&few, &format!("in{number}"), &parent).await;
    }
    let all = ["in4", "in3", "in2", "in1", "in0", "parent", "old2", "old1"];
    assert_eq!(names().await, all, "its parent asks for each of them, and none pushes out another");
    assert!(ended(&few, &claim, DeploymentState::Succeeded).await);
    asked(&few, &new("next")).await;
    assert_eq!(names().await, ["next", "in4", "in3", "in2", "parent", "old2"], "of each kind as many");
    few.close().await;
}

pub(crate) async fn so_many_are_nested_in_one_at_whatever_depth(stage: &Stage) {
    let few = stage.another(LedgerLimits { nested_deployments_max: 3, ..limits() }).await;
    let root = asked(&few, &new("root")).await;
    let child = asked(&few, &nested("child", &root)).await;
    for name in ["deep1", "deep2"] {
        asked(&few, &nested(name, &child)).await;
    }
    for parent in [&root, &child] {
        let refused = few.put_deployment(&nested("more", parent)).await.unwrap_err();
        assert!(refused.message.contains("More than 3 deployments"), "{refused}");
    }
    let other = asked(&few, &new("other")).await;
    asked(&few, &nested("its", &other)).await;
    few.close().await;
}

pub(crate) async fn what_is_nested_stops_when_its_parent_has_ended(stage: &Stage) {
    let ledger = &stage.ledger;
    let parent = asked(ledger, &new("parent")).await;
    let (other, claim) = (asked(ledger, &new("other")).await, claimed(ledger).await);
    let inner = nested_and_claimed(ledger, "inner", &parent).await;
    let its = nested_and_claimed(ledger, "its", &other).await;
    assert!(!inner.deployment.stopping);
    assert!(ended(ledger, &claim, DeploymentState::Canceled).await);
    let beat = async |claim: &DeploymentClaim| {
        ledger.beat_deployment(claim.deployment.operation, claim.fence, LEASE).await.unwrap()
    };
    assert_eq!(beat(&inner).await, DeploymentBeat::Stop);
    assert_eq!(beat(&its).await, DeploymentBeat::Go, "it is nested in another");
    assert!(asked(ledger, &nested("late", &parent)).await.stopping, "nobody waits for it");
    assert!(!asked(ledger, &nested("early", &other)).await.stopping);
}

pub(crate) async fn one_server_has_it(stage: &Stage) {
    let ledger = &stage.ledger;
    let asked_for = asked(ledger, &new("one")).await;
    let claim = claimed(ledger).await;
    assert_eq!((claim.deployment.operation, claim.attempt), (asked_for.operation, 1));
    assert_eq!(claim.deployment.state, DeploymentState::Running);
    assert!(ledger.claim_deployment("other", LEASE, &[]).await.unwrap().is_none());
    let beat = ledger.beat_deployment(asked_for.operation, claim.fence, LEASE).await.unwrap();
    assert_eq!(beat, DeploymentBeat::Go);
    ledger.release_deployment(asked_for.operation, claim.fence).await.unwrap();
    let beat = ledger.beat_deployment(asked_for.operation, claim.fence, LEASE).await.unwrap();
    assert_eq!(beat, DeploymentBeat::Lost);
    let again = claimed(ledger).await;
    assert_eq!(again.attempt, 1, "one that is given back does not count");
    assert!(again.fence > claim.fence);
}

pub(crate) async fn one_of_a_lost_server_goes_to_another(stage: &Stage) {
    let ledger = &stage.ledger;
    let operation = asked(ledger, &new("one")).await.operation;
    let lost = ledger.claim_deployment("gone", NO_LEASE, &[]).await.unwrap().unwrap();
    let claim = claimed(ledger).await;
    assert_eq!(claim.attempt, 2);
    assert!(!ended(ledger, &lost, DeploymentState::Failed).await, "it has it no longer");
    let noted = step("s", DeploymentState::Succeeded);
    assert!(!ledger.note_deployment_step(operation, lost.fence, &noted).await.unwrap());
    assert!(ended(ledger, &claim, DeploymentState::Succeeded).await);
    assert!(!ended(ledger, &claim, DeploymentState::Failed).await, "an end is written once");
    let found = ledger.deployment(&id("one")).await.unwrap().unwrap();
    assert_eq!(found.state, DeploymentState::Succeeded);
    assert_eq!(ledger.sealed_deployment(operation).await.unwrap().as_deref(), Some(""));
    assert!(found.finished_at.is_some());
}

pub(crate) async fn nested_ones_are_found_by_themselves(stage: &Stage) {
    let ledger = &stage.ledger;
    asked(ledger, &new("outer")).await;
    assert!(ledger.claim_deployment("server", LEASE, &[0]).await.unwrap().is_none());
    let inner = NewDeployment { depth: 1, ..new("inner") };
    asked(ledger, &inner).await;
    let claim = ledger.claim_deployment("server", LEASE, &[0]).await.unwrap().unwrap();
    assert_eq!((claim.deployment.operation, claim.deployment.depth), (inner.operation, 1));
}

pub(crate) async fn what_is_done_is_noted_by_its_owner(stage: &Stage) {
    let ledger = &stage.ledger;
    let operation = asked(ledger, &new("one")).await.operation;
    let claim = claimed(ledger).await;
    for (name, state) in [
        ("a", DeploymentState::Running),
        ("b", DeploymentState::Running),
        ("a", DeploymentState::Succeeded),
        ("c", DeploymentState::Failed),
    ] {
        assert!(ledger.note_deployment_step(operation, claim.fence, &step(name, state)).await.unwrap());
    }
    let page = ledger.deployment_steps(operation, None, 2).await.unwrap();
    assert_eq!(page.items, [step("a", DeploymentState::Succeeded), step("b", DeploymentState::Running)]);
    let page = ledger.deployment_steps(operation, page.next.as_deref(), 2).await.unwrap();
    assert_eq!(page.items, [step("c", DeploymentState::Failed)]);
    let one = ledger.deployment_step(operation, "b").await.unwrap();
    assert_eq!(one, Some(step("b", DeploymentState::Running)));
    assert_eq!(ledger.deployment_step(operation, "z").await.unwrap(), None);
}

pub(crate) async fn who_does_it_is_told_to_stop(stage: &Stage) {
    let ledger = &stage.ledger;
    let operation = asked(ledger, &new("one")).await.operation;
    let claim = claimed(ledger).await;
    assert!(ledger.stop_deployment(&id("One")).await.unwrap().unwrap().stopping);
    let beat = ledger.beat_deployment(operation, claim.fence, LEASE).await.unwrap();
    assert_eq!(beat, DeploymentBeat::Stop);
    assert!(ended(ledger, &claim, DeploymentState::Canceled).await);
    assert_eq!(ledger.stop_deployment(&id("one")).await.unwrap(), None, "it has ended");
}

pub(crate) async fn they_go_with_their_group(stage: &Stage) {
    let ledger = &stage.ledger;
    make(ledger, &group(), &group_body()).await;
    let operation = asked(ledger, &new("one")).await.operation;
    let claim = claimed(ledger).await;
    let noted = step("s", DeploymentState::Running);
    ledger.note_deployment_step(operation, claim.fence, &noted).await.unwrap();
    ledger.delete(&group()).await.unwrap();
    assert_eq!(ledger.deployment(&id("one")).await.unwrap(), None);
    let beat = ledger.beat_deployment(operation, claim.fence, LEASE).await.unwrap();
    assert_eq!(beat, DeploymentBeat::Lost);
    assert!(ledger.deployment_steps(operation, None, 9).await.unwrap().items.is_empty());
}
