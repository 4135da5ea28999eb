//! Whose requests to Google Cloud Storage are, as Google's own tools find it, from an environment that somebody has read.

use std::path::PathBuf;

use transload_blobstore::{GcsIdentity, GcsOptions};

/// What Google's tools take from the environment.
#[derive(Debug, Clone, Default)]
pub struct GoogleEnvironment {
    /// A file that somebody named: `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials_file: Option<PathBuf>,
    /// Where a login leaves its credential; it may not exist.
    pub login_file: Option<PathBuf>,
    /// An emulator, as URL or as `host:port`: `STORAGE_EMULATOR_HOST`.
    pub emulator: Option<String>,
}

impl GoogleEnvironment {
    /// Where buckets are: at an emulator, if there is one.
    pub fn options(&self) -> GcsOptions {
        // an emulator has no TLS
        GcsOptions {
            endpoint: self.emulator.as_ref().map(|host| url_of(host)),
            plain_http: self.emulator.is_some(),
        }
    }

    /// Who asks. In this order: nobody if an emulator is asked, the file that the environment names, a login, the
    /// machine's or workload's service account.
    pub fn identity(&self) -> GcsIdentity {
        if self.emulator.is_some() { GcsIdentity::Anonymous } else { self.account() }
    }

    /// The same where another endpoint is asked than the emulator.
    pub fn account(&self) -> GcsIdentity {
        let login = self.login_file.clone().filter(|file| file.is_file());
        self.credentials_file.clone().or(login).map_or(GcsIdentity::Instance, GcsIdentity::File)
    }
}

/// Google's tools take the emulator's address with a scheme and without.
fn url_of(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_goes_before_a_login_and_that_before_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let login = folder.path().join("login.json");
        let mut google =
            GoogleEnvironment { login_file: Some(login.clone()), ..GoogleEnvironment::default() };
        let who = |google: &GoogleEnvironment| format!("{:?}", google.identity());
        assert_eq!(who(&google), "Instance");
        std::fs::write(&login, "{}").unwrap();
        assert!(who(&google).contains("login.json"));
        google.credentials_file = Some("named.json".into());
        assert_eq!(who(&google), "File(named.json)");
        google.emulator = Some("localhost:9000".to_owned());
        assert_eq!(who(&google), "Anonymous");
        assert_eq!(google.options().endpoint.as_deref(), Some("http://localhost:9000"));
    }
}
