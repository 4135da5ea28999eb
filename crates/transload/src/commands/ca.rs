//! `transload ca`: certificates of the authority that the server made, on the server's machine.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret as _;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::task::spawn_blocking;
use transload_depot::{Authority, Issued};
use transload_transfer::{Code, Error};

use super::registry::trouble;
use crate::cli::{CaArgs, CaCommand, CaFolderArgs, CaIssueArgs, CaShowArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What was issued, and where it lies.
#[derive(Serialize)]
struct Written {
    certificate: PathBuf,
    key: PathBuf,
    names: Vec<String>,
    not_after: String,
    ca_file: PathBuf,
}

/// The authority.
#[derive(Serialize)]
struct Shown {
    ca_file: PathBuf,
    not_after: String,
    pem: String,
}

pub(crate) async fn run(args: CaArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    match args.command {
        CaCommand::Issue(args) => issue(args, environment, output).await,
        CaCommand::Show(args) => show(args, environment, output).await,
    }
}

async fn issue(args: CaIssueArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let folder = folder(&args.folder, environment)?;
    let written = blocking(move || {
        let authority = open(&folder)?;
        let issued = authority.issue(&args.names, DAY * u32::from(args.days));
        let issued = issued.map_err(|error| {
            trouble(&error).with_next(
                "name hosts that the server has by its --url, its suffixes or --tls-generate; `transload serve` says them \
                 when it starts",
            )
        })?;
        write(&args.out, &issued, args.force, authority.certificate_file())
    })
    .await?;
    output.show("certificate", &written, || {
        Page::new().text(format!(
            "certificate   {}\nkey           {} (mode 0600)\nfor           {}\nends          {}\ntrusted with  {}\n",
            written.certificate.display(),
            written.key.display(),
            written.names.join(", "),
            written.not_after,
            written.ca_file.display(),
        ))
    })?;
    Ok(Exit::Success)
}

async fn show(args: CaShowArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let folder = folder(&args.folder, environment)?;
    let shown = blocking(move || {
        let authority = open(&folder)?;
        Ok(Shown {
            ca_file: authority.certificate_file().to_owned(),
            not_after: day(authority.not_after()),
            pem: authority.pem().map_err(|error| trouble(&error))?,
        })
    })
    .await?;
    output.show("authority", &shown, || Page::new().text(shown.pem.clone()))?;
    Ok(Exit::Success)
}

/// The authority's folder: named, else `tls` in the server's.
fn folder(args: &CaFolderArgs, environment: &Environment) -> Result<PathBuf, Error> {
    if let Some(folder) = &args.tls_folder {
        return Ok(folder.clone());
    }
    let data = args.data.clone().or_else(|| environment.data_folder.clone());
    data.map(|data| data.join("tls")).ok_or_else(|| {
        Error::new(Code::Usage, "--data", "there is no HOME, and so no usual folder")
            .with_next("name the server's folder with --data")
    })
}

fn open(folder: &Path) -> Result<Authority, Error> {
    Authority::open(folder).map_err(|error| {
        trouble(&error).with_next(
            "name the server's folder with --data, as the user who runs it; a server that was given --tls-cert has no \
             authority of its own",
        )
    })
}

/// Writes key and certificate, the key first: where there is a certificate, its key is there.
fn write(folder: &Path, issued: &Issued, force: bool, ca_file: &Path) -> Result<Written, Error> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let stem = issued.names[0].replace('*', "_").replace(':', "-");
    let certificate = folder.join(format!("{stem}.crt"));
    let key = folder.join(format!("{stem}.key"));
    for path in [&certificate, &key] {
        if path.exists() && !force {
            return Err(Error::new(Code::Usage, path.display().to_string(), "there is such a file already")
                .with_next("name another folder with --out, or replace it with --force"));
        }
    }
    keep(folder, &key, issued.key_pem.expose_secret(), 0o600).map_err(|error| failed(&key, &error))?;
    keep(folder, &certificate, &issued.cert_pem, 0o644).map_err(|error| failed(&certificate, &error))?;
    let not_after = day(issued.not_after);
    let ca_file = std::path::absolute(ca_file).unwrap_or_else(|_| ca_file.to_owned());
    Ok(Written { certificate, key, names: issued.names.clone(), not_after, ca_file })
}

/// Whole or not at all.
fn keep(folder: &Path, path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::StoreIo, path.display().to_string(), error.to_string())
        .with_next("name a folder that this user may write to with --out")
}

fn day(at: SystemTime) -> String {
    OffsetDateTime::from(at).date().to_string()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|error| Error::new(Code::Internal, "ca", error.to_string()))?
}
