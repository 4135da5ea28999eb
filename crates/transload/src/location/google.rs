//! Whose requests to Google Cloud Storage are, and where they go: what is typed, then what Google's own tools find.

use transload_blobstore::{Credential, GcsIdentity, GcsOptions, StoreOptions};
use transload_endpoints::google::GoogleEnvironment;

use crate::cli::StoreArgs;

/// Completes the options and says who asks; nobody if that was asked for.
pub(super) fn set_up(args: &StoreArgs, google: &GoogleEnvironment, options: &mut StoreOptions) -> Credential {
    let identity = match &args.endpoint {
        // what is typed is meant
        Some(endpoint) => {
            options.gcs = GcsOptions { endpoint: Some(endpoint.clone()), plain_http: true };
            google.account()
        }
        None => {
            options.gcs = google.options();
            google.identity()
        }
    };
    Credential::Gcs(if args.anonymous { GcsIdentity::Anonymous } else { identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(args: &StoreArgs, google: &GoogleEnvironment) -> (GcsOptions, String) {
        let mut options = StoreOptions::default();
        let credential = set_up(args, google, &mut options);
        (options.gcs, format!("{credential:?}"))
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

    #[test]
    fn nobody_asks_where_that_was_asked_for() {
        let google = GoogleEnvironment { credentials_file: Some("named.json".into()), ..Default::default() };
        let args = StoreArgs { anonymous: true, ..StoreArgs::default() };
        assert_eq!(set(&args, &google).1, "Anonymous");
    }
}
