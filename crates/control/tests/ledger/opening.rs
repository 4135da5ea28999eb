//! Opening a ledger, and what is said when that cannot be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use transload_control::ledger::{Expect, LedgerLimits};
use transload_control::resource::kind;
use transload_control::{Code, Error, Ledger, ResourceId};
use transload_testkit::peers::{Pki, Postgres};

use crate::sample::*;
use crate::stage::{LONG, Stage, open};

/// How long a database that is not there is waited for.
const HASTY: Duration = Duration::from_secs(1);

async fn refusal(url: &str, reach_timeout: Duration) -> Error {
    let refused = Ledger::open(&url.into(), LedgerLimits { reach_timeout, ..limits() }).await.unwrap_err();
    assert_eq!(refused.target.as_deref(), Some("ledger"));
    refused
}

/// Asserts that the refusal of a URL has a code and says each of these.
async fn assert_refused(url: &str, code: Code, says: &[&str]) {
    // what answers has to be heard, however busy the machine is
    let reach_timeout = if says.contains(&"cannot be reached") { HASTY } else { LONG };
    let refused = refusal(url, reach_timeout).await;
    assert_eq!(refused.code, code, "{refused}");
    for part in says {
        assert!(refused.message.contains(part), "'{part}' is not in: {refused}");
    }
}

#[tokio::test]
async fn a_file_is_made_for_its_owner_alone_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a ledger?#.db");
    let url = path.to_str().unwrap();
    let ledger = open(url, limits()).await;
    assert_eq!(format!("{ledger:?}"), format!("Ledger(\"SQLite, {url}\")"));
    put(&ledger, "r", "p").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "the log that is written ahead lies beside it: {files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    ledger.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let again = open(&format!("sqlite://{url}"), limits()).await;
    assert!(again.run(&run_id("r")).await.unwrap().is_some());
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_closed_ledger_says_so() {
    let stage = Stage::sqlite().await;
    stage.ledger.close().await;
    let refused = stage.ledger.run(&run_id("r")).await.unwrap_err();
    assert!(refused.message.contains("is closed"), "{refused}");
}

#[tokio::test]
async fn files_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert_refused(&at("missing/ledger.db"), Code::LedgerUnavailable, &["missing", "make its folder"]).await;
    let inside = at("");
    assert_refused(&inside, Code::LedgerUnavailable, &["cannot be opened for writing"]).await;
    fs::write(at("letter"), "Dear Sir or Madam, ".repeat(500)).unwrap();
    assert_refused(&at("letter"), Code::LedgerUnavailable, &["letter", "no SQLite database"]).await;
    assert_eq!(fs::read_to_string(at("letter")).unwrap().len(), 500 * 19, "it is left alone");
    assert_refused("mysql://u:TOPSECRET@h/d", Code::InvalidRequest, &["mysql"]).await;
    assert_refused("postgres://u:TOPSECRET@h", Code::InvalidRequest, &["names no database"]).await;
}

#[tokio::test]
async fn a_damaged_file_is_told_as_such() {
    let stage = Stage::sqlite().await;
    for number in 0..200 {
        put(&stage.ledger, &format!("r{number}"), "p").await;
    }
    stage.ledger.close().await;
    let path = stage.url.trim_start_matches("sqlite://");
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 3;
    let end = bytes.len() - 4096;
    bytes[middle..end].fill(0xa5);
    fs::write(path, bytes).unwrap();
    let said = match Ledger::open(&stage.url.clone().into(), limits()).await {
        Err(refused) => refused,
        Ok(ledger) => ledger.runs(&registry(), None, 1000).await.unwrap_err(),
    };
    assert!(said.message.contains("restore it from a backup"), "{said}");
}

#[tokio::test]
async fn a_newer_ledger_is_refused_and_left_alone() {
    let postgres = Postgres::start();
    for stage in [Stage::sqlite().await, Stage::at(postgres.database()).await] {
        put(&stage.ledger, "r", "p").await;
        let newer = "INSERT INTO ledger_versions (version, at, program) VALUES (7, 0, '9.9.9')";
        assert!(stage.tamper(newer).await);
        assert_refused(&stage.url, Code::LedgerUnavailable, &["version 7", "9.9.9", "restore a backup"])
            .await;
        assert!(stage.tamper("DELETE FROM ledger_versions WHERE version = 7").await);
        let again = open(&stage.url, limits()).await;
        assert!(again.run(&run_id("r")).await.unwrap().is_some());
    }
}

/// What takes a ledger back to its first version: that one had these tables not.
const TO_THE_FIRST: [&str; 3] = [
    "DROP TABLE deployment_steps",
    "DROP TABLE deployments",
    "DELETE FROM ledger_versions WHERE version > 1",
];

