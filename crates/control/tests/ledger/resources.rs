//! Resources: putting, reading, listing, removing.

use transload_control::ledger::{Beat, DeletedRun, Expect, Put};
use transload_control::resource::{Direction, Stored, kind};
use transload_control::run::RunState;
use transload_control::{Code, ResourceId};

use crate::sample::*;
use crate::stage::Stage;

pub(crate) async fn what_is_put_is_found(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(ledger.get(&registry()).await.unwrap(), None);
    let Put { stored: first, created } =
        ledger.put(&registry(), &registry_body(), "ann", Expect::Any).await.unwrap();
    assert!(created);
    assert_eq!(ledger.get(&registry()).await.unwrap(), Some(first.clone()));
    assert_eq!((&first.stamps.created_by, &first.body), (&"ann".to_owned(), &registry_body()));
    let shouted = ResourceId::parse(&registry().as_str().to_uppercase()).unwrap();
    let again = ledger.put(&shouted, &vault_body(), "bob", Expect::Any).await.unwrap();
    assert!(!again.created);
    let second = ledger.get(&shouted).await.unwrap().unwrap();
    assert_eq!(second, again.stored);
    assert_eq!(second.id.as_str(), registry().as_str(), "the id stays as it was first written");
    assert!(second.revision > first.revision);
    assert_eq!(second.body, vault_body());
    assert_eq!(second.stamps.created_at, first.stamps.created_at);
    assert_eq!((second.stamps.created_by.as_str(), second.stamps.changed_by.as_str()), ("ann", "bob"));
    assert!(second.stamps.changed_at >= first.stamps.changed_at);
}

pub(crate) async fn every_kind_of_body_comes_back(stage: &Stage) {
    let identity = group().resource(kind::USER_IDENTITY, "Id");
    let vault = group().resource(kind::VAULT, "V");
    let bodies = [
        (group(), group_body()),
        (registry(), registry_body()),
        (pipeline("p"), watched_body()),
        (registry().child("exportPipelines", "e"), pipeline_body(Direction::Export, None)),
        (vault, vault_body()),
        (identity, identity_body()),
    ];
    for (id, body) in bodies {
        make(&stage.ledger, &id, &body).await;
        assert_eq!(stage.ledger.get(&id).await.unwrap().unwrap().body, body);
    }
}

pub(crate) async fn many_are_found_at_once_and_one_by_its_name(stage: &Stage) {
    let ids: Vec<ResourceId> = (0..60).map(|n| pipeline(&format!("many{n}"))).collect();
    for id in ids.iter().step_by(2) {
        make(&stage.ledger, id, &watched_body()).await;
    }
    let found = stage.ledger.get_many(&ids).await.unwrap();
    let mut found: Vec<&str> = found.iter().map(|one| one.id.name()).collect();
    found.sort_unstable();
    let mut wanted: Vec<&str> = ids.iter().step_by(2).map(ResourceId::name).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(stage.ledger.get_many(&[]).await.unwrap(), []);
    let names = ["host:a.example".to_owned()];
    stage.ledger.put_named(&registry(), &registry_body(), "me", Expect::Any, &names).await.unwrap();
    let named = stage.ledger.named("host:a.example").await.unwrap();
    assert_eq!(named.map(|one| one.id), Some(registry()));
    assert_eq!(stage.ledger.named("host:b.example").await.unwrap(), None);
}

pub(crate) async fn a_change_says_what_it_relies_on(stage: &Stage) {
    let (id, body) = (registry(), registry_body());
    let put = |expect| stage.ledger.put(&id, &body, "me", expect);
    let refused = put(Expect::Revision(1)).await.unwrap_err();
    assert_eq!((refused.code, refused.target.as_deref()), (Code::Conflict, Some(id.as_str())));
    let first = put(Expect::Absent).await.unwrap().stored;
    assert_eq!(put(Expect::Absent).await.unwrap_err().code, Code::Conflict);
    let second = put(Expect::Revision(first.revision)).await.unwrap().stored;
    let refused = put(Expect::Revision(first.revision)).await.unwrap_err();
    assert!(refused.message.contains("changed by somebody else"), "{refused}");
    assert_eq!(stage.ledger.get(&registry()).await.unwrap().unwrap().revision, second.revision);
}

