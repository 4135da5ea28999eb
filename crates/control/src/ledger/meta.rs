//! Single values: what the installation was given once.

use super::Ledger;
use super::fault::Fault;
use super::sql::get;
use crate::Error;

impl Ledger {
    /// The value of a key.
    ///
    /// # Errors
    /// `LedgerUnavailable`, as of every method here.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        self.db.doing(|| self.meta_in(key)).await
    }

    async fn meta_in(&self, key: &str) -> Result<Option<String>, Fault> {
        let row = sqlx::query("SELECT value FROM meta WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.db.read)
            .await?;
        row.map(|row| get(&row, "value")).transpose()
    }

    /// Sets the value of a key that has none, and gives the value that stands: of several processes that start at once all
    /// get the same.
    pub async fn put_meta_if_absent(&self, key: &str, value: &str) -> Result<String, Error> {
        self.db.doing(|| self.put_meta_in(key, value)).await
    }

    async fn put_meta_in(&self, key: &str, value: &str) -> Result<String, Fault> {
        let mut tx = self.db.begin().await?;
        sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
            .bind(key)
            .bind(value)
            .execute(tx.on())
            .await?;
        let row = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key).fetch_one(tx.on()).await?;
        let stands = get(&row, "value")?;
        tx.commit(&self.db).await?;
        Ok(stands)
    }

    /// Sets the value of a key, whatever it was.
    pub async fn put_meta(&self, key: &str, value: &str) -> Result<(), Error> {
        self.db.doing(|| self.replace_meta_in(key, value)).await
    }

    async fn replace_meta_in(&self, key: &str, value: &str) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(value)
        .execute(tx.on())
        .await?;
        tx.commit(&self.db).await
    }
}
