//! Whose requests to Google Cloud Storage are, and where they go: as Google's own tools find it.

use transload_blobstore::{Credential, GcsIdentity, GcsOptions, StoreOptions};
use transload_transfer::Error;

use crate::cli::StoreArgs;
use crate::config::GoogleEnvironment;

/// Completes the options and says who asks. In this order: nobody if that was asked for or an emulator is, the file that
/// the environment names, a login, the machine's or workload's service account.
pub(super) fn set_up(
    args: &StoreArgs,
    google: &GoogleEnvironment,
    options: &mut StoreOptions,
) -> Result<Credential, Error> {
    let emulator = google.emulator.as_ref().filter(|_| args.endpoint.is_none()).map(|host| url_of(host));
    let emulated = emulator.is_some();
    options.gcs = GcsOptions {
        endpoint: args.endpoint.clone().or(emulator),
        // what is typed is meant, and an emulator has no TLS
        plain_http: args.endpoint.is_some() || emulated,
    };
    Ok(Credential::Gcs(identity(args.anonymous || emulated, google)))
}

fn identity(nobody: bool, google: &GoogleEnvironment) -> GcsIdentity {
    if nobody {
        return GcsIdentity::Anonymous;
    }
    let login = google.login_file.clone().filter(|file| file.is_file());
    google.credentials_file.clone().or(login).map_or(GcsIdentity::Instance, GcsIdentity::File)
}

/// Google's tools take the emulator's address with a scheme and without.
fn url_of(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(args: &StoreArgs, google: &GoogleEnvironment) -> (GcsOptions, String) {
        let mut options = StoreOptions::default();
        let credential = set_up(args, google, &mut options).unwrap();
        (options.gcs, format!("{credential:?}"))
    }

    #[test]
    fn a_named_file_goes_before_a_login_and_that_before_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let login = folder.path().join("login.json");
        let mut google =
            GoogleEnvironment { login_file: Some(login.clone()), ..GoogleEnvironment::default() };
        let args = StoreArgs::default();
        assert_eq!(set(&args, &google).1, "Instance");
        std::fs::write(&login, "{}").unwrap();
        assert!(set(&args, &google).1.contains("login.json"));
        google.credentials_file = Some("named.json".into());
        assert_eq!(set(&args, &google).1, "File(named.json)");
        let args = StoreArgs { anonymous: true, ..StoreArgs::default() };
        assert_eq!(set(&args, &google).1, "Anonymous");
    }

    #[test]
    fn an_emulator_is_asked_without_a_token_unless_another_endpoint_is_given() {
        let google = GoogleEnvironment {
            emulator: Some("localhost:9000".to_owned()),
            credentials_file: Some("named.json".into()),
            ..GoogleEnvironment::default()
        };
        let (options, who) = set(&StoreArgs::default(), &google);
        assert_eq!((options.endpoint.as_deref(), who.as_str()), (Some("http://localhost:9000"), "Anonymous"));
        let args = StoreArgs { endpoint: Some("https://private.example".to_owned()), ..StoreArgs::default() };
        let (options, who) = set(&args, &google);
        assert_eq!(
            (options.endpoint.as_deref(), who.as_str()),
            (Some("https://private.example"), "File(named.json)")
        );
    }
}
