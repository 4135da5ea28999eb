//! Docker's credential helpers: programs `docker-credential-NAME` that are asked `get` with a server's name on
//! their standard input and answer in JSON, and told to `store` and to `erase`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::Found;
use super::docker::{from_user, invalid};
use crate::error::Error;
use crate::http::one_line;

/// A helper may ask a service, or a person to touch a key.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);
/// Helpers give out tokens that live for hours; asking for every repository would start a program each time.
const KEPT: Duration = Duration::from_secs(300);

/// The helpers, and what they last said.
#[derive(Default)]
pub(super) struct Helpers {
    /// Where helpers are looked for before the search path.
    folders: Vec<PathBuf>,
    answers: Mutex<HashMap<(String, String), Slot>>,
}

/// Held while a helper is asked, so that one question is asked once.
type Slot = Arc<Mutex<Option<Kept>>>;

struct Kept {
    found: Option<Found>,
    at: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Helpers {
    pub(super) fn add_folder(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    /// Asks a helper about a server; one question at a time. `place` is the file that names the helper.
    pub(super) async fn get(
        &self,
        helper: &str,
        server: &str,
        host: &str,
        place: &str,
    ) -> Result<Option<Found>, Error> {
        let key = (helper.to_owned(), server.to_owned());
        let slot = self.answers.lock().await.entry(key).or_default().clone();
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.at.elapsed() < KEPT) {
            return Ok(kept.found.clone());
        }
        let found = self.ask(helper, server, host, place).await?;
        *kept = Some(Kept { found: found.clone(), at: Instant::now() });
        Ok(found)
    }

    async fn ask(&self, helper: &str, server: &str, host: &str, place: &str) -> Result<Option<Found>, Error> {
        let named = Named { helper, host, place };
        let said = match self.run(&named, "get", server.as_bytes()).await? {
            Ok(said) => said,
            Err(said) if says_unknown(&said) => return Ok(None),
            Err(said) => return Err(named.failed(&said)),
        };
        let mut answer: Answer =
            serde_json::from_slice(&said).map_err(|_| named.bad("answered no valid JSON"))?;
        if answer.secret.is_empty() {
            return Ok(None);
        }
        let credential = from_user(&answer.username, &answer.secret);
        answer.secret.zeroize();
        Ok(Some(Found { credential, origin: named.origin() }))
    }

    /// Gives a helper a credential to keep. Returns where it went, in words.
    pub(super) async fn store(
        &self,
        helper: &str,
        server: &str,
        host: &str,
        place: &str,
        (user, secret): (&str, &SecretString),
    ) -> Result<String, Error> {
        let named = Named { helper, host, place };
        let entry =
            serde_json::json!({"ServerURL": server, "Username": user, "Secret": secret.expose_secret()});
        let mut input = entry.to_string().into_bytes();
        let said = self.run(&named, "store", &input).await;
        input.zeroize();
        // its words are not shown: it was given the secret, and may quote it
        said?.map_err(|_| named.bad("does not store the credential; run it by hand to see why"))?;
        self.answers.lock().await.clear();
        Ok(named.origin())
    }

    /// Makes a helper forget a server. Returns where it was, in words, or nothing when it knew nothing.
    pub(super) async fn erase(
        &self,
        helper: &str,
        server: &str,
        host: &str,
        place: &str,
    ) -> Result<Option<String>, Error> {
        let named = Named { helper, host, place };
        if self.ask(helper, server, host, place).await?.is_none() {
            return Ok(None);
        }
        let said = self.run(&named, "erase", server.as_bytes()).await?;
        said.map_err(|said| named.failed(&said))?;
        self.answers.lock().await.clear();
        Ok(Some(named.origin()))
    }

    /// Runs a helper: what it said, in the inner error when it failed.
    async fn run(
        &self,
        named: &Named<'_>,
        action: &str,
        input: &[u8],
    ) -> Result<Result<Vec<u8>, String>, Error> {
        if named.helper.contains(['/', '\\']) {
            return Err(named.bad("is a path and not a helper's name"));
        }
        let program = named.program();
        let run = async {
            let found = self.folders.iter().map(|folder| folder.join(&program)).find(|path| path.exists());
            let mut child = Command::new(found.unwrap_or_else(|| PathBuf::from(&program)))
                .arg(action)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that fails at once does not read its input; its own words are worth more than that.
                stdin.write_all(input).await.ok();
            }
            child.wait_with_output().await
        };
        let output = match tokio::time::timeout(HELPER_TIMEOUT, run).await {
            Err(_) => return Err(named.bad(&format!("did not answer in {} s", HELPER_TIMEOUT.as_secs()))),
            Ok(Err(error)) => return Err(named.bad(&format!("cannot be run: {error}"))),
            Ok(Ok(output)) => output,
        };
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        // Helpers print their messages to standard output, by protocol only messages when they fail.
        Ok(Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
    }
}

/// A helper, about whom it is asked, and the file that names it.
struct Named<'a> {
    helper: &'a str,
    host: &'a str,
    place: &'a str,
}

impl Named<'_> {
    fn program(&self) -> String {
        format!("docker-credential-{}", self.helper)
    }

    fn origin(&self) -> String {
        format!("{} (named in {})", self.program(), self.place)
    }

    fn bad(&self, why: &str) -> Error {
        invalid(self.host, format!("{}, named in {}, {why}", self.program(), self.place))
    }

    fn failed(&self, said: &str) -> Error {
        self.bad(&format!("failed: {}", one_line(said, 300)))
    }
}

fn says_unknown(said: &str) -> bool {
    said.contains("credentials not found") || said.contains("no credentials server URL")
}
