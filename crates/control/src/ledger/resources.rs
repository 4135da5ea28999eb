//! Groups, registries, pipelines, vaults, identities.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;

use super::Ledger;
use super::db::Tx;
use super::deployment_history::forget_deployments;
use super::fault::Fault;
use super::runs::doom_beneath;
use super::secrets::forget_secrets;
use super::sql::{
    Locking, Page, Scope, beneath, from_json, get, id as parse_id, locking, moment, number_after,
    number_cursor, plain, scope_column, scopes_of, to_json,
};
use super::watches::{forget_watches, keep_watch};
use crate::resource::{Body, Stamps, Stored};
use crate::{Code, Error};

/// What a change relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// That it is not there.
    Absent,
    /// That it is as this [revision](Stored::revision) has it.
    Revision(i64),
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// As it is now.
    pub stored: Stored,
    /// Whether it was not there before.
    pub created: bool,
}

macro_rules! columns {
    () => {
        "seq, id, revision, created_by, created_at, changed_by, changed_at, body"
    };
}

pub(super) const ONE: &str = concat!("SELECT ", columns!(), " FROM resources WHERE id_key = $1");
const ONE_TO_CHANGE: Locking = locking!("SELECT ", columns!(), " FROM resources WHERE id_key = $1");
pub(super) const NAMED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources WHERE id_key = (SELECT id_key FROM names WHERE name = $1)"
);
/// Ids that one statement asks for; a statement has as many places, whatever is asked.
const MANY: usize = 25;
const SOME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources WHERE id_key IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
     $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)"
);
const INSERT: &str = "INSERT INTO resources (id_key, id, kind, subscription_key, group_key, parent_key, revision, \
     created_by, created_at, changed_by, changed_at, body) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8, $7, $9) ON CONFLICT (id_key) DO NOTHING";
const UPDATE: &str =
    "UPDATE resources SET revision = $2, changed_by = $3, changed_at = $4, body = $5 WHERE id_key = $1";
pub(super) const DELETE: &str = "DELETE FROM resources WHERE id_key = $1 OR (id_key >= $2 AND id_key < $3)";
const FORGET_NAMES: &str = "DELETE FROM names WHERE id_key = $1 OR (id_key >= $2 AND id_key < $3)";

/// A list of a kind in a scope.
macro_rules! listing {
    ($column:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM resources WHERE kind = $1 AND ",
            $column,
            " = $2 AND seq > $3 ORDER BY seq LIMIT $4"
        )
    };
}

impl Scope {
    pub(super) fn resources(self) -> &'static str {
        match self {
            Self::Subscription => listing!("subscription_key"),
            Self::Group => listing!("group_key"),
            Self::Parent => listing!("parent_key"),
        }
    }
}

impl Ledger {
    /// Makes a resource or replaces what it is. Its id stays as it was first written.
    ///
    /// # Errors
    /// `Conflict` where it is not as was expected.
    pub async fn put(&self, id: &ResourceId, body: &Body, by: &str, expect: Expect) -> Result<Put, Error> {
        self.db.doing(|| self.put_in(id, body, by, expect, None)).await
    }

    /// The same, for a resource that has names which no other may have (a host, a place in a store): it has these from then
    /// on, and no others, until it is deleted. Names are compared byte by byte.
    ///
    /// # Errors
    /// `Conflict` about the id of the resource that has one of the names; also as [`put`](Self::put).
    pub async fn put_named(
        &self,
        id: &ResourceId,
        body: &Body,
        by: &str,
        expect: Expect,
        names: &[String],
    ) -> Result<Put, Error> {
        self.db.doing(|| self.put_in(id, body, by, expect, Some(names))).await
    }

