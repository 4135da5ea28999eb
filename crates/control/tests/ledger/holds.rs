//! Names that one run has for itself.

use transload_control::ledger::{Ending, Held};
use transload_control::{Code, LedgerLimits};

use crate::sample::*;
use crate::stage::{Stage, soon};

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub(crate) async fn one_of_two_has_a_name(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "a", "p").await;
    put(ledger, "b", "p").await;
    let (first, second) = (claim(ledger).await, claim(ledger).await);
    let blob = named(&["blob:https://a.example/c/b", "tag:r.example/a:1"]);
    assert_eq!(ledger.hold(&first, &blob).await.unwrap(), Held::Ok);
    assert_eq!(ledger.hold(&first, &blob).await.unwrap(), Held::Ok, "it has them already");
    let holder = Held::By(first.run.id.to_string());
    assert_eq!(ledger.hold(&second, &blob[1..]).await.unwrap(), holder);
    assert_eq!(ledger.hold(&second, &named(&["TAG:r.example/a:1"])).await.unwrap(), Held::Ok);
    end(ledger, &first, Ending::Succeeded).await;
    assert_eq!(ledger.hold(&second, &blob).await.unwrap(), Held::Ok);
    assert_eq!(ledger.hold(&first, &blob).await.unwrap(), Held::Lost);
}

pub(crate) async fn names_are_held_until_the_end(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "a", "p").await;
    let first = claim(ledger).await;
    assert_eq!(ledger.hold(&first, &named(&["n"])).await.unwrap(), Held::Ok);
    end(ledger, &first, failed(true)).await;
    let again = soon(|| async { ledger.claim("w", LEASE).await.unwrap() }).await;
    put(ledger, "b", "p").await;
    let second = claim(ledger).await;
    let holder = Held::By(again.run.id.to_string());
    assert_eq!(ledger.hold(&second, &named(&["n"])).await.unwrap(), holder, "over a pause");
    assert_eq!(ledger.hold(&again, &named(&["n", "m"])).await.unwrap(), Held::Ok);
    ledger.delete_run(&again.run.id).await.unwrap();
    assert_eq!(ledger.hold(&second, &named(&["m"])).await.unwrap(), holder, "its worker is at it still");
    end(ledger, &again, Ending::Stopped).await;
    assert_eq!(ledger.hold(&second, &named(&["n", "m"])).await.unwrap(), Held::Ok);
}

pub(crate) async fn all_or_none(stage: &Stage) {
    let ledger = &stage.ledger;
    for name in ["a", "b", "c"] {
        put(ledger, name, "p").await;
    }
    let (first, second, third) = (claim(ledger).await, claim(ledger).await, claim(ledger).await);
    // more than one statement takes, with one that is taken at the end
    let many: Vec<String> = (0..120).map(|number| format!("n{number:03}")).collect();
    assert_eq!(ledger.hold(&first, &many[119..]).await.unwrap(), Held::Ok);
    assert_eq!(ledger.hold(&second, &many).await.unwrap(), Held::By(first.run.id.to_string()));
    assert_eq!(ledger.hold(&third, &many[..119]).await.unwrap(), Held::Ok, "none was held");
    assert_eq!(ledger.hold(&third, &[]).await.unwrap(), Held::Ok);
    let few = stage.another(LedgerLimits { holds_max: 2, ..limits() }).await;
    let refused = few.hold(&third, &many[..3]).await.unwrap_err();
    assert_eq!(refused.code, Code::InvalidRequest);
    few.close().await;
}
