//! The S3 adapter against moto, and through a proxy that breaks things.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conforming;
mod failures;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use transload_blobstore::{
    BlobStore, Credential, Location, RetryLimits, S3Identity, S3Options, StoreOptions, open,
};
use transload_testkit::peers::MotoKey;

/// Options that do not wait long.
fn options(endpoint: &str) -> StoreOptions {
    let retry = RetryLimits {
        delay_first: Duration::from_millis(10),
        delay_max: Duration::from_millis(50),
        ..RetryLimits::default()
    };
    let s3 = S3Options { endpoint: Some(endpoint.to_owned()), ..S3Options::default() };
    StoreOptions { retry, s3, ..StoreOptions::default() }
}

fn key(key: &MotoKey) -> S3Identity {
    S3Identity::Key { id: key.id.clone(), secret: key.secret.clone().into(), session: None }
}

/// A key that nobody has; good enough where nothing is checked.
fn any_key() -> S3Identity {
    S3Identity::Key {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "hunter2".to_owned().into(),
        session: None,
    }
}

fn opened(bucket: &str, identity: &S3Identity, options: &StoreOptions) -> Arc<dyn BlobStore> {
    let location = Location::parse(&format!("s3://{bucket}")).unwrap();
    open(&location, Credential::S3(identity.clone()), options).unwrap().0
}