    async fn put_in(
        &self,
        id: &ResourceId,
        body: &Body,
        by: &str,
        expect: Expect,
        names: Option<&[String]>,
    ) -> Result<Put, Fault> {
        let mut tx = self.db.begin().await?;
        let found = sqlx::query(ONE_TO_CHANGE.of(tx.dialect)).bind(id.key()).fetch_optional(tx.on()).await?;
        let found = found.map(|row| stored(&row)).transpose()?.map(|(_, stored)| stored);
        check(id, expect, found.as_ref())?;
        let put = match found {
            None => insert(&mut tx, id, body, by).await?,
            Some(found) => update(&mut tx, found, body, by).await?,
        };
        if let Some(names) = names {
            keep_names(tx.on(), id, names).await?;
        }
        keep_watch(&mut tx, id, body).await?;
        tx.commit(&self.db).await?;
        Ok(put)
    }

    /// Those of these resources that are there, in any order.
    pub async fn get_many(&self, ids: &[ResourceId]) -> Result<Vec<Stored>, Error> {
        let mut found = Vec::new();
        for some in ids.chunks(MANY) {
            found.extend(self.db.doing(|| self.get_some_in(some)).await?);
        }
        Ok(found)
    }

    async fn get_some_in(&self, ids: &[ResourceId]) -> Result<Vec<Stored>, Fault> {
        let keys = ids.iter().map(ResourceId::key).chain(std::iter::repeat("")).take(MANY);
        let query = keys.fold(sqlx::query(SOME), sqlx::query::Query::bind);
        let rows = query.fetch_all(&self.db.read).await?;
        rows.iter().map(|row| Ok(stored(row)?.1)).collect()
    }

    /// The resource that [has](Self::put_named) a name.
    pub async fn named(&self, name: &str) -> Result<Option<Stored>, Error> {
        self.db.doing(|| self.named_in(name)).await
    }

    async fn named_in(&self, name: &str) -> Result<Option<Stored>, Fault> {
        let row = sqlx::query(NAMED).bind(plain(name)).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| stored(&row)).transpose()?.map(|(_, stored)| stored))
    }

    /// A resource.
    pub async fn get(&self, id: &ResourceId) -> Result<Option<Stored>, Error> {
        self.db.doing(|| self.get_in(id)).await
    }

    async fn get_in(&self, id: &ResourceId) -> Result<Option<Stored>, Fault> {
        let row = sqlx::query(ONE).bind(id.key()).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| stored(&row)).transpose()?.map(|(_, stored)| stored))
    }

    /// Every resource of a type in a subscription, in a group, or right beneath a resource, in the order in which they were
    /// made. `after` is what an earlier page's `next` was.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn list(
        &self,
        scope: &ResourceId,
        kind: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Stored>, Error> {
        self.db.doing(|| self.list_in(scope, kind, after, most)).await
    }

    async fn list_in(
        &self,
        scope: &ResourceId,
        kind: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Stored>, Fault> {
        let most = self.page_items(most);
        let (column, value) = scope_column(scope);
        let rows = sqlx::query(column.resources())
            .bind(kind.to_ascii_lowercase())
            .bind(value)
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(rows.into_iter().map(|(seq, stored)| (number_after(seq), stored)).collect(), most))
    }

    /// Removes a resource with everything beneath it, and whether it was there. Runs beneath it that a worker has are told to
    /// stop and disappear when it did. A vault's secrets go with it; what a pipeline's trigger knows, too.
    pub async fn delete(&self, id: &ResourceId) -> Result<bool, Error> {
        self.db.doing(|| self.delete_in(id)).await
    }

    async fn delete_in(&self, id: &ResourceId) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let there = sqlx::query(ONE_TO_CHANGE.of(tx.dialect)).bind(id.key()).fetch_optional(tx.on()).await?;
        forget_secrets(tx.on(), id).await?;
        let (first, end) = beneath(id);
        for statement in [FORGET_NAMES, DELETE] {
            sqlx::query(statement).bind(id.key()).bind(&first).bind(&end).execute(tx.on()).await?;
        }
        forget_watches(tx.on(), id).await?;
        forget_deployments(tx.on(), id).await?;
        doom_beneath(&mut tx, id).await?;
        tx.commit(&self.db).await?;
        Ok(there.is_some())
    }

    /// How many items a page has when so many are asked for.
    pub(super) fn page_items(&self, most: usize) -> usize {
        most.clamp(1, self.db.limits.page_items_max)
    }
}

/// One more than a page has, to know whether another follows.
pub(super) fn one_more(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX - 1) + 1
}