pub(crate) async fn a_revision_never_comes_again(stage: &Stage) {
    let ledger = &stage.ledger;
    let mut last = 0;
    for _ in 0..3 {
        let put = ledger.put(&registry(), &registry_body(), "me", Expect::Absent).await.unwrap();
        assert!(put.stored.revision > last);
        for _ in 0..3 {
            last =
                ledger.put(&registry(), &registry_body(), "me", Expect::Any).await.unwrap().stored.revision;
        }
        assert!(ledger.delete(&registry()).await.unwrap());
        // the clock has gone on by as many milliseconds as there were changes
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn listed(stage: &Stage, scope: &ResourceId, kind: &str, most: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = stage.ledger.list(scope, kind, after.as_deref(), most).await.unwrap();
        assert!(page.items.len() <= most.max(1));
        all.extend(page.items.iter().map(|Stored { id, .. }| id.name().to_owned()));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

pub(crate) async fn lists_are_by_scope_and_in_pages(stage: &Stage) {
    // "lab2" begins as "lab" does, and made in an order that is not that of names
    let other = ResourceId::group_of("s1", "lab2").resource(kind::REGISTRY, "r9");
    for name in ["r3", "r1", "r2"] {
        make(&stage.ledger, &group().resource(kind::REGISTRY, name), &registry_body()).await;
    }
    make(&stage.ledger, &other, &registry_body()).await;
    make(&stage.ledger, &pipeline("p2"), &watched_body()).await;
    make(&stage.ledger, &pipeline("p1"), &watched_body()).await;
    let far = ResourceId::group_of("s2", "Lab").resource(kind::REGISTRY, "far");
    make(&stage.ledger, &far, &registry_body()).await;
    for most in [1, 2, 3, 100] {
        assert_eq!(listed(stage, &group(), kind::REGISTRY, most).await, ["r3", "r1", "r2"]);
        assert_eq!(listed(stage, &subscription(), kind::REGISTRY, most).await, ["r3", "r1", "r2", "r9"]);
        assert_eq!(listed(stage, &registry(), kind::IMPORT_PIPELINE, most).await, ["p2", "p1"]);
        assert_eq!(listed(stage, &group(), kind::IMPORT_PIPELINE, most).await, ["p2", "p1"]);
    }
    let shouted = ResourceId::parse(&group().as_str().to_uppercase()).unwrap();
    assert_eq!(listed(stage, &shouted, &kind::REGISTRY.to_uppercase(), 0).await, ["r3", "r1", "r2"]);
    assert_eq!(listed(stage, &registry(), kind::EXPORT_PIPELINE, 5).await, [""; 0]);
    let page = stage.ledger.list(&group(), kind::REGISTRY, Some("bogus"), 2).await;
    assert_eq!(page.unwrap_err().code, Code::InvalidRequest);
}

pub(crate) async fn a_delete_takes_what_is_beneath(stage: &Stage) {
    let ledger = &stage.ledger;
    let neighbour = group().resource(kind::REGISTRY, "Reg2");
    for (id, body) in
        [(registry(), registry_body()), (neighbour.clone(), registry_body()), (pipeline("p"), watched_body())]
    {
        make(ledger, &id, &body).await;
    }
    assert!(!ledger.delete(&group().resource(kind::REGISTRY, "re")).await.unwrap());
    assert!(ledger.delete(&registry()).await.unwrap());
    assert!(!ledger.delete(&registry()).await.unwrap());
    assert_eq!(ledger.get(&registry()).await.unwrap(), None);
    assert_eq!(ledger.get(&pipeline("p")).await.unwrap(), None);
    assert!(ledger.get(&neighbour).await.unwrap().is_some());
    assert!(ledger.delete(&group()).await.is_ok());
    assert_eq!(ledger.get(&neighbour).await.unwrap(), None);
}

pub(crate) async fn runs_go_with_their_registry(stage: &Stage) {
    let ledger = &stage.ledger;
    make(ledger, &registry(), &registry_body()).await;
    let running = put(ledger, "running", "p").await;
    let claimed = claim(ledger).await;
    let waiting = put(ledger, "waiting", "p").await;
    assert!(ledger.delete(&registry()).await.unwrap());
    assert_eq!(ledger.run(&waiting.id).await.unwrap(), None);
    let operation = ledger.operation(waiting.operation).await.unwrap().unwrap();
    assert_eq!(operation.state, RunState::Canceled);
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Cancel);
    end(ledger, &claimed, transload_control::ledger::Ending::Stopped).await;
    assert_eq!(ledger.run(&running.id).await.unwrap(), None);
    assert_eq!(ledger.delete_run(&running.id).await.unwrap(), DeletedRun::Absent);
}

pub(crate) async fn a_name_has_one_owner(stage: &Stage) {
    let ledger = &stage.ledger;
    let (one, two) = (group().resource(kind::VAULT, "one"), group().resource(kind::VAULT, "two"));
    let named = |id: &ResourceId, names: &[&str]| {
        let (id, names) = (id.clone(), names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        async move { ledger.put_named(&id, &vault_body(), "me", Expect::Any, &names).await }
    };
    named(&one, &["host:a", "host:b"]).await.unwrap();
    named(&one, &["host:b", "host:c"]).await.unwrap();
    let refused = named(&two, &["host:a", "host:c"]).await.unwrap_err();
    assert_eq!((refused.code, refused.target.as_deref()), (Code::Conflict, Some(one.as_str())));
    assert_eq!(ledger.get(&two).await.unwrap(), None, "what is refused is not there");
    named(&two, &["host:a"]).await.unwrap();
    assert_eq!(ledger.named("host:a").await.unwrap(), ledger.get(&two).await.unwrap());
    assert_eq!(ledger.named("host:z").await.unwrap(), None);
    // a change that says nothing of names leaves them
    make(ledger, &two, &vault_body()).await;
    assert!(named(&one, &["host:a"]).await.is_err());
    assert!(ledger.delete(&two).await.unwrap());
    assert_eq!(ledger.named("host:a").await.unwrap(), None);
    named(&one, &["host:a"]).await.unwrap();
}

pub(crate) async fn of_many_that_make_it_one_does(stage: &Stage) {
    let puts = (0..8).map(|_| {
        let ledger = stage.ledger.clone();
        tokio::spawn(async move { ledger.put(&registry(), &registry_body(), "me", Expect::Absent).await })
    });
    let mut made = 0;
    for put in puts.collect::<Vec<_>>() {
        match put.await.unwrap() {
            Ok(put) => made += u32::from(put.created),
            Err(refused) => assert_eq!(refused.code, Code::Conflict, "{refused}"),
        }
    }
    assert_eq!(made, 1);
}
