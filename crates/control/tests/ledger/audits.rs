//! The audit log.

use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};
use transload_control::Code;
use transload_control::audit::{Entry, Filter, Outcome};

use crate::sample::limits;
use crate::stage::{LONG, Stage};

fn entry(who: &str, action: &str, target: &str, outcome: Outcome) -> Entry {
    Entry {
        sequence: 0,
        at: OffsetDateTime::UNIX_EPOCH,
        who: who.to_owned(),
        who_name: format!("{who}-name"),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome,
        code: (outcome == Outcome::Denied).then(|| "AuthorizationFailed".to_owned()),
        correlation: format!("c-{who}"),
        address: Some("127.0.0.1".to_owned()),
        detail: None,
    }
}

async fn fill(stage: &Stage) -> Vec<Entry> {
    let entries = [
        entry("ann", "registries/write", "/subscriptions/s1/Reg_1", Outcome::Done),
        entry("bob", "registries/delete", "/subscriptions/s1/regx1", Outcome::Denied),
        entry("ann", "secrets/get", "vault/100%", Outcome::Failed),
    ];
    let mut written = Vec::new();
    for entry in entries {
        let stands = stage.ledger.audit(&entry).await.unwrap();
        assert!(stands.at > OffsetDateTime::UNIX_EPOCH, "the ledger's time");
        assert_eq!(Entry { sequence: 0, at: OffsetDateTime::UNIX_EPOCH, ..stands.clone() }, entry);
        written.push(stands);
    }
    assert!(written.is_sorted_by(|one, two| one.sequence < two.sequence && one.at <= two.at));
    written
}

pub(crate) async fn entries_are_numbered_and_found(stage: &Stage) {
    let all = fill(stage).await;
    let some = |text: &str| Some(text.to_owned());
    let hour = Duration::hours(1);
    for (filter, wanted) in [
        (Filter::default(), vec![0, 1, 2]),
        (Filter { who: some("ann"), ..Filter::default() }, vec![0, 2]),
        (Filter { who: some("bob-name"), ..Filter::default() }, vec![1]),
        (Filter { action: some("registries/"), ..Filter::default() }, vec![0, 1]),
        (Filter { action: some("istries"), ..Filter::default() }, vec![]),
        (Filter { target: some("REG_"), ..Filter::default() }, vec![0]),
        (Filter { target: some("100%"), ..Filter::default() }, vec![2]),
        (Filter { target: some(""), ..Filter::default() }, vec![0, 1, 2]),
        (Filter { outcome: Some(Outcome::Denied), ..Filter::default() }, vec![1]),
        (Filter { correlation: some("c-ann"), ..Filter::default() }, vec![0, 2]),
        (
            Filter { since: Some(all[0].at - hour), until: Some(all[2].at + hour), ..Filter::default() },
            vec![0, 1, 2],
        ),
        (Filter { since: Some(all[2].at + hour), ..Filter::default() }, vec![]),
        (Filter { until: Some(all[0].at), ..Filter::default() }, vec![]),
        (Filter { who: some("ann"), outcome: Some(Outcome::Failed), ..Filter::default() }, vec![2]),
    ] {
        let page = stage.ledger.audit_page(&filter, None, 10).await.unwrap();
        let wanted: Vec<Entry> = wanted.into_iter().map(|at: usize| all[at].clone()).collect();
        assert_eq!(page.items, wanted, "{filter:?}");
    }
}

pub(crate) async fn pages_lead_both_ways(stage: &Stage) {
    let all = fill(stage).await;
    let (ledger, any) = (&stage.ledger, Filter::default());
    let first = ledger.audit_page(&any, None, 2).await.unwrap();
    assert_eq!(first.items, all[..2]);
    let second = ledger.audit_page(&any, first.next.as_deref(), 2).await.unwrap();
    assert_eq!((second.items.as_slice(), &second.next), (&all[2..], &None));
    let last = ledger.audit_page_back(&any, None, 2).await.unwrap();
    assert_eq!(last.items, [all[2].clone(), all[1].clone()]);
    let before = ledger.audit_page_back(&any, last.next.as_deref(), 2).await.unwrap();
    assert_eq!((before.items, before.next), (vec![all[0].clone()], None));
    let refused = ledger.audit_page(&any, Some("x"), 2).await.unwrap_err();
    assert_eq!(refused.code, Code::InvalidRequest);
}

/// Several write at once, each by connections of its own; one reads along behind the last number that it saw.
pub(crate) async fn whoever_follows_the_log_misses_nothing(stage: &Stage) {
    const WRITERS: usize = 4;
    const EACH: usize = 25;
    let others = [stage.another(limits()).await, stage.another(limits()).await];
    let writing = join_all((0..WRITERS).map(|number| {
        let ledger = &others[number % others.len()];
        async move {
            for _ in 0..EACH {
                ledger.audit(&entry("ann", "registries/write", "r", Outcome::Done)).await.unwrap();
            }
        }
    }));
    let following = async {
        let (mut after, mut found) = (None::<String>, Vec::new());
        while found.len() < WRITERS * EACH {
            let page = stage.ledger.audit_page(&Filter::default(), after.as_deref(), 7).await.unwrap();
            found.extend(page.items.iter().map(|entry| entry.sequence));
            after = found.last().map(|sequence| format!("n{sequence:x}"));
        }
        found
    };
    let both = async { futures_util::join!(writing, following).1 };
    let found = tokio::time::timeout(LONG, both).await.expect("an entry was missed");
    assert!(found.is_sorted_by(|one, two| one < two));
    for ledger in others {
        ledger.close().await;
    }
}

pub(crate) async fn nobody_changes_the_log(stage: &Stage) {
    let all = fill(stage).await;
    for statement in
        ["UPDATE audit SET who = 'eve'", "DELETE FROM audit", "DELETE FROM audit WHERE at < 9999999999999"]
    {
        assert!(!stage.tamper(statement).await, "{statement}");
    }
    let page = stage.ledger.audit_page(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(page.items, all);
}