fn check(id: &ResourceId, expect: Expect, found: Option<&Stored>) -> Result<(), Error> {
    let refuse =
        |detail: &str| Err(Error::new(Code::Conflict, format!("'{id}' {detail}")).about(id.as_str()));
    match (expect, found) {
        (Expect::Absent, Some(_)) => refuse("is there already"),
        (Expect::Revision(_), None) => refuse("is gone: read it again before changing it"),
        (Expect::Revision(revision), Some(found)) if found.revision != revision => {
            refuse("was changed by somebody else: read it again before changing it")
        }
        _ => Ok(()),
    }
}

async fn insert(tx: &mut Tx, id: &ResourceId, body: &Body, by: &str) -> Result<Put, Fault> {
    let (subscription, group, parent) = scopes_of(id);
    let done = sqlx::query(INSERT)
        .bind(id.key())
        .bind(id.as_str())
        .bind(id.kind().to_ascii_lowercase())
        .bind(subscription)
        .bind(group)
        .bind(parent)
        .bind(tx.now)
        .bind(plain(by))
        .bind(to_json(body)?)
        .execute(tx.on())
        .await?;
    if done.rows_affected() == 0 {
        return Err(Fault::Collided);
    }
    let at = moment(tx.now)?;
    let stamps = Stamps { created_by: plain(by), created_at: at, changed_by: plain(by), changed_at: at };
    Ok(Put { stored: Stored { id: id.clone(), revision: tx.now, stamps, body: body.clone() }, created: true })
}

async fn update(tx: &mut Tx, mut found: Stored, body: &Body, by: &str) -> Result<Put, Fault> {
    // by the clock and not from 1: a resource that was deleted and made again never has a revision for a second time
    found.revision = tx.now.max(found.revision + 1);
    found.stamps.changed_by = plain(by);
    found.stamps.changed_at = moment(tx.now)?;
    found.body = body.clone();
    sqlx::query(UPDATE)
        .bind(found.id.key())
        .bind(found.revision)
        .bind(&found.stamps.changed_by)
        .bind(tx.now)
        .bind(to_json(body)?)
        .execute(tx.on())
        .await?;
    Ok(Put { stored: found, created: false })
}

async fn keep_names(on: &mut AnyConnection, id: &ResourceId, names: &[String]) -> Result<(), Fault> {
    sqlx::query("DELETE FROM names WHERE id_key = $1").bind(id.key()).execute(&mut *on).await?;
    // in an order that all keep to, so that two with the same names cannot wait for each other
    let mut names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let done =
            sqlx::query("INSERT INTO names (name, id_key) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
                .bind(&name)
                .bind(id.key())
                .execute(&mut *on)
                .await?;
        if done.rows_affected() == 0 {
            return Err(taken(on, id, &name).await?);
        }
    }
    Ok(())
}

async fn taken(on: &mut AnyConnection, id: &ResourceId, name: &str) -> Result<Fault, Fault> {
    const HOLDER: &str = "SELECT id FROM resources WHERE id_key = (SELECT id_key FROM names WHERE name = $1)";
    let Some(row) = sqlx::query(HOLDER).bind(name).fetch_optional(on).await? else {
        // it was deleted meanwhile
        return Ok(Fault::Collided);
    };
    let holder: String = get(&row, "id")?;
    let detail = format!("'{id}' cannot have '{name}': '{holder}' has it");
    Ok(Error::new(Code::Conflict, detail).about(holder).into())
}

/// A row's number and what it holds.
pub(super) fn stored(row: &AnyRow) -> Result<(i64, Stored), Fault> {
    let stamps = Stamps {
        created_by: get(row, "created_by")?,
        created_at: moment(get(row, "created_at")?)?,
        changed_by: get(row, "changed_by")?,
        changed_at: moment(get(row, "changed_at")?)?,
    };
    let stored = Stored {
        id: parse_id(&get::<String>(row, "id")?)?,
        revision: get(row, "revision")?,
        stamps,
        body: from_json(&get::<String>(row, "body")?, "a resource")?,
    };
    Ok((get(row, "seq")?, stored))
}
