//! What everything that keeps secrets must do, as one suite.
//!
//! [`run`] panics at the first case that fails, with the case's name in front.

use std::collections::BTreeMap;

use crate::rows::{Page, Rows, SecretRow};
use crate::secret::{Attributes, SecretInfo};

/// Runs every case. What keeps the rows is empty, or holds vaults of other names than `conf-…`.
pub async fn run(rows: &dyn Rows) {
    what_is_inserted_is_found(rows).await;
    the_latest_is_the_one_inserted_last(rows).await;
    a_version_is_inserted_once(rows).await;
    names_are_compared_without_regard_to_case(rows).await;
    versions_come_in_order_and_in_pages(rows).await;
    a_list_has_the_latest_of_each_by_name_and_in_pages(rows).await;
    all_of_them_come_once(rows).await;
    an_update_leaves_the_value(rows).await;
    a_value_is_resealed_only_if_it_is_the_one_that_was_read(rows).await;
    a_deleted_secret_is_gone_with_its_versions(rows).await;
    a_deleted_vault_takes_its_secrets_and_no_others(rows).await;
}

fn row(vault: &str, name: &str, version: u32) -> SecretRow {
    let at = 1_700_000_000;
    SecretRow {
        info: SecretInfo {
            vault: vault.to_owned(),
            name: name.to_owned(),
            version: format!("{version:032x}"),
            attributes: Attributes {
                enabled: true,
                not_before: None,
                expires: Some(4_102_444_800),
                created: at,
                updated: at,
            },
            content_type: Some("text/plain".to_owned()),
            tags: BTreeMap::from([("file-encoding".to_owned(), "utf-8".to_owned())]),
        },
        // every byte, so that nothing takes it for text
        sealed: (0..=255).chain(version.to_be_bytes()).collect(),
    }
}

async fn insert(rows: &dyn Rows, row: &SecretRow) {
    rows.insert(row.clone()).await.expect("a row can be inserted");
}

async fn latest(rows: &dyn Rows, vault: &str, name: &str) -> Option<SecretRow> {
    rows.latest(vault, name).await.expect("a row can be read")
}

fn versions_of(page: &Page<SecretRow>) -> Vec<u32> {
    let read = |row: &SecretRow| u32::from_str_radix(&row.info.version, 16).expect("a version of this suite");
    page.items.iter().map(read).collect()
}

async fn what_is_inserted_is_found(rows: &dyn Rows) {
    let case = "what is inserted is found";
    let first = row("conf-found", "one", 1);
    assert_eq!(latest(rows, "conf-found", "one").await, None, "{case}: before");
    insert(rows, &first).await;
    assert_eq!(latest(rows, "conf-found", "one").await.as_ref(), Some(&first), "{case}: the latest");
    let found = rows.version("conf-found", "one", &first.info.version).await.expect(case);
    assert_eq!(found, Some(first), "{case}: by version");
    let other = format!("{:032x}", 2);
    assert_eq!(rows.version("conf-found", "one", &other).await.expect(case), None, "{case}: another version");
    assert_eq!(latest(rows, "conf-other", "one").await, None, "{case}: another vault");
}

async fn the_latest_is_the_one_inserted_last(rows: &dyn Rows) {
    // made within one second, and with versions that sort the other way round
    for version in [9, 5, 7] {
        insert(rows, &row("conf-latest", "one", version)).await;
        let found = latest(rows, "conf-latest", "one").await.expect("the latest");
        assert_eq!(found, row("conf-latest", "one", version), "the latest is the one inserted last");
    }
}

async fn a_version_is_inserted_once(rows: &dyn Rows) {
    insert(rows, &row("conf-once", "one", 1)).await;
    let again = rows.insert(row("conf-once", "ONE", 1)).await;
    assert!(again.is_err(), "a version is inserted once");
}

async fn names_are_compared_without_regard_to_case(rows: &dyn Rows) {
    let case = "names are compared without regard to case";
    let mixed = row("Conf-Case", "Sas-Token", 0xabc);
    insert(rows, &mixed).await;
    assert_eq!(latest(rows, "conf-case", "sas-token").await.as_ref(), Some(&mixed), "{case}");
    let version = mixed.info.version.to_ascii_uppercase();
    let found = rows.version("CONF-CASE", "SAS-TOKEN", &version).await.expect(case);
    assert_eq!(found.as_ref(), Some(&mixed), "{case}: by version");
    insert(rows, &row("CONF-CASE", "SAS-TOKEN", 2)).await;
    let page = rows.versions("conf-case", "sas-token", None, 10).await.expect(case);
    assert_eq!(page.items.len(), 2, "{case}: versions");
    assert_eq!(rows.list("conf-CASE", None, 10).await.expect(case).items.len(), 1, "{case}: list");
    assert!(rows.delete("conf-case", "SAS-token").await.expect(case), "{case}: delete");
    assert_eq!(latest(rows, "Conf-Case", "Sas-Token").await, None, "{case}: deleted");
}

