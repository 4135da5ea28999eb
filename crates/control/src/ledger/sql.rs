//! SQL that is one text for both databases, and values as they stand in rows.

use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::fault::Fault;
use crate::resource::kind;
use crate::{Code, Error};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement that locks the rows it reads. SQLite needs no word for it: a writer is alone there.
#[derive(Clone, Copy)]
pub(super) struct Locking {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Locking {
    pub(super) fn of(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// A `SELECT` whose rows stay as they are until the transaction ends; one that others have is waited for.
macro_rules! locking {
    ($($text:expr),+ $(,)?) => {
        $crate::ledger::sql::Locking {
            sqlite: concat!($($text),+),
            postgres: concat!($($text,)+ " FOR UPDATE"),
        }
    };
}

/// The same, but rows that others have are passed over.
macro_rules! claiming {
    ($($text:expr),+ $(,)?) => {
        $crate::ledger::sql::Locking {
            sqlite: concat!($($text),+),
            postgres: concat!($($text,)+ " FOR UPDATE SKIP LOCKED"),
        }
    };
}

pub(super) use {claiming, locking};

/// A value of a column.
pub(super) fn get<'r, T>(row: &'r AnyRow, column: &str) -> Result<T, Fault>
where
    T: Decode<'r, Any> + Type<Any>,
{
    row.try_get(column).map_err(|why| Fault::damaged(column, why))
}

/// Milliseconds since 1970.
pub(super) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The moment of these milliseconds since 1970.
pub(super) fn moment(millis: i64) -> Result<OffsetDateTime, Fault> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .map_err(|why| Fault::damaged("a time", why))
}

pub(super) fn moment_opt(millis: Option<i64>) -> Result<Option<OffsetDateTime>, Fault> {
    millis.map(moment).transpose()
}

pub(super) fn span_millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4)
}

pub(super) fn id(text: &str) -> Result<ResourceId, Fault> {
    ResourceId::parse(text).map_err(|why| Fault::damaged("an id", why))
}

pub(super) fn uuid(text: &str) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|why| Fault::damaged("a UUID", why))
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|why| Fault::damaged("a value", why))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|why| Fault::damaged(what, why))
}

/// A text of others, without the one character that PostgreSQL cannot keep.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// An unsigned number that a column cannot hold is its highest.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a column that is never below zero.
pub(super) fn unsigned<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Under which column of a table the ids beneath a scope are found, and the column's value.
pub(super) fn scope_column(scope: &ResourceId) -> (Scope, String) {
    let kind_of = scope.kind();
    let column = if kind_of.eq_ignore_ascii_case(kind::GROUP) {
        Scope::Group
    } else if scope.parent().is_none() {
        Scope::Subscription
    } else {
        Scope::Parent
    };
    (column, scope.key().to_owned())
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Subscription,
    Group,
    Parent,
}

/// Keys of all that an id is in: of its subscription, its group and its parent.
pub(super) fn scopes_of(id: &ResourceId) -> (String, Option<String>, Option<String>) {
    let subscription = ResourceId::subscription_of(id.subscription()).key().to_owned();
    let group = id.group_id().map(|group| group.key().to_owned());
    (subscription, group, id.parent().map(|parent| parent.key().to_owned()))
}

/// The first and the first-not key of all that is beneath an id: `/` follows it, and `0` follows `/`.
pub(super) fn beneath(id: &ResourceId) -> (String, String) {
    (format!("{}/", id.key()), format!("{}0", id.key()))
}

/// A place in a list ordered by number.
pub(super) fn number_cursor(after: Option<&str>) -> Result<i64, Fault> {
    let Some(after) = after else { return Ok(0) };
    let number = after.strip_prefix('n').and_then(|digits| i64::from_str_radix(digits, 16).ok());
    Ok(number.ok_or_else(bad_cursor)?)
}

pub(super) fn number_after(number: i64) -> String {
    format!("n{number:x}")
}

/// A place in a list ordered by name.
pub(super) fn name_cursor(after: Option<&str>) -> Result<String, Fault> {
    let Some(after) = after else { return Ok(String::new()) };
    let bytes = after.strip_prefix('k').and_then(|digits| hex::decode(digits).ok());
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_cursor)?)
}

pub(super) fn name_after(name: &str) -> String {
    format!("k{}", hex::encode(name))
}

fn bad_cursor() -> Error {
    Error::new(
        Code::InvalidRequest,
        "the mark of the next page is not one that was given out: list from the start",
    )
    .about("$skiptoken")
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What the next page is asked for with; nothing after the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Of rows of which one more was asked for than a page has.
    pub(super) fn of(mut rows: Vec<(String, T)>, most: usize) -> Self {
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().map(|(mark, _)| mark.clone()).filter(|_| more);
        Self { items: rows.into_iter().map(|(_, item)| item).collect(), next }
    }
}
