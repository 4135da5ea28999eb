//! Docker's credential helpers: programs `docker-credential-NAME` that are asked `get` with a server's name on
//! their standard input and answer in JSON.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::zeroize::Zeroize;
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
        let program = format!("docker-credential-{helper}");
        let bad = |why: String| invalid(host, format!("{program}, named in {place}, {why}"));
        if helper.contains(['/', '\\']) {
            return Err(bad("is a path and not a helper's name".to_owned()));
        }
        let run = async {
            let found = self.folders.iter().map(|folder| folder.join(&program)).find(|path| path.exists());
            let mut child = Command::new(found.unwrap_or_else(|| PathBuf::from(&program)))
                .arg("get")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that fails at once does not read its input; its own words are worth more than that.
                stdin.write_all(server.as_bytes()).await.ok();
            }
            child.wait_with_output().await
        };
        let output = match tokio::time::timeout(HELPER_TIMEOUT, run).await {
            Err(_) => return Err(bad(format!("did not answer in {} s", HELPER_TIMEOUT.as_secs()))),
            Ok(Err(error)) => return Err(bad(format!("cannot be run: {error}"))),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            // Helpers print their messages to standard output, by protocol only messages when they fail.
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            if said.contains("credentials not found") || said.contains("no credentials server URL") {
                return Ok(None);
            }
            return Err(bad(format!("failed: {}", one_line(&said, 300))));
        }
        let mut answer: Answer =
            serde_json::from_slice(&output.stdout).map_err(|_| bad("answered no valid JSON".to_owned()))?;
        if answer.secret.is_empty() {
            return Ok(None);
        }
        let credential = from_user(&answer.username, &answer.secret);
        answer.secret.zeroize();
        Ok(Some(Found { credential, origin: format!("{program} (named in {place})") }))
    }
}