async fn versions_come_in_order_and_in_pages(rows: &dyn Rows) {
    let case = "versions come in order and in pages";
    for version in [3, 1, 2, 5, 4] {
        insert(rows, &row("conf-versions", "one", version)).await;
        insert(rows, &row("conf-versions", "other", version)).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = rows.versions("conf-versions", "one", after.as_deref(), 2).await.expect(case);
        assert!(page.items.len() <= 2, "{case}: a page has as many as were asked for");
        seen.extend(versions_of(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [3, 1, 2, 5, 4], "{case}");
    let whole = rows.versions("conf-versions", "one", None, 5).await.expect(case);
    assert_eq!(whole.next, None, "{case}: nothing follows a page that is just full");
}

async fn a_list_has_the_latest_of_each_by_name_and_in_pages(rows: &dyn Rows) {
    let case = "a list has the latest of each, by name and in pages";
    for (name, version) in [("b", 1), ("C", 2), ("a", 3), ("b", 4), ("d", 5)] {
        insert(rows, &row("conf-list", name, version)).await;
    }
    let first = rows.list("conf-list", None, 3).await.expect(case);
    assert_eq!(versions_of(&first), [3, 4, 2], "{case}");
    let second = rows.list("conf-list", first.next.as_deref(), 3).await.expect(case);
    assert_eq!((versions_of(&second), second.next), (vec![5], None), "{case}: the second page");
}

async fn all_of_them_come_once(rows: &dyn Rows) {
    let case = "all of them come once";
    for version in 1..=5 {
        insert(rows, &row("conf-all", &format!("name-{}", version % 2), version)).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = rows.all(after.as_deref(), 2).await.expect(case);
        let ours = page.items.iter().filter(|row| row.info.vault == "conf-all");
        seen.extend(ours.map(|row| row.info.version.clone()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    let wanted: Vec<String> = (1..=5).map(|version| format!("{version:032x}")).collect();
    assert_eq!(seen, wanted, "{case}");
}

async fn an_update_leaves_the_value(rows: &dyn Rows) {
    let case = "an update leaves the value";
    let first = row("conf-update", "one", 1);
    insert(rows, &first).await;
    insert(rows, &row("conf-update", "one", 2)).await;
    let mut info = first.info.clone();
    info.attributes.enabled = false;
    info.attributes.not_before = Some(5);
    info.attributes.expires = None;
    info.attributes.updated += 1;
    info.content_type = None;
    info.tags = BTreeMap::from([("a".to_owned(), "ü".to_owned())]);
    assert!(rows.update(&info).await.expect(case), "{case}: it is there");
    let found = rows.version("conf-update", "one", &info.version).await.expect(case).expect(case);
    assert_eq!(found, SecretRow { info: info.clone(), sealed: first.sealed }, "{case}");
    let last = latest(rows, "conf-update", "one").await;
    assert_eq!(last, Some(row("conf-update", "one", 2)), "{case}: other versions stay");
    info.version = format!("{:032x}", 9);
    assert!(!rows.update(&info).await.expect(case), "{case}: what is absent is not updated");
}

async fn a_value_is_resealed_only_if_it_is_the_one_that_was_read(rows: &dyn Rows) {
    let case = "a value is resealed only if it is the one that was read";
    let first = row("conf-reseal", "one", 1);
    insert(rows, &first).await;
    let other = rows.reseal(&first.info, b"other", vec![1]).await.expect(case);
    assert!(!other, "{case}: another value");
    assert_eq!(latest(rows, "conf-reseal", "one").await.as_ref(), Some(&first), "{case}: it stays");
    assert!(rows.reseal(&first.info, &first.sealed, vec![0, 255]).await.expect(case), "{case}");
    let wanted = SecretRow { sealed: vec![0, 255], ..first };
    assert_eq!(latest(rows, "conf-reseal", "one").await, Some(wanted), "{case}: the new value");
}

async fn a_deleted_secret_is_gone_with_its_versions(rows: &dyn Rows) {
    let case = "a deleted secret is gone with its versions";
    for version in [1, 2] {
        insert(rows, &row("conf-delete", "one", version)).await;
    }
    insert(rows, &row("conf-delete", "two", 3)).await;
    assert!(rows.delete("conf-delete", "one").await.expect(case), "{case}: it was there");
    assert!(!rows.delete("conf-delete", "one").await.expect(case), "{case}: it was not there any more");
    let left = rows.versions("conf-delete", "one", None, 10).await.expect(case);
    assert!(left.items.is_empty(), "{case}: its versions");
    assert!(latest(rows, "conf-delete", "two").await.is_some(), "{case}: others stay");
    // the same version may come again: a restored backup
    insert(rows, &row("conf-delete", "one", 1)).await;
}

async fn a_deleted_vault_takes_its_secrets_and_no_others(rows: &dyn Rows) {
    let case = "a deleted vault takes its secrets and no others";
    insert(rows, &row("conf-vault", "one", 1)).await;
    insert(rows, &row("conf-vault", "two", 2)).await;
    insert(rows, &row("conf-vault2", "one", 3)).await;
    rows.delete_vault("CONF-vault").await.expect(case);
    assert!(rows.list("conf-vault", None, 10).await.expect(case).items.is_empty(), "{case}");
    assert!(latest(rows, "conf-vault2", "one").await.is_some(), "{case}: others stay");
}
