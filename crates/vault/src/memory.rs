//! A double of what keeps secrets.

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::error::Error;
use crate::rows::{Page, Rows, SecretRow};
use crate::secret::SecretInfo;

/// Rows in memory, for tests: gone with the process.
#[derive(Debug, Default)]
pub struct MemoryRows {
    /// In the order of insertion, each with a number that stays its own.
    rows: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    rows: Vec<(u64, SecretRow)>,
}

fn same(info: &SecretInfo, vault: &str, name: &str) -> bool {
    info.vault.eq_ignore_ascii_case(vault) && info.name.eq_ignore_ascii_case(name)
}

fn same_version(info: &SecretInfo, other: &SecretInfo) -> bool {
    same(info, &other.vault, &other.name) && info.version.eq_ignore_ascii_case(&other.version)
}

impl MemoryRows {
    /// Those that `pick` wants, in pages by their numbers.
    fn page(&self, after: Option<&str>, most: usize, pick: impl Fn(&SecretInfo) -> bool) -> Page<SecretRow> {
        let after: u64 = after.and_then(|text| text.parse().ok()).unwrap_or(0);
        let table = self.rows.lock();
        let wanted: Vec<_> =
            table.rows.iter().filter(|(at, row)| *at > after && pick(&row.info)).take(most + 1).collect();
        let next = (wanted.len() > most).then(|| wanted[most - 1].0.to_string());
        Page { items: wanted.into_iter().take(most).map(|(_, row)| row.clone()).collect(), next }
    }

    fn last(&self, pick: impl Fn(&SecretInfo) -> bool) -> Option<SecretRow> {
        self.rows.lock().rows.iter().rev().find(|(_, row)| pick(&row.info)).map(|(_, row)| row.clone())
    }
}

#[async_trait]
impl Rows for MemoryRows {
    async fn insert(&self, row: SecretRow) -> Result<(), Error> {
        let mut table = self.rows.lock();
        if table.rows.iter().any(|(_, there)| same_version(&there.info, &row.info)) {
            return Err(Error::unavailable("there is such a version"));
        }
        table.last += 1;
        let at = table.last;
        table.rows.push((at, row));
        Ok(())
    }

    async fn latest(&self, vault: &str, name: &str) -> Result<Option<SecretRow>, Error> {
        Ok(self.last(|info| same(info, vault, name)))
    }

    async fn version(&self, vault: &str, name: &str, version: &str) -> Result<Option<SecretRow>, Error> {
        Ok(self.last(|info| same(info, vault, name) && info.version.eq_ignore_ascii_case(version)))
    }

    async fn versions(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretRow>, Error> {
        Ok(self.page(after, most, |info| same(info, vault, name)))
    }

    async fn list(&self, vault: &str, after: Option<&str>, most: usize) -> Result<Page<SecretRow>, Error> {
        let mut names: Vec<String> = {
            let table = self.rows.lock();
            let of_vault = table.rows.iter().filter(|(_, row)| row.info.vault.eq_ignore_ascii_case(vault));
            of_vault.map(|(_, row)| row.info.name.to_ascii_lowercase()).collect()
        };
        names.sort();
        names.dedup();
        names.retain(|name| after.is_none_or(|after| name.as_str() > after));
        let next = (names.len() > most).then(|| names[most - 1].clone());
        names.truncate(most);
        let items = names.iter().filter_map(|name| self.last(|info| same(info, vault, name))).collect();
        Ok(Page { items, next })
    }

    async fn all(&self, after: Option<&str>, most: usize) -> Result<Page<SecretRow>, Error> {
        Ok(self.page(after, most, |_| true))
    }

    async fn update(&self, info: &SecretInfo) -> Result<bool, Error> {
        let mut table = self.rows.lock();
        let Some((_, row)) = table.rows.iter_mut().find(|(_, row)| same_version(&row.info, info)) else {
            return Ok(false);
        };
        row.info.attributes = info.attributes.clone();
        row.info.content_type = info.content_type.clone();
        row.info.tags = info.tags.clone();
        Ok(true)
    }

    async fn reseal(&self, info: &SecretInfo, was: &[u8], sealed: Vec<u8>) -> Result<bool, Error> {
        let mut table = self.rows.lock();
        let found = table.rows.iter_mut().find(|(_, row)| same_version(&row.info, info) && row.sealed == was);
        Ok(found.map(|(_, row)| row.sealed = sealed).is_some())
    }

    async fn delete(&self, vault: &str, name: &str) -> Result<bool, Error> {
        let mut table = self.rows.lock();
        let before = table.rows.len();
        table.rows.retain(|(_, row)| !same(&row.info, vault, name));
        Ok(table.rows.len() < before)
    }

    async fn delete_vault(&self, vault: &str) -> Result<(), Error> {
        self.rows.lock().rows.retain(|(_, row)| !row.info.vault.eq_ignore_ascii_case(vault));
        Ok(())
    }
}
