//! Service principals, and who may do what.

use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::Ledger;
use super::fault::Fault;
use super::sql::{get, id as parse_id, millis, moment, moment_opt, plain, uuid};
use crate::{Error, Grant, Principal, Role};

const PUT: &str = "INSERT INTO principals (client_id, object_id, name, secret_hash, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client_id) DO UPDATE SET object_id = excluded.object_id, \
     name = excluded.name, secret_hash = excluded.secret_hash, created_at = excluded.created_at, \
     expires_at = excluded.expires_at";
pub(super) const ONE: &str = "SELECT client_id, object_id, name, secret_hash, created_at, expires_at FROM principals \
     WHERE client_id = $1";
const ALL: &str =
    "SELECT client_id, object_id, name, secret_hash, created_at, expires_at FROM principals ORDER BY seq";
const GRANT: &str = "INSERT INTO grants (principal, role, scope_key, scope) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (principal, role, scope_key) DO NOTHING";
const GRANTS: &str = "SELECT principal, role, scope FROM grants ORDER BY seq";
pub(super) const GRANTS_OF: &str =
    "SELECT principal, role, scope FROM grants WHERE principal = $1 ORDER BY seq";
const REVOKE: &str = "DELETE FROM grants WHERE principal = $1 AND role = $2 AND scope_key = $3";

impl Ledger {
    /// Makes a principal, or replaces the one with its client id.
    pub async fn put_principal(&self, principal: &Principal) -> Result<(), Error> {
        self.db.doing(|| self.put_principal_in(principal)).await
    }

    async fn put_principal_in(&self, principal: &Principal) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        sqlx::query(PUT)
            .bind(principal.client_id.to_string())
            .bind(principal.object_id.to_string())
            .bind(plain(&principal.name))
            .bind(plain(&principal.secret_hash))
            .bind(millis(principal.created_at))
            .bind(principal.expires_at.map(millis))
            .execute(tx.on())
            .await?;
        tx.commit(&self.db).await
    }

    /// The principal of a client id.
    pub async fn principal(&self, client_id: Uuid) -> Result<Option<Principal>, Error> {
        self.db.doing(|| self.principal_in(client_id)).await
    }

    async fn principal_in(&self, client_id: Uuid) -> Result<Option<Principal>, Fault> {
        let row = sqlx::query(ONE).bind(client_id.to_string()).fetch_optional(&self.db.read).await?;
        row.map(|row| principal(&row)).transpose()
    }

    /// Every principal, in the order in which they were made.
    pub async fn principals(&self) -> Result<Vec<Principal>, Error> {
        self.db.doing(|| self.principals_in()).await
    }

    async fn principals_in(&self) -> Result<Vec<Principal>, Fault> {
        sqlx::query(ALL).fetch_all(&self.db.read).await?.iter().map(principal).collect()
    }

    /// Removes a principal with its grants, and whether it was there.
    pub async fn delete_principal(&self, client_id: Uuid) -> Result<bool, Error> {
        self.db.doing(|| self.delete_principal_in(client_id)).await
    }

    async fn delete_principal_in(&self, client_id: Uuid) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let gone = sqlx::query("DELETE FROM principals WHERE client_id = $1 RETURNING object_id")
            .bind(client_id.to_string())
            .fetch_optional(tx.on())
            .await?;
        let Some(gone) = gone else { return Ok(false) };
        let object_id: String = get(&gone, "object_id")?;
        sqlx::query("DELETE FROM grants WHERE principal = $1").bind(object_id).execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(true)
    }

    /// Gives a role. Given twice it is given once; whether it was new.
    pub async fn put_grant(&self, grant: &Grant) -> Result<bool, Error> {
        self.db.doing(|| self.grant_in(GRANT, grant, Some(grant.scope.as_str()))).await
    }

    /// Takes a role away, and whether it had been given.
    pub async fn delete_grant(&self, grant: &Grant) -> Result<bool, Error> {
        self.db.doing(|| self.grant_in(REVOKE, grant, None)).await
    }

    async fn grant_in(
        &self,
        statement: &'static str,
        grant: &Grant,
        scope: Option<&str>,
    ) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let query = sqlx::query(statement)
            .bind(plain(&grant.principal).to_ascii_lowercase())
            .bind(grant.role.name())
            .bind(grant.scope.key());
        let query = match scope {
            Some(scope) => query.bind(scope),
            None => query,
        };
        let done = query.execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Every role that was given, in the order in which that was done.
    pub async fn grants(&self) -> Result<Vec<Grant>, Error> {
        self.db.doing(|| self.grants_in()).await
    }

    async fn grants_in(&self) -> Result<Vec<Grant>, Fault> {
        sqlx::query(GRANTS).fetch_all(&self.db.read).await?.iter().map(grant).collect()
    }

    /// The roles of one principal, by its object id.
    pub async fn grants_of(&self, principal: &str) -> Result<Vec<Grant>, Error> {
        self.db.doing(|| self.grants_of_in(principal)).await
    }

    async fn grants_of_in(&self, principal: &str) -> Result<Vec<Grant>, Fault> {
        let principal = plain(principal).to_ascii_lowercase();
        sqlx::query(GRANTS_OF).bind(principal).fetch_all(&self.db.read).await?.iter().map(grant).collect()
    }

    /// Takes away every role at a scope and beneath it, and how many there were: for resources that are removed.
    pub async fn delete_grants_beneath(&self, scope: &ResourceId) -> Result<u64, Error> {
        self.db.doing(|| self.delete_grants_beneath_in(scope)).await
    }

    async fn delete_grants_beneath_in(&self, scope: &ResourceId) -> Result<u64, Fault> {
        const BENEATH: &str =
            "DELETE FROM grants WHERE scope_key = $1 OR (scope_key >= $2 AND scope_key < $3)";
        let (first, end) = super::sql::beneath(scope);
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(BENEATH).bind(scope.key()).bind(first).bind(end).execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected())
    }
}

fn principal(row: &AnyRow) -> Result<Principal, Fault> {
    Ok(Principal {
        client_id: uuid(&get::<String>(row, "client_id")?)?,
        object_id: uuid(&get::<String>(row, "object_id")?)?,
        name: get(row, "name")?,
        secret_hash: get(row, "secret_hash")?,
        created_at: moment(get(row, "created_at")?)?,
        expires_at: moment_opt(get(row, "expires_at")?)?,
    })
}

fn grant(row: &AnyRow) -> Result<Grant, Fault> {
    let role: String = get(row, "role")?;
    let role = Role::parse(&role).ok_or_else(|| Fault::damaged("a role", &role))?;
    Ok(Grant { principal: get(row, "principal")?, role, scope: parse_id(&get::<String>(row, "scope")?)? })
}
