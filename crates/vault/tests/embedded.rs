//! The embedded vault over rows in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::ExposeSecret;
use transload_vault::{
    Change, Embedded, Error, ErrorKind, MasterKey, MemoryRows, NewSecret, Page, Resealed, Rows, Sealer,
    Secret, SecretRow, conformance,
};

struct Fixture {
    rows: Arc<MemoryRows>,
    vault: Embedded,
}

fn fixture() -> Fixture {
    let rows = Arc::new(MemoryRows::default());
    let sealer = Sealer::new(&MasterKey::random().expect("a key can be made"));
    Fixture { vault: Embedded::new(sealer, rows.clone()), rows }
}

impl Fixture {
    async fn set(&self, name: &str, value: &str) -> Secret {
        self.vault.set("V1", name, NewSecret::new(value)).await.expect("a secret can be set")
    }

    async fn value(&self, name: &str, version: Option<&str>) -> Result<String, ErrorKind> {
        let got = self.vault.get("v1", name, version).await;
        got.map(|secret| secret.value.expose_secret().to_owned()).map_err(|error| error.kind())
    }

    async fn all(&self) -> Vec<SecretRow> {
        let Page { items, next } = self.rows.all(None, 1000).await.expect("rows can be read");
        assert_eq!(next, None);
        items
    }
}

#[tokio::test]
async fn rows_in_memory_conform() {
    conformance::run(&MemoryRows::default()).await;
}

