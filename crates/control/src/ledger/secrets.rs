//! Sealed secrets of vaults. What is sealed, this crate cannot open.

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;
use transload_vault::{Rows, SecretInfo, SecretRow};

use super::Ledger;
use super::fault::Fault;
use super::resources::one_more;
use super::sql::{
    Locking, Page, beneath, from_json, get, id as parse_id, locking, name_after, name_cursor, number_after,
    number_cursor, to_json,
};
use super::watches::wake_watches;
use crate::resource::kind;
use crate::{Code, Error};

const INSERT: &str = "INSERT INTO secrets (vault_key, name_key, version_key, info, sealed) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (vault_key, name_key, version_key) DO NOTHING";
pub(super) const LATEST: &str =
    "SELECT seq, info, sealed FROM secrets WHERE vault_key = $1 AND name_key = $2 ORDER BY seq DESC LIMIT 1";
const VERSION: &str =
    "SELECT seq, info, sealed FROM secrets WHERE vault_key = $1 AND name_key = $2 AND version_key = $3";
const VERSION_TO_CHANGE: Locking = locking!(
    "SELECT seq, info, sealed FROM secrets WHERE vault_key = $1 AND name_key = $2 AND version_key = $3"
);
pub(super) const VERSIONS: &str = "SELECT seq, info, sealed FROM secrets \
     WHERE vault_key = $1 AND name_key = $2 AND seq > $3 ORDER BY seq LIMIT $4";
pub(super) const LIST: &str = "SELECT seq, info, sealed FROM secrets WHERE seq IN (SELECT MAX(seq) FROM secrets \
     WHERE vault_key = $1 AND name_key > $2 GROUP BY name_key ORDER BY name_key LIMIT $3) ORDER BY name_key";
const ALL: &str = "SELECT seq, info, sealed FROM secrets WHERE seq > $1 ORDER BY seq LIMIT $2";
const UPDATE: &str = "UPDATE secrets SET info = $2 WHERE seq = $1";
const RESEAL: &str = "UPDATE secrets SET sealed = $5 \
     WHERE vault_key = $1 AND name_key = $2 AND version_key = $3 AND sealed = $4";
pub(super) const DELETE: &str = "DELETE FROM secrets WHERE vault_key = $1 AND name_key = $2";
const DELETE_VAULT: &str = "DELETE FROM secrets WHERE vault_key = $1";

impl Ledger {
    async fn insert_secret(&self, row: &SecretRow) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        let [vault, name, version] = keys(&row.info);
        let done = sqlx::query(INSERT)
            .bind(vault)
            .bind(name)
            .bind(version)
            .bind(to_json(&row.info)?)
            .bind(BASE64_STANDARD.encode(&row.sealed))
            .execute(tx.on())
            .await?;
        if done.rows_affected() == 0 {
            let detail = format!("secret '{}' has this version already", row.info.name);
            return Err(Error::new(Code::Conflict, detail).into());
        }
        wake_watches(&mut tx).await?;
        tx.commit(&self.db).await
    }

    async fn one_secret(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<SecretRow>, Fault> {
        let query =
            sqlx::query(if version.is_some() { VERSION } else { LATEST }).bind(key(vault)).bind(key(name));
        let query = match version {
            Some(version) => query.bind(key(version)),
            None => query,
        };
        let row = query.fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| read(&row)).transpose()?.map(|(_, row)| row))
    }

    async fn versions_of(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretRow>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(VERSIONS)
            .bind(key(vault))
            .bind(key(name))
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        numbered(&rows, most)
    }

    async fn list_secrets(
        &self,
        vault: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretRow>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(LIST)
            .bind(key(vault))
            .bind(name_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| read(row).map(|(_, row)| (name_after(&key(&row.info.name)), row)));
        Ok(Page::of(rows.collect::<Result<_, _>>()?, most))
    }

    async fn all_secrets(&self, after: Option<&str>, most: usize) -> Result<Page<SecretRow>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(ALL)
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        numbered(&rows, most)
    }

    async fn update_secret(&self, info: &SecretInfo) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let [vault, name, version] = keys(info);
        let statement = VERSION_TO_CHANGE.of(tx.dialect);
        let found =
            sqlx::query(statement).bind(vault).bind(name).bind(version).fetch_optional(tx.on()).await?;
        let Some(found) = found else { return Ok(false) };
        let (seq, found) = read(&found)?;
        let SecretInfo { vault, name, version, .. } = found.info;
        let changed = SecretInfo { vault, name, version, ..info.clone() };
        sqlx::query(UPDATE).bind(seq).bind(to_json(&changed)?).execute(tx.on()).await?;
        wake_watches(&mut tx).await?;
        tx.commit(&self.db).await?;
        Ok(true)
    }

    async fn reseal_secret(&self, info: &SecretInfo, was: &[u8], sealed: &[u8]) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let [vault, name, version] = keys(info);
        let done = sqlx::query(RESEAL)
            .bind(vault)
            .bind(name)
            .bind(version)
            .bind(BASE64_STANDARD.encode(was))
            .bind(BASE64_STANDARD.encode(sealed))
            .execute(tx.on())
            .await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_secrets(&self, vault: &str, name: Option<&str>) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let query = sqlx::query(if name.is_some() { DELETE } else { DELETE_VAULT }).bind(key(vault));
        let query = match name {
            Some(name) => query.bind(key(name)),
            None => query,
        };
        let done = query.execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected() > 0)
    }
}

