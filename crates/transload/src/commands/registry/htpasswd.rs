//! `transload registry htpasswd`.

use std::io::Write as _;
use std::path::Path;

use secrecy::SecretString;
use serde::Serialize;
use transload_depot::access::{with_user, without_user};
use transload_transfer::{Code, Error};

use crate::cli::HtpasswdArgs;
use crate::commands::login::{piped, prompt_secret};
use crate::exit::Exit;
use crate::output::{Output, Page};

/// What became of a user.
#[derive(Serialize)]
struct Written {
    user: String,
    file: String,
    done: &'static str,
}

pub(crate) async fn run(args: HtpasswdArgs, output: &Output) -> Result<Exit, Error> {
    let before = read(&args.file)?;
    let (text, done) = if args.delete {
        let before = before.unwrap_or_default();
        let text = without_user(&before, &args.user).ok_or_else(|| {
            Error::new(Code::Usage, &args.user, format!("there is no such user in {}", args.file.display()))
                .with_next("nothing was changed; check the name")
        })?;
        (text, "deleted")
    } else {
        let password = password(&args).await?;
        let before = before.unwrap_or_default();
        let is_new = without_user(&before, &args.user).is_none();
        let (user, cost) = (args.user.clone(), args.cost);
        // slow on purpose
        let text = tokio::task::spawn_blocking(move || with_user(&before, &user, &password, cost)).await;
        let text = text.map_err(|error| Error::new(Code::Internal, &args.user, error.to_string()))?;
        let text = text.map_err(|what| {
            Error::new(Code::Usage, &args.user, what).with_next("nothing was changed; take another one")
        })?;
        (text, if is_new { "added" } else { "changed" })
    };
    write(&args.file, &text).map_err(|error| cannot(&args.file, &error))?;
    let written = Written { user: args.user, file: args.file.display().to_string(), done };
    let text = format!("{} {} in {}\n", written.user, written.done, written.file);
    output.show("htpasswd", &written, || Page::new().text(text))?;
    Ok(Exit::Success)
}

async fn password(args: &HtpasswdArgs) -> Result<SecretString, Error> {
    if args.password_stdin {
        return piped("--password-stdin");
    }
    let next = "pipe the password in: … | transload registry htpasswd FILE USER --password-stdin";
    prompt_secret(&args.user, &args.user).await.map_err(|error| match error.code() {
        Code::Usage => error.with_next(next),
        _ => error,
    })
}

/// `None` where there is no file yet.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(path, &error)),
    }
}

/// In one step, and for its owner alone: a registry that reads it meanwhile sees the one or the other.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(())
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::StoreIo, path.display().to_string(), error.to_string())
        .with_next("check the path and who may write there; nothing was changed")
}
