//! Where a ledger is: a file for SQLite, or a database of PostgreSQL.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use crate::{Code, Error};

/// Options of a URL that the driver knows. Beside them `options[name]`, a setting of PostgreSQL's own.
const OPTIONS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// Where a ledger is. The URL may have a password in it and is shown by nothing.
#[derive(Clone)]
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres(Url),
}

impl Place {
    /// Reads `sqlite://path`, `postgres://…` or the path of a file.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |detail: &str| Err(Error::new(Code::InvalidRequest, detail).about("ledger"));
        match text.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
            Some((scheme, _)) if scheme == "postgres" || scheme == "postgresql" => Self::postgres(text),
            Some((scheme, rest)) if scheme == "sqlite" => {
                Self::file(Path::new(rest.strip_prefix("//").unwrap_or(rest)))
            }
            Some((scheme, rest)) if rest.starts_with("//") => refuse(&format!(
                "there is no ledger of the kind '{scheme}': name a file, sqlite://path or postgres://…"
            )),
            _ => Self::file(Path::new(text)),
        }
    }

    fn postgres(text: &str) -> Result<Self, Error> {
        let refuse = |detail: &str| Err(Error::new(Code::InvalidRequest, detail).about("ledger"));
        let url = match Url::parse(text) {
            Ok(url) => url,
            // the parser's complaint does not quote the URL, and neither do we: it may hold a password
            Err(why) => {
                return refuse(&format!(
                    "the URL of the ledger cannot be read ({why}): write postgres://user:password@host:5432/database, \
                     with characters like @ / # in user and password percent-encoded"
                ));
            }
        };
        // the driver would log those that it does not know, with their values
        let unknown = url.query_pairs().find(|(key, _)| !is_option(key));
        if let Some((key, _)) = unknown {
            return refuse(&format!(
                "the URL of the ledger has an option '{key}' that nobody knows; known are {}",
                OPTIONS.join(", ")
            ));
        }
        if url.path().trim_start_matches('/').is_empty() && option(&url, "dbname").is_none() {
            return refuse(
                "the URL of the ledger names no database: write postgres://user:password@host:5432/database",
            );
        }
        Ok(Self::Postgres(url))
    }

    fn file(path: &Path) -> Result<Self, Error> {
        let refuse = |detail: String| Err(Error::new(Code::InvalidRequest, detail).about("ledger"));
        if path.as_os_str().is_empty() {
            return refuse(
                "the ledger's file has no name: name a file, sqlite://path or postgres://…".to_owned(),
            );
        }
        match std::path::absolute(path) {
            Ok(path) if path.to_str().is_some() => Ok(Self::Sqlite(path)),
            Ok(path) => refuse(format!("the ledger's file {} is not named in UTF-8", path.display())),
            Err(why) => refuse(format!("the ledger's file {} cannot be found: {why}", path.display())),
        }
    }

    /// For people: without user, password and options.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite, {}", path.display()),
            Self::Postgres(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let host = option(url, "host").or_else(|| url.host_str().map(str::to_owned));
                let database =
                    option(url, "dbname").unwrap_or_else(|| url.path().trim_start_matches('/').to_owned());
                format!("PostgreSQL, {}{port}/{database}", host.as_deref().unwrap_or("localhost"))
            }
        }
    }

    /// As the database's driver wants it.
    pub(super) fn driver_url(&self) -> Result<Url, Error> {
        match self {
            Self::Postgres(url) => Ok(url.clone()),
            Self::Sqlite(path) => {
                // a file URL has all of a path's characters encoded that would end a path
                let url = Url::from_file_path(path).ok().map(|url| url.path().replace(':', "%3A"));
                let url = url.and_then(|path| Url::parse(&format!("sqlite://{path}?mode=rw")).ok());
                url.ok_or_else(|| unusable(path, &io::Error::from(io::ErrorKind::InvalidFilename)))
            }
        }
    }

    /// Makes SQLite's file, for its owner alone, and sees that it can be written.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|why| unusable(path, &why))?;
        let about = file.metadata().map_err(|why| unusable(path, &why))?;
        if !about.is_file() {
            return Err(unusable(path, &io::Error::other("it is no file")));
        }
        keep_to_owner(path, &about).map_err(|why| unusable(path, &why))
    }
}

fn is_option(key: &str) -> bool {
    OPTIONS.contains(&key) || (key.starts_with("options[") && key.ends_with(']'))
}

fn option(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Secrets, sealed as they are, and hashes are in it: nobody else reads it. SQLite gives the files beside it the same mode.
#[cfg(unix)]
fn keep_to_owner(path: &Path, about: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if about.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_to_owner(_path: &Path, _about: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

fn unusable(path: &Path, why: &io::Error) -> Error {
    let path = path.display();
    let hint = match why.kind() {
        io::ErrorKind::NotFound => "make its folder first",
        io::ErrorKind::PermissionDenied => "give this user the right to write to it and to its folder",
        _ => "name another file, or put this one right",
    };
    Error::new(
        Code::LedgerUnavailable,
        format!("the ledger's file {path} cannot be opened for writing: {why}; {hint}"),
    )
    .about("ledger")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> String {
        Place::parse(text).map_or_else(|e| e.message, |place| place.describe())
    }

    #[test]
    fn places_are_read() {
        assert_eq!(described("sqlite:///a/b.db"), "SQLite, /a/b.db");
        assert_eq!(described("sqlite:/a/b.db"), "SQLite, /a/b.db");
        assert_eq!(described("/a/b.db"), "SQLite, /a/b.db");
        assert!(described("sqlite://b.db").ends_with("/b.db"));
        assert_eq!(described("postgres://u:secret@h:1/d?sslmode=disable"), "PostgreSQL, h:1/d");
        assert_eq!(described("PostgreSQL://h/d"), "PostgreSQL, h/d");
        let socket =
            "postgres:///?host=/run/postgresql&user=u&password=secret&dbname=d&options[search_path]=x";
        assert_eq!(described(socket), "PostgreSQL, /run/postgresql/d");
    }

    #[test]
    fn refusals_quote_no_password() {
        for text in [
            "postgres://u:hunter2@h:x/d",
            "postgres://h/d?passwd=hunter2",
            "postgres://u:hunter2@h",
            "mysql://u:hunter2@h/d",
            "",
        ] {
            let Err(refusal) = Place::parse(text) else { panic!("{text}") };
            assert!(!refusal.message.contains("hunter2"), "{}", refusal.message);
            assert!(refusal.message.contains("ledger"), "{}", refusal.message);
        }
    }

    #[test]
    fn odd_paths_stay_themselves() {
        let odd = "/tmp/a b?c#d%41:e.db";
        let Ok(place) = Place::parse(odd) else { panic!() };
        let url = place.driver_url().unwrap();
        let options =
            <sqlx::sqlite::SqliteConnectOptions as std::str::FromStr>::from_str(url.as_str()).unwrap();
        assert_eq!(options.get_filename(), Path::new(odd));
    }
}