#[tokio::test]
async fn a_secret_has_versions_and_the_latest_is_meant() {
    let at = fixture();
    let first = at.set("Sas1", "one").await.info;
    let second = at.set("sas1", "two").await.info;
    assert_eq!(second.name, "Sas1", "the name stays as it was first written");
    assert_ne!(first.version, second.version);
    assert_eq!(first.version.len(), 32);
    assert_eq!(at.value("SAS1", None).await, Ok("two".to_owned()));
    assert_eq!(at.value("sas1", Some(&first.version.to_uppercase())).await, Ok("one".to_owned()));
    assert_eq!(at.value("sas1", Some("../../x")).await, Err(ErrorKind::NotFound));
    let versions = at.vault.versions("v1", "sas1", None, 10).await.unwrap();
    assert_eq!(versions.items, [first, second]);
    assert_eq!(at.vault.versions("v1", "none", None, 10).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_was_updated_shows_and_disabled_secrets_are_not_read() {
    let at = fixture();
    let first = at.set("a", "one").await.info;
    at.set("a", "two").await;
    let tags = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let change = Change { enabled: Some(false), tags: Some(tags.clone()), ..Change::default() };
    let updated = at.vault.update("v1", "a", Some(&first.version), change).await.unwrap();
    assert_eq!((updated.attributes.enabled, &updated.tags), (false, &tags));
    assert_eq!(at.value("a", Some(&first.version)).await, Err(ErrorKind::Disabled));
    assert_eq!(at.value("a", None).await, Ok("two".to_owned()), "another version stays as it is");
    let again = Change { enabled: Some(true), ..Change::default() };
    let updated = at.vault.update("v1", "a", Some(&first.version), again).await.unwrap();
    assert_eq!(updated.tags, tags, "what is not said stays");
    assert_eq!(at.value("a", Some(&first.version)).await, Ok("one".to_owned()));
    let absent = at.vault.update("v1", "b", None, Change::default()).await;
    assert_eq!(absent.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn dates_count_for_those_who_use_a_secret_and_not_for_those_who_keep_it() {
    let at = fixture();
    at.set("a", "x").await;
    let dated = async |not_before, expires| {
        let change = Change { not_before: Some(not_before), expires: Some(expires), ..Change::default() };
        at.vault.update("v1", "a", None, change).await.unwrap();
        at.value("a", None).await.unwrap();
        at.vault.read("v1", "a", None).await
    };
    dated(1, 4_102_444_800).await.unwrap();
    let error = dated(1, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.hint().unwrap().contains("az keyvault secret set --vault-name V1 --name a"), "{error:?}");
    assert_eq!(dated(4_102_444_800, 4_102_444_801).await.unwrap_err().kind(), ErrorKind::NotYetValid);
}

#[tokio::test]
async fn what_is_deleted_is_gone() {
    let at = fixture();
    at.set("a", "one").await;
    at.set("a", "two").await;
    at.set("b", "three").await;
    assert_eq!(at.vault.delete("v1", "A").await.unwrap().name, "a");
    assert_eq!(at.vault.delete("v1", "a").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(at.value("a", None).await, Err(ErrorKind::NotFound));
    at.vault.delete_vault("v1").await.unwrap();
    assert!(at.vault.list("v1", None, 10).await.unwrap().items.is_empty());
    assert!(at.all().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_nothing_is_written() {
    let at = fixture();
    let set = async |name: &str, new: NewSecret| {
        let error = at.vault.set("v1", name, new).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error:?}");
        error.kind()
    };
    for name in ["", "a_b", "a b", "ü", "a/b", &"x".repeat(128)] {
        assert_eq!(set(name, NewSecret::new("PLANTED")).await, ErrorKind::Invalid, "{name}");
    }
    assert_eq!(set("a", NewSecret::new("PLANTED".repeat(4000))).await, ErrorKind::Invalid);
    let tags: BTreeMap<_, _> = (0..16).map(|n| (n.to_string(), String::new())).collect();
    let change = Change { tags: Some(tags), ..Change::default() };
    assert_eq!(set("a", NewSecret { change, ..NewSecret::new("PLANTED") }).await, ErrorKind::Invalid);
    assert!(at.all().await.is_empty());
}

#[tokio::test]
async fn a_row_that_was_moved_does_not_open() {
    let at = fixture();
    let low = at.set("low", "public").await.info;
    at.set("high", "PLANTED").await;
    // somebody who may write to the ledger gives one secret's value to another
    let rows = at.all().await;
    let (lows, highs) = (&rows[0], &rows[1]);
    assert!(at.rows.reseal(&low, &lows.sealed, highs.sealed.clone()).await.unwrap());
    assert_eq!(at.value("low", None).await, Err(ErrorKind::Damaged));
    let mut renamed = highs.clone();
    renamed.info.vault = "v2".to_owned();
    at.rows.insert(renamed).await.unwrap();
    assert_eq!(at.vault.get("v2", "high", None).await.unwrap_err().kind(), ErrorKind::Damaged);
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_start_and_names_the_secret_later() {
    let at = fixture();
    at.vault.check().await.unwrap();
    at.set("a", "PLANTED").await;
    at.vault.check().await.unwrap();
    let other = Embedded::new(Sealer::new(&MasterKey::random().unwrap()), at.rows.clone());
    assert_eq!(other.check().await.unwrap_err().kind(), ErrorKind::WrongKey);
    let error = other.get("v1", "a", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    assert_eq!(error.subject(), "secret 'a' of vault 'V1'");
}

#[tokio::test]
async fn a_new_master_key_takes_over() {
    let rows = Arc::new(MemoryRows::default());
    let (old, new) = (MasterKey::random().unwrap(), MasterKey::random().unwrap());
    let before = Embedded::new(Sealer::new(&old), rows.clone());
    for n in 0..250 {
        before.set("v1", &format!("s{n}"), NewSecret::new(format!("value {n}"))).await.unwrap();
    }
    let both = Embedded::new(Sealer::new(&new).with_former(&old), rows.clone());
    both.set("v1", "fresh", NewSecret::new("value fresh")).await.unwrap();
    assert_eq!(both.reseal().await.unwrap(), Resealed { resealed: 250, current: 1 });
    assert_eq!(both.reseal().await.unwrap(), Resealed { resealed: 0, current: 251 });
    let after = Embedded::new(Sealer::new(&new), rows);
    for n in ["0", "249"] {
        let secret = after.get("v1", &format!("s{n}"), None).await.unwrap();
        assert_eq!(secret.value.expose_secret(), format!("value {n}"));
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_a_secret() {
    let at = fixture();
    let new = NewSecret::new("PLANTED");
    let secret = at.set("a", "PLANTED").await;
    let rows = at.all().await;
    let sealed = hex::encode(&rows[0].sealed);
    let error: Error = at.vault.get("v1", "b", None).await.unwrap_err();
    let page = at.vault.list("v1", None, 10).await.unwrap();
    let shown = format!("{new:?} {secret:?} {rows:?} {:?} {:?} {error:?} {page:?}", at.vault, at.rows);
    assert!(!shown.contains("PLANTED"), "{shown}");
    assert!(!shown.contains(&sealed[..40]) && !shown.contains("80, 76, 65, 78"), "{shown}");
    assert!(!rows[0].sealed.windows(7).any(|window| window == b"PLANTED"));
}