#[async_trait]
impl Rows for Ledger {
    async fn insert(&self, row: SecretRow) -> Result<(), transload_vault::Error> {
        self.db.doing(|| self.insert_secret(&row)).await.map_err(failed)
    }

    async fn latest(&self, vault: &str, name: &str) -> Result<Option<SecretRow>, transload_vault::Error> {
        self.db.doing(|| self.one_secret(vault, name, None)).await.map_err(failed)
    }

    async fn version(
        &self,
        vault: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<SecretRow>, transload_vault::Error> {
        self.db.doing(|| self.one_secret(vault, name, Some(version))).await.map_err(failed)
    }

    async fn versions(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<transload_vault::Page<SecretRow>, transload_vault::Error> {
        self.db.doing(|| self.versions_of(vault, name, after, most)).await.map(page).map_err(failed)
    }

    async fn list(
        &self,
        vault: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<transload_vault::Page<SecretRow>, transload_vault::Error> {
        self.db.doing(|| self.list_secrets(vault, after, most)).await.map(page).map_err(failed)
    }

    async fn all(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<transload_vault::Page<SecretRow>, transload_vault::Error> {
        self.db.doing(|| self.all_secrets(after, most)).await.map(page).map_err(failed)
    }

    async fn update(&self, info: &SecretInfo) -> Result<bool, transload_vault::Error> {
        self.db.doing(|| self.update_secret(info)).await.map_err(failed)
    }

    async fn reseal(
        &self,
        info: &SecretInfo,
        was: &[u8],
        sealed: Vec<u8>,
    ) -> Result<bool, transload_vault::Error> {
        self.db.doing(|| self.reseal_secret(info, was, &sealed)).await.map_err(failed)
    }

    async fn delete(&self, vault: &str, name: &str) -> Result<bool, transload_vault::Error> {
        self.db.doing(|| self.delete_secrets(vault, Some(name))).await.map_err(failed)
    }

    async fn delete_vault(&self, vault: &str) -> Result<(), transload_vault::Error> {
        self.db.doing(|| self.delete_secrets(vault, None)).await.map(|_| ()).map_err(failed)
    }
}

/// Secrets of the vaults that are removed with an id, or are it.
pub(super) async fn forget_secrets(on: &mut AnyConnection, id: &ResourceId) -> Result<(), Fault> {
    const VAULTS: &str =
        "SELECT id FROM resources WHERE kind = $1 AND (id_key = $2 OR (id_key >= $3 AND id_key < $4))";
    let (first, end) = beneath(id);
    let vaults = sqlx::query(VAULTS)
        .bind(kind::VAULT.to_ascii_lowercase())
        .bind(id.key())
        .bind(first)
        .bind(end)
        .fetch_all(&mut *on)
        .await?;
    for vault in &vaults {
        let vault = parse_id(&get::<String>(vault, "id")?)?;
        sqlx::query(DELETE_VAULT).bind(key(vault.name())).execute(&mut *on).await?;
    }
    Ok(())
}

fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn keys(info: &SecretInfo) -> [String; 3] {
    [key(&info.vault), key(&info.name), key(&info.version)]
}

fn read(row: &AnyRow) -> Result<(i64, SecretRow), Fault> {
    let sealed = BASE64_STANDARD.decode(get::<String>(row, "sealed")?);
    let row_of = SecretRow {
        info: from_json(&get::<String>(row, "info")?, "a secret")?,
        sealed: sealed.map_err(|why| Fault::damaged("a sealed secret", why))?,
    };
    Ok((get(row, "seq")?, row_of))
}

fn numbered(rows: &[AnyRow], most: usize) -> Result<Page<SecretRow>, Fault> {
    let rows = rows.iter().map(|row| read(row).map(|(seq, row)| (number_after(seq), row)));
    Ok(Page::of(rows.collect::<Result<_, _>>()?, most))
}

fn page(page: Page<SecretRow>) -> transload_vault::Page<SecretRow> {
    transload_vault::Page { items: page.items, next: page.next }
}

fn failed(why: Error) -> transload_vault::Error {
    transload_vault::Error::unavailable(why.message)
}
