//! `transload login` and `transload logout`.

use std::io::{BufRead, IsTerminal, Read};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use transload_registry::credentials::{Credential, DockerConfig, Static};
use transload_registry::{LoginCheck, Source};
use transload_transfer::{Code, Error};

use crate::cli::{LoginArgs, LogoutArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, error_text};
use crate::registries::Registries;

/// Access tokens are some KiB long; what is longer is another file.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;

/// What became of a login.
#[derive(Serialize)]
struct LoggedIn {
    registry: String,
    user: String,
    /// Whether the registry was asked and accepted it.
    checked: bool,
    kept_in: String,
    plain_text: bool,
}

/// What became of a logout.
#[derive(Serialize)]
struct LoggedOut {
    registry: String,
    /// Where there was a credential.
    forgotten_in: Vec<String>,
}

pub(crate) async fn login(
    mut args: LoginArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    // to be written to, it need not be there
    let named = args.registries.auth_file.take();
    let registries = Registries::new(&args.registries, &args.trust, environment)?;
    let files = named.as_ref().map_or_else(|| environment.auth_files.clone(), |file| vec![file.clone()]);
    let file = named.or_else(|| environment.login_file.clone()).ok_or_else(|| {
        Error::new(Code::Usage, &args.registry, "there is no HOME, and so no usual place for credentials")
            .with_next("name a file with --auth-file")
    })?;
    let host = host(&args.registry)?;
    let (user, secret) = ask(&args, &host).await?;

    let credential = Credential::basic(&user, secret.expose_secret());
    let client = registries.client_with(&host, Arc::new(Static::new(credential, "this login")))?;
    let host = client.host().to_owned();
    let check = client.check_login().await.map_err(|error| nothing_kept(Error::from(error)))?;
    let kept = DockerConfig::new(files).keep(&host, &user, &secret, &file).await?;

    if check == LoginCheck::NotAsked {
        output.warning(&format!(
            "{host} asks nobody for a credential, so nobody knows whether this one is good"
        ));
    }
    if kept.plain_text {
        output.warning(&format!(
            "the password stands in {} in plain text; a credential helper keeps it safer (credsStore in that file)",
            kept.place
        ));
    }
    let done = LoggedIn {
        registry: host,
        user,
        checked: check == LoginCheck::Accepted,
        kept_in: kept.place,
        plain_text: kept.plain_text,
    };
    let text = format!("logged in to {} as {}; kept in {}\n", done.registry, done.user, done.kept_in);
    output.show("logged_in", &done, || Page::new().text(text))?;
    Ok(Exit::Success)
}

pub(crate) async fn logout(
    args: LogoutArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let host = host(&args.registry)?;
    let files = args.auth_file.map_or_else(|| environment.auth_files.clone(), |file| vec![file]);
    let config = DockerConfig::new(files);
    let done = LoggedOut { forgotten_in: config.forget(&host).await?, registry: host };
    let text = match done.forgotten_in.as_slice() {
        [] => not_there(&done.registry, &config.registries()?),
        places => format!("logged out of {}: forgotten in {}\n", done.registry, places.join(" and ")),
    };
    output.show("logged_out", &done, || Page::new().text(text))?;
    Ok(Exit::Success)
}

fn not_there(host: &str, others: &[String]) -> String {
    let known = match others {
        [] => "there is none for any other registry either".to_owned(),
        others => format!("there is one for {}", others.join(", ")),
    };
    format!("nothing to do: there is no credential for {host}; {known}\n")
}

/// The registry's name as credentials are kept under.
fn host(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.contains('/') {
        let scheme = text.contains("://");
        let what = if scheme { "there is a scheme in it" } else { "there is a path in it" };
        return Err(Error::new(Code::ReferenceInvalid, text, what)
            .with_next("write the registry as host or host:port; a credential is for the whole registry"));
    }
    Ok(text.to_ascii_lowercase())
}

/// The same error, with what matters most to whoever logs in.
fn nothing_kept(error: Error) -> Error {
    match error.code() {
        Code::Unauthorized | Code::Denied => error.with_next(
            "nothing was kept; check user and password (where a second factor is asked for, an access token)",
        ),
        _ => error,
    }
}

/// User and password, from where the arguments say.
async fn ask(args: &LoginArgs, host: &str) -> Result<(String, SecretString), Error> {
    let user = match &args.user {
        Some(user) => user.clone(),
        None if args.password_stdin => return Err(no_terminal(host)),
        None => prompt_user(host)?,
    };
    if user.is_empty() || user.contains(':') {
        return Err(Error::new(Code::Usage, "--user", "a user's name is not empty and has no colon in it"));
    }
    let secret =
        if args.password_stdin { piped("--password-stdin")? } else { prompt_secret(host, &user).await? };
    if secret.expose_secret().is_empty() {
        return Err(Error::new(Code::Usage, host, "the password is empty")
            .with_next("check what comes through the pipe, or leave out --password-stdin to be asked"));
    }
    Ok((user, secret))
}

/// The password from a pipe, without the end of its line.
pub(super) fn piped(subject: &str) -> Result<SecretString, Error> {
    let mut text = String::new();
    let read = std::io::stdin().take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Error::new(Code::Usage, subject, error.to_string()))?;
    if text.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(Error::new(Code::Usage, subject, format!("longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(SecretString::from(text))
}

fn prompt_user(host: &str) -> Result<String, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(no_terminal(host));
    }
    error_text(&format!("User for {host}: "));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Error::new(Code::Usage, host, error.to_string()))?;
    Ok(line.trim().to_owned())
}

pub(super) async fn prompt_secret(host: &str, user: &str) -> Result<SecretString, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(no_terminal(host));
    }
    prompt(&format!("Password of {user} (not shown): "), host).await
}

/// Asks for a secret on the terminal; it is not shown as it is typed.
pub(super) async fn prompt(prompt: &str, subject: &str) -> Result<SecretString, Error> {
    let prompt = prompt.to_owned();
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
    let subject = subject.to_owned();
    match asked {
        Ok(Ok(secret)) => Ok(SecretString::from(secret)),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Error::new(Code::Interrupted, subject, "stopped on request").with_next("nothing was kept"))
        }
        Ok(Err(error)) => {
            Err(Error::new(Code::Usage, subject, format!("the terminal cannot be asked: {error}")))
        }
        Err(error) => Err(Error::new(Code::Internal, subject, error.to_string())),
    }
}

fn no_terminal(host: &str) -> Error {
    Error::new(Code::Usage, host, "user and password are missing, and there is no terminal to ask on")
        .with_next(format!("pipe the password in: … | transload login {host} --user USER --password-stdin"))
}