#[tokio::test]
async fn an_older_ledger_is_brought_up_to_date_and_loses_nothing() {
    let postgres = Postgres::start();
    for stage in [Stage::sqlite().await, Stage::at(postgres.database()).await] {
        put(&stage.ledger, "r", "p").await;
        for statement in TO_THE_FIRST {
            assert!(stage.tamper(statement).await, "{statement}");
        }
        let again = open(&stage.url, limits()).await;
        assert!(again.run(&run_id("r")).await.unwrap().is_some());
        assert!(again.deployments(&group(), None, None, 1).await.unwrap().items.is_empty());
        assert!(again.claim_deployment("server", LEASE, &[]).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn registries_of_an_older_ledger_get_their_names_and_of_two_the_older_one() {
    let postgres = Postgres::start();
    for stage in [Stage::sqlite().await, Stage::at(postgres.database()).await] {
        let of = |group: &str, name: &str| ResourceId::group_of("s1", group).resource(kind::REGISTRY, name);
        let (old, new) = (of("Z1", "Upstream"), of("a22", "upstream"));
        let (late, early) = (of("Z1", "claimed"), of("a22", "claimed"));
        for id in [&old, &new, &late, &of("a22", "other")] {
            make(&stage.ledger, id, &registry_body()).await;
        }
        let names = ["registry:claimed".to_owned()];
        stage.ledger.put_named(&early, &registry_body(), "me", Expect::Absent, &names).await.unwrap();
        assert!(stage.tamper("DELETE FROM ledger_versions WHERE version > 3").await);
        let again = open(&stage.url, limits()).await;
        let holder = async |name: &str| again.named(name).await.unwrap().map(|stored| stored.id);
        assert_eq!(holder("registry:upstream").await, Some(old));
        assert_eq!(holder("registry:claimed").await, Some(early), "it had claimed its name");
        assert_eq!(holder("registry:other").await, Some(of("a22", "other")));
    }
}

#[tokio::test]
async fn many_processes_start_at_once() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    for url in [postgres.database(), folder.path().join("ledger.db").to_str().unwrap().to_owned()] {
        let opened: Vec<_> = (0..6)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { open(&url, limits()).await })
            })
            .collect();
        for ledger in opened {
            ledger.await.unwrap().put_meta_if_absent("a", "b").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_or_entered_is_told_as_such() {
    let mut postgres = Postgres::start();
    let url = postgres.database();
    let open = open(&url, limits()).await;
    assert!(!open.place().contains("transload:") && open.place().starts_with("PostgreSQL, 127.0.0.1:"));
    let wrong = url.replacen("%40", "TOPSECRET", 1);
    assert_ne!(wrong, url);
    assert_refused(&wrong, Code::LedgerUnavailable, &["password authentication failed"]).await;
    assert_refused(&postgres.url("nowhere"), Code::LedgerUnavailable, &["nowhere", "createdb"]).await;
    postgres.sql("postgres", "CREATE USER poor PASSWORD 'TOPSECRET'");
    let poor = url.replacen("transload:", "poor:", 1);
    let poor = poor.replacen(&poor[poor.find("poor:").unwrap() + 5..poor.find('@').unwrap()], "TOPSECRET", 1);
    assert_refused(&poor, Code::LedgerUnavailable, &["permission denied", "right"]).await;
    postgres.stop();
    assert_refused(&url, Code::LedgerUnavailable, &["cannot be reached", "see whether the database runs"])
        .await;
    for url in [&wrong, &url, &poor] {
        let refused = format!("{:?}", refusal(url, HASTY).await);
        assert!(!refused.contains("TOPSECRET") && !refused.contains(postgres.password()), "{refused}");
    }
}

#[tokio::test]
async fn a_database_is_reached_over_tls_and_has_to_show_who_it_is() {
    let pki = Pki::new();
    let postgres = Postgres::start_tls(&pki);
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (folder.path().join("ours.pem"), folder.path().join("others.pem"));
    fs::write(&ours, pki.ca_pem()).unwrap();
    fs::write(&others, Pki::new().ca_pem()).unwrap();
    let url = postgres.database();
    let with = |ca: &Path| format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display());
    let ledger = open(&with(&ours), limits()).await;
    put(&ledger, "r", "p").await;
    let encrypted = "SELECT COUNT(*) > 0 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
         WHERE s.ssl AND a.application_name = 'transload'";
    assert_eq!(postgres.sql("postgres", encrypted), "t");
    assert_refused(&with(&others), Code::LedgerUnavailable, &["over TLS", "sslrootcert"]).await;
    let plain = Postgres::start();
    let url = format!("{}?sslmode=require", plain.database());
    assert_refused(&url, Code::LedgerUnavailable, &["TLS"]).await;
}
