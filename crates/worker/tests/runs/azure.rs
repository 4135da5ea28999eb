//! Runs and triggers over Azurite.

use transload_control::ledger::Verdict;
use transload_control::resource::{Direction, PipelineOption, TriggerStatus};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::Azurite;
use transload_testkit::peers::sas::Sas;

use crate::support::{KIB, Site, assert_succeeded, failure};

const SECRET: &str = "https://v1.vault.example/secrets/sas1";

fn knows(site: &Site, token: &str) {
    *site.secrets.plain.lock() = vec![(SECRET.to_owned(), token.to_owned())];
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_crosses_a_container_and_stays_when_the_token_does_not_let_it_be_deleted() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[300 * KIB]).await;
    let uri = azurite.url("transfer");
    let out = site.pipeline_at(Direction::Export, "out", &[], &uri, Some(SECRET), None).await;
    let deletes = [PipelineOption::DeleteSourceBlobOnSuccess];
    let into = site.pipeline_at(Direction::Import, "in", &deletes, &uri, Some(SECRET), None).await;

    // nobody gave it the secret
    let run = site.done(&site.export("run0", &out, &["team/app:v1"], "one.tar").await).await;
    assert_eq!(failure(&run).code, "SecretAccessDenied");

    knows(&site, &format!("?{}", Sas::container("transfer").permissions("racwdl").token()));
    let run = site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await;
    assert_succeeded(&run);
    assert_eq!(run.record.blob_uri.as_deref(), Some(format!("{uri}/one.tar").as_str()));
    assert!(azurite.get_blob("transfer", "one.tar").is_some());

    knows(&site, &Sas::container("transfer").permissions("rl").token());
    let run = site.done(&site.import("run2", &into, "one.tar").await).await;
    assert_succeeded(&run);
    assert!(
        run.record.warnings.iter().any(|warning| warning.contains("the blob stays")),
        "{:?}",
        run.record.warnings
    );
    assert!(azurite.get_blob("transfer", "one.tar").is_some());
    site.check(&made, "team/app", "v1").await;

    knows(&site, &Sas::container("transfer").permissions("rdl").token());
    assert_succeeded(&site.done(&site.import("run3", &into, "one.tar").await).await);
    assert!(azurite.get_blob("transfer", "one.tar").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_said_to_be_so_and_its_secret_named_but_not_shown() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[KIB]).await;
    let token = Sas::container("transfer").permissions("racwdl").expiry("2026-01-01T00:00:00Z").token();
    knows(&site, &token);
    let uri = azurite.url("transfer");
    let out = site.pipeline_at(Direction::Export, "out", &[], &uri, Some(SECRET), None).await;
    let id = site.export("run1", &out, &["team/app:v1"], "one.tar").await;
    let run = site.done(&id).await;
    let why = failure(&run);
    assert_eq!((why.code.as_str(), run.record.attempts), ("SasExpired", 1));
    assert!(why.message.contains(SECRET) && why.message.contains("2026-01-01"), "{}", why.message);
    let signature = token.split("sig=").nth(1).unwrap().split('&').next().unwrap();
    let told = format!("{run:?} {:?}", site.log(&id).await);
    assert!(!told.contains(signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_about_a_blob_has_it_imported_long_before_the_next_listing() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[30 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("make", &out, &["team/app:v1"], "made.tar").await).await);
    let bundle = std::fs::read(site.folder.join("made.tar")).unwrap();
    azurite.put_blob("transfer", "junk.bin", b"neither tar nor anything");
    knows(&site, &Sas::container("transfer").permissions("rl").token());
    let uri = azurite.url("transfer");
    let enabled = Some(TriggerStatus::Enabled);
    let into = site.pipeline_at(Direction::Import, "in", &[], &uri, Some(SECRET), enabled).await;
    let mut options = site.options("watcher");
    options.watches = true;
    options.interval = std::time::Duration::from_secs(24 * 3_600);
    let working = site.worker(options);
    while site.ledger.seen(&into, "junk.bin").await.unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    azurite.put_blob("transfer", "one.tar", &bundle);
    site.ledger.poke(&into, "one.tar").await.unwrap();
    let run = loop {
        let runs = site.ledger.runs(&site.far.id, None, 10).await.unwrap().items;
        if let Some(run) = runs.into_iter().find(|run| run.state.is_final()) {
            break run;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    working.end().await;
    assert_succeeded(&run);
    site.check(&made, "team/app", "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_cannot_be_read_does_not_keep_the_others_from_being_imported() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[30 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("make", &out, &["team/app:v1"], "made.tar").await).await);
    let bundle = std::fs::read(site.folder.join("made.tar")).unwrap();
    let proxy = FaultProxy::start(azurite.addr());
    let refused = proxy.add(Rule::on("GET", "/bad.tar").status(403));
    azurite.put_blob("transfer", "bad.tar", &bundle);
    azurite.put_blob("transfer", "one.tar", &bundle);
    knows(&site, &Sas::container("transfer").permissions("rl").token());
    let uri = azurite.url("transfer").replace(&azurite.addr().to_string(), &proxy.host());
    let enabled = Some(TriggerStatus::Enabled);
    let into = site.pipeline_at(Direction::Import, "in", &[], &uri, Some(SECRET), enabled).await;
    let mut options = site.options("watcher");
    options.watches = true;
    let working = site.worker(options);
    while refused.fired() < 2 || site.ledger.seen(&into, "one.tar").await.unwrap().is_none_or(|s| !s.reported)
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    working.end().await;
    site.check(&made, "team/app", "v1").await;
    assert!(site.ledger.seen(&into, "bad.tar").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn among_a_thousand_blobs_the_bundle_is_found_and_the_others_are_left_alone() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[30 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("make", &out, &["team/app:v1"], "made.tar").await).await);
    let bundle = std::fs::read(site.folder.join("made.tar")).unwrap();
    for number in 0..1_000 {
        azurite.put_blob("transfer", &format!("junk/{number:04}.bin"), b"neither tar nor anything");
    }
    azurite.put_blob("transfer", "part.tar", &bundle[..bundle.len() / 2]);
    knows(&site, &Sas::container("transfer").permissions("rl").token());
    let uri = azurite.url("transfer");
    let enabled = Some(TriggerStatus::Enabled);
    let into = site.pipeline_at(Direction::Import, "in", &[], &uri, Some(SECRET), enabled).await;
    let mut options = site.options("watcher");
    options.watches = true;
    let working = site.worker(options);
    azurite.put_blob("transfer", "zone/one.tar", &bundle);
    let run = loop {
        let runs = site.ledger.runs(&site.far.id, None, 10).await.unwrap().items;
        if let Some(run) = runs.into_iter().find(|run| run.state.is_final()) {
            break run;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    // the others have been looked at, too
    let looked_at = async || {
        let seen = site.ledger.seen_page(&into, None, 1_000).await.unwrap();
        let others = seen.items.iter().filter(|seen| seen.verdict == Verdict::Other).count();
        others == 1_000 && site.ledger.seen(&into, "part.tar").await.unwrap().is_some()
    };
    while !looked_at().await {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    working.end().await;
    assert_succeeded(&run);
    site.check(&made, "team/app", "v1").await;
    let seen = site.ledger.seen_page(&into, None, 1_000).await.unwrap();
    assert!(seen.next.is_some());
    assert_eq!(seen.items.iter().filter(|seen| seen.verdict == Verdict::Other).count(), 1_000);
    let part = site.ledger.seen(&into, "part.tar").await.unwrap().unwrap();
    assert_eq!(part.verdict, Verdict::Partial);
    assert_eq!(site.ledger.runs(&site.far.id, None, 10).await.unwrap().items.len(), 1);
}
