//! Principals, grants, single values.

use time::{Duration, OffsetDateTime};
use transload_control::{Grant, Principal, Role};
use uuid::Uuid;

use crate::sample::*;
use crate::stage::Stage;

fn principal(name: &str) -> Principal {
    // a ledger keeps milliseconds
    let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + Duration::milliseconds(7);
    Principal {
        client_id: Uuid::new_v4(),
        object_id: Uuid::new_v4(),
        name: name.to_owned(),
        secret_hash: "00ff".to_owned(),
        created_at: at,
        expires_at: None,
    }
}

pub(crate) async fn principals_are_kept_and_replaced(stage: &Stage) {
    let ledger = &stage.ledger;
    let (ann, bob) = (principal("ann"), principal("bob"));
    for one in [&ann, &bob] {
        ledger.put_principal(one).await.unwrap();
    }
    assert_eq!(ledger.principals().await.unwrap(), [ann.clone(), bob.clone()]);
    let rotated = Principal { secret_hash: "11".to_owned(), expires_at: Some(ann.created_at), ..ann.clone() };
    ledger.put_principal(&rotated).await.unwrap();
    assert_eq!(ledger.principal(ann.client_id).await.unwrap(), Some(rotated.clone()));
    assert_eq!(ledger.principals().await.unwrap(), [rotated, bob.clone()]);
    assert_eq!(ledger.principal(bob.object_id).await.unwrap(), None);
}

pub(crate) async fn a_principal_goes_with_its_grants(stage: &Stage) {
    let ledger = &stage.ledger;
    let (ann, bob) = (principal("ann"), principal("bob"));
    for one in [&ann, &bob] {
        ledger.put_principal(one).await.unwrap();
        let principal = one.object_id.to_string();
        ledger.put_grant(&Grant { principal, role: Role::Reader, scope: group() }).await.unwrap();
    }
    assert!(ledger.delete_principal(ann.client_id).await.unwrap());
    assert!(!ledger.delete_principal(ann.client_id).await.unwrap());
    assert_eq!(ledger.principals().await.unwrap(), std::slice::from_ref(&bob));
    let left = ledger.grants().await.unwrap();
    assert_eq!(left.iter().map(|grant| &grant.principal).collect::<Vec<_>>(), [&bob.object_id.to_string()]);
}

pub(crate) async fn a_role_is_given_once_and_taken_away(stage: &Stage) {
    let ledger = &stage.ledger;
    let grant = |role, scope| Grant { principal: "ann".to_owned(), role, scope };
    let reader = grant(Role::Reader, subscription());
    assert!(ledger.put_grant(&reader).await.unwrap());
    let shouted = transload_control::ResourceId::parse("/SUBSCRIPTIONS/S1").unwrap();
    let again = Grant { principal: "ANN".to_owned(), ..grant(Role::Reader, shouted) };
    assert!(!ledger.put_grant(&again).await.unwrap(), "case does not count");
    for (role, scope) in [(Role::Owner, registry()), (Role::Operator, pipeline("p")), (Role::Owner, group())]
    {
        assert!(ledger.put_grant(&grant(role, scope)).await.unwrap());
    }
    let other = Grant { principal: "bob".to_owned(), ..reader.clone() };
    ledger.put_grant(&other).await.unwrap();
    assert_eq!(ledger.grants().await.unwrap().len(), 5);
    assert_eq!(ledger.grants_of("BOB").await.unwrap(), [other]);
    assert_eq!(ledger.delete_grants_beneath(&registry()).await.unwrap(), 2);
    assert_eq!(ledger.grants_of("ann").await.unwrap(), [reader, grant(Role::Owner, group())]);
    assert!(ledger.delete_grant(&again).await.unwrap());
    assert!(!ledger.delete_grant(&again).await.unwrap());
    assert_eq!(ledger.grants_of("ann").await.unwrap(), [grant(Role::Owner, group())]);
}

pub(crate) async fn a_key_is_set_once(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(ledger.meta("tenant").await.unwrap(), None);
    let asks: Vec<_> = (0..6)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(
                async move { ledger.put_meta_if_absent("tenant", &number.to_string()).await.unwrap() },
            )
        })
        .collect();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.unwrap());
    }
    let stands = ledger.meta("tenant").await.unwrap().unwrap();
    assert!(answers.iter().all(|answer| *answer == stands), "{answers:?} {stands}");
    assert_eq!(ledger.meta("other").await.unwrap(), None);
}
