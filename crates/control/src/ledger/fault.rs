//! What goes wrong beneath the ledger, and how it is told.

use std::{fmt, io};

use crate::{Code, Error};

const TLS_NEXT: &str = "see to the database's certificate, or to sslmode and sslrootcert of the URL";

/// Why something did not work: a refusal that the caller gets as it is, or something of the database.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Error),
    Sql(sqlx::Error),
    /// What is in the ledger is not what this program writes.
    Damaged(String),
    /// The database took too long.
    Late,
    /// Another transaction did the same at the same time.
    Collided,
}

impl From<Error> for Fault {
    fn from(refusal: Error) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(fault: sqlx::Error) -> Self {
        Self::Sql(fault)
    }
}

impl Fault {
    /// Something in the ledger that this program did not write.
    pub(super) fn damaged(what: &str, why: impl fmt::Display) -> Self {
        Self::Damaged(format!("{what}: {why}"))
    }

    fn database_code(&self) -> Option<String> {
        match self {
            Self::Sql(sqlx::Error::Database(why)) => why.code().map(|code| code.into_owned()),
            _ => None,
        }
    }

    /// Whether the transaction was undone because of another one, and may be tried again at once.
    pub(super) fn is_collision(&self) -> bool {
        if matches!(self, Self::Collided) {
            return true;
        }
        // SQLite: busy (5) and locked (6) in the low byte; PostgreSQL: serialization failure, deadlock
        match self.database_code().as_deref() {
            Some("40001" | "40P01") => true,
            Some(code) => sqlite_code(code).is_some_and(|code| matches!(code, 5 | 6)),
            None => false,
        }
    }

    /// Whether the database is out of reach in a way that may pass by waiting.
    pub(super) fn is_out_of_reach(&self) -> bool {
        match self {
            // a handshake that failed arrives as invalid data: waiting does not help
            Self::Sql(sqlx::Error::Io(why)) => why.kind() != io::ErrorKind::InvalidData,
            Self::Sql(sqlx::Error::PoolTimedOut) => true,
            // starting up, shutting down, or full of connections
            _ => self.database_code().is_some_and(|code| code.starts_with("57P") || code == "53300"),
        }
    }

    /// What the caller is told. `place` describes the ledger without a password.
    pub(super) fn explain(self, place: &str) -> Error {
        let (what, next) = match &self {
            Self::Refused(refusal) => return refusal.clone(),
            Self::Collided => ("is changed by many at once".to_owned(), "try again"),
            Self::Late => ("did not answer in time".to_owned(), "see whether the database is overloaded"),
            Self::Damaged(detail) => (
                format!("holds what this program did not write: {detail}"),
                "restore it from a backup, or remove what was changed by hand",
            ),
            Self::Sql(why) => explain_sql(why, self.database_code().as_deref()),
        };
        Error::new(Code::LedgerUnavailable, format!("the ledger ({place}) {what}; {next}")).about("ledger")
    }
}

/// SQLite's primary result code out of an extended one, of codes that are SQLite's: those of PostgreSQL have five characters.
fn sqlite_code(code: &str) -> Option<u32> {
    (code.len() < 5).then(|| code.parse::<u32>().ok()).flatten().map(|code| code & 0xff)
}

fn explain_sql(why: &sqlx::Error, code: Option<&str>) -> (String, &'static str) {
    let detail = match why {
        sqlx::Error::Database(why) => why.message().to_owned(),
        other => other.to_string(),
    };
    match why {
        sqlx::Error::PoolTimedOut => (
            "cannot be reached".to_owned(),
            "see whether the database runs, can be reached from here and has connections left",
        ),
        sqlx::Error::Io(why) if why.kind() == io::ErrorKind::InvalidData => {
            (format!("cannot be reached over TLS: {why}"), TLS_NEXT)
        }
        sqlx::Error::Io(why) => (
            format!("cannot be reached: {why}"),
            "see whether the database runs and can be reached from here",
        ),
        sqlx::Error::Tls(why) => (format!("cannot be reached over TLS: {why}"), TLS_NEXT),
        sqlx::Error::Configuration(_) => (
            "has a URL that cannot be used".to_owned(),
            "write postgres://user:password@host:5432/database?sslmode=…",
        ),
        sqlx::Error::PoolClosed => ("is closed".to_owned(), "this program is ending"),
        _ => match code {
            Some(code) => explain_code(code, &detail),
            None => (format!("failed: {detail}"), "try again; if it stays, see the database's own log"),
        },
    }
}

fn explain_code(code: &str, detail: &str) -> (String, &'static str) {
    let next = match (code, sqlite_code(code)) {
        ("28P01" | "28000", _) => "see to user and password in the ledger's URL",
        ("3D000", _) => "make the database first: createdb",
        ("42501", _) => "give the user of the ledger's URL the right to it; it should own its database",
        ("53100", _) | (_, Some(13)) => "the disk is full: make room; nothing that was acknowledged is lost",
        ("53300", _) => {
            "the database has no connections left: raise max_connections or lower connections_max"
        }
        (_, Some(8)) => "it cannot be written: see to its owner, its mode and its file system",
        (_, Some(14)) => "see to the rights on the file and on its folder, where SQLite keeps two more files",
        (_, Some(11)) => "the file is damaged: restore it from a backup",
        (_, Some(26)) => "the file is no SQLite database: name another one",
        (_, Some(10)) => "the disk or its file system has a fault: see the system's log",
        (_, Some(5 | 6)) => "another program has it locked: end that one",
        _ => "try again; if it stays, see the database's own log",
    };
    (format!("failed: {detail} ({code})"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collisions_are_told_from_codes_that_look_alike() {
        assert_eq!(sqlite_code("517"), Some(5));
        assert_eq!(sqlite_code("5"), Some(5));
        assert_eq!(sqlite_code("53100"), None);
        assert!(explain_code("13", "full").1.contains("disk is full"));
        assert!(explain_code("53100", "full").1.contains("disk is full"));
        assert!(explain_code("28P01", "no").1.contains("password"));
    }

    #[test]
    fn a_refusal_stays_what_it_is() {
        let refusal = Error::new(Code::Conflict, "no").about("x");
        assert_eq!(Fault::from(refusal.clone()).explain("place"), refusal);
        let late = Fault::Late.explain("SQLite, /x");
        assert!(late.message.contains("SQLite, /x") && late.is_transient(), "{late:?}");
    }
}
